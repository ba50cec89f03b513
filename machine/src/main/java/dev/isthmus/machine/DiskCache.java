// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.machine;

import java.util.Locale;

import org.jspecify.annotations.Nullable;

/**
 * How a disk uses the host's page cache, and when what the guest writes is stable. The names are QEMU's.
 *
 * <pre>
 *                 page cache   stable
 *  WRITEBACK      used         when the guest flushes
 *  NONE           bypassed     when the guest flushes
 *  WRITETHROUGH   used         when a write completes
 *  DIRECTSYNC     bypassed     when a write completes
 *  UNSAFE         used         never
 * </pre>
 */
public enum DiskCache {
    /** Through the page cache; the guest's flushes make writes stable. */
    WRITEBACK,
    /** Past the page cache, which the storage must be able to do; the guest's flushes make writes stable. */
    NONE,
    /** Through the page cache; every write is stable when it completes. */
    WRITETHROUGH,
    /** Past the page cache; every write is stable when it completes. */
    DIRECTSYNC,
    /** Through the page cache; flushes do nothing: a crash of the host may cost the whole disk. */
    UNSAFE;

    /** Returns the cache of a name such as "writeback", or null where there is none. */
    public static @Nullable DiskCache ofName(String name) {
        for (DiskCache cache : values()) {
            if (cache.optionName().equals(name)) {
                return cache;
            }
        }
        return null;
    }

    /** Returns the name in options, such as "writeback". */
    public String optionName() {
        return name().toLowerCase(Locale.ROOT);
    }

    /** Tells whether the page cache is bypassed (O_DIRECT). */
    public boolean direct() {
        return this == NONE || this == DIRECTSYNC;
    }

    /** Tells whether writes may stay volatile until the guest flushes. */
    public boolean writeback() {
        return this != WRITETHROUGH && this != DIRECTSYNC;
    }
}

// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.machine.fs;

import java.util.concurrent.atomic.AtomicLong;

import dev.isthmus.kvm.linux.ResourceLimits;

/**
 * The descriptors that the guests of all folders make this process have: half of what it may have at most, so that
 * whatever they do, enough are left for everything else. Any thread.
 */
final class FolderDescriptors {
    /** How many there may be. */
    static final long LIMIT = ResourceLimits.openFiles() / 2;

    private static final AtomicLong TAKEN = new AtomicLong();

    private FolderDescriptors() {}

    /** Counts one more; tells whether it may be. */
    static boolean take() {
        if (TAKEN.incrementAndGet() <= LIMIT) {
            return true;
        }
        TAKEN.decrementAndGet();
        return false;
    }

    /** Counts one less. */
    static void giveBack() {
        TAKEN.decrementAndGet();
    }
}

// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.block.qcow2;

import java.lang.foreign.MemorySegment;

import org.jspecify.annotations.Nullable;

/**
 * A cluster of metadata in memory: an L2 table or a refcount block. Belongs to its {@link CachedTables}.
 *
 * <p>Under the metadata lock only.
 */
final class CachedTable {
    /** Writes are rounded out to this: the page cache works in no smaller units. */
    private static final int WRITE_ALIGNMENT = 4096;

    private final CachedTables cache;

    /** The table as it is in the file, and then changed. */
    final MemorySegment bytes;

    /** Where in the file it belongs, or -1 where the memory is unused. */
    long offset = -1;

    /** The range that differs from the file, in bytes; empty where {@link #dirtyTo} is 0. */
    private int dirtyFrom;

    private int dirtyTo;

    /** Whether a write-back has a copy that is not in the file yet: reading the file would give an older table. */
    private boolean staged;

    @Nullable CachedTable hashNext;
    @Nullable CachedTable newer;
    @Nullable CachedTable older;

    CachedTable(CachedTables cache, MemorySegment bytes) {
        this.cache = cache;
        this.bytes = bytes;
    }

    /** Returns an entry of 64 bits. */
    long get(int index) {
        return bytes.get(Qcow2Format.U64, (long) index * Qcow2Format.ENTRY_BYTES);
    }

    /** Changes an entry of 64 bits. */
    void set(int index, long value) {
        int at = index * Qcow2Format.ENTRY_BYTES;
        bytes.set(Qcow2Format.U64, at, value);
        markDirty(at, at + Qcow2Format.ENTRY_BYTES);
    }

    void markDirty(int fromByte, int toByte) {
        if (dirtyTo == 0) {
            dirtyFrom = fromByte;
            dirtyTo = toByte;
            cache.becameDirty();
        } else {
            dirtyFrom = Math.min(dirtyFrom, fromByte);
            dirtyTo = Math.max(dirtyTo, toByte);
        }
    }

    void markAllDirty() {
        markDirty(0, (int) bytes.byteSize());
    }

    void markClean() {
        if (dirtyTo != 0) {
            dirtyTo = 0;
            cache.becameClean();
        }
    }

    boolean dirty() {
        return dirtyTo != 0;
    }

    /** Returns where the range to write starts, in bytes. */
    int writeFrom() {
        return dirtyFrom & -WRITE_ALIGNMENT;
    }

    /** Returns where the range to write ends, in bytes. */
    int writeTo() {
        return (int) Math.min(bytes.byteSize(), (dirtyTo + WRITE_ALIGNMENT - 1) & -WRITE_ALIGNMENT);
    }

    boolean staged() {
        return staged;
    }

    void setStaged(boolean isStaged) {
        staged = isStaged;
    }
}

// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.block.qcow2;

import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import java.util.BitSet;
import java.util.concurrent.locks.ReentrantLock;

import org.jspecify.annotations.Nullable;

import dev.isthmus.block.BlockStatus;

/**
 * Brings what has changed in memory to the file, in an order that leaves a sound image whenever the host crashes:
 *
 * <pre>
 *   under the metadata lock   refcount blocks are written; changed L2 tables and L1 entries are copied ("staged")
 *   flush                     so the counts, and the data that the L2 tables refer to, are stable
 *   write                     the copies of L2 tables
 *   flush
 *   write, flush              L1 entries, if any
 *   under the lock            clusters that these tables no longer refer to become free ({@link DeferredFrees})
 * </pre>
 *
 * <p>An L2 entry is set in memory only when the data it refers to has been written, so that a table that is staged never
 * refers to data that the following flush does not cover. What is lost in a crash is counted too high (leaked), never too
 * low. With lazy refcounts the first step is left out and the image marked dirty.
 *
 * <p>One at a time: its lock is taken before the metadata lock, never while that is held. A table that is staged is not
 * evicted, or it could be read back older than it is.
 */
final class WriteBack {
    private static final int MIN_STAGING_BYTES = 256 << 10;
    private static final int MAX_STAGING_BYTES = 4 << 20;

    private final ImageState image;
    private final ReentrantLock running = new ReentrantLock();
    private @Nullable MemorySegment staging;
    private int stagedBytes;
    private @Nullable CachedTable[] tables = new @Nullable CachedTable[16];
    private int[] tableFrom = new int[16];
    private int[] tableTo = new int[16];
    private int tableCount;
    private int[] l1Indexes = new int[16];
    private long[] l1Entries = new long[16];
    private int l1Count;

    WriteBack(ImageState image) {
        this.image = image;
    }

    /** Keeps write-backs of others away. */
    void lock() {
        running.lock();
    }

    void unlock() {
        running.unlock();
    }

    /** Makes all that was written before stable. The metadata lock is not held. */
    void flush() {
        running.lock();
        try {
            boolean all;
            do {
                all = round();
            } while (!all);
        } finally {
            running.unlock();
        }
    }

    /**
     * Writes everything, refcounts and freed clusters included, and clears the dirty bit of lazy refcounts. No I/O is in
     * flight, and this lock and the metadata lock are held, or nobody uses the image any more.
     */
    void settle() {
        do {
            flush();
        } while (!image.frees.isEmpty());
        image.refcounts.writeBack();
        IoFailure.check(image.file.flush());
        if (image.lazyRefcounts && image.header.dirty() && !image.staysDirty) {
            image.headerFields.setDirty(false);
        }
    }

    /** Is told that clusters are about to be allocated: with lazy refcounts the image is marked dirty before. */
    void beforeAllocation() {
        if (image.lazyRefcounts && !image.header.dirty()) {
            image.headerFields.setDirty(true);
        }
    }

    /** Writes what has changed, or as much as can be staged; answers whether it was all. */
    private boolean round() {
        boolean all;
        image.lock.lock();
        try {
            if (image.broken) {
                throw IoFailure.of(BlockStatus.IO_ERROR);
            }
            if (!image.lazyRefcounts || !image.header.dirty()) {
                image.refcounts.writeBack();
            }
            all = stageTables();
            if (all) {
                stageL1();
                image.frees.writeBackBegins();
            }
        } finally {
            image.lock.unlock();
        }
        boolean done = false;
        try {
            flushFiles();
            writeStaged();
            done = true;
        } finally {
            image.lock.lock();
            try {
                endStaging(done);
                if (all && done) {
                    image.frees.writeBackDone();
                }
            } finally {
                image.lock.unlock();
            }
        }
        return all;
    }

    private void flushFiles() {
        if (image.dataFile != null) {
            IoFailure.check(image.dataFile.flush());
        }
        IoFailure.check(image.file.flush());
    }

    private boolean stageTables() {
        if (image.l2Tables.dirtyCount() == 0) {
            return true;
        }
        for (CachedTable table : image.l2Tables.tables()) {
            if (table.dirty() && !stage(table)) {
                return false;
            }
        }
        return true;
    }

    private boolean stage(CachedTable table) {
        int from = table.writeFrom();
        int to = table.writeTo();
        MemorySegment room = roomFor(to - from);
        if (room == null) {
            return false;
        }
        if (tableCount == tables.length) {
            tables = Arrays.copyOf(tables, tableCount * 2);
            tableFrom = Arrays.copyOf(tableFrom, tableCount * 2);
            tableTo = Arrays.copyOf(tableTo, tableCount * 2);
        }
        MemorySegment.copy(table.bytes, from, room, stagedBytes, to - from);
        stagedBytes += to - from;
        tables[tableCount] = table;
        tableFrom[tableCount] = from;
        tableTo[tableCount] = to;
        tableCount++;
        table.markClean();
        table.setStaged(true);
        return true;
    }

    private @Nullable MemorySegment roomFor(int lengthBytes) {
        MemorySegment room = staging;
        int needed = stagedBytes + lengthBytes;
        if (room != null && needed <= room.byteSize()) {
            return room;
        }
        if (needed > MAX_STAGING_BYTES) {
            return null;
        }
        int capacity = Math.max(MIN_STAGING_BYTES, Integer.highestOneBit(needed - 1) * 2);
        MemorySegment larger = image.arena.allocate(capacity, Long.BYTES);
        if (room != null) {
            MemorySegment.copy(room, 0, larger, 0, stagedBytes);
        }
        staging = larger;
        return larger;
    }

    private void stageL1() {
        BitSet dirty = image.l1.dirty();
        for (int index = dirty.nextSetBit(0); index >= 0; index = dirty.nextSetBit(index + 1)) {
            if (l1Count == l1Indexes.length) {
                l1Indexes = Arrays.copyOf(l1Indexes, l1Count * 2);
                l1Entries = Arrays.copyOf(l1Entries, l1Count * 2);
            }
            l1Indexes[l1Count] = index;
            l1Entries[l1Count] = image.l1.get(index);
            l1Count++;
        }
        dirty.clear();
    }

    private void writeStaged() {
        if (tableCount == 0 && l1Count == 0) {
            return;
        }
        MemorySegment room = staging;
        int position = 0;
        for (int i = 0; i < tableCount && room != null; i++) {
            CachedTable table = tables[i];
            int length = tableTo[i] - tableFrom[i];
            if (table != null) {
                IoFailure.check(image.file.write(table.offset + tableFrom[i], room.asSlice(position, length)));
            }
            position += length;
        }
        IoFailure.check(image.file.flush());
        if (l1Count > 0) {
            int from = 0;
            while (from < l1Count) {
                int to = from + 1;
                while (to < l1Count && l1Indexes[to] == l1Indexes[to - 1] + 1) {
                    to++;
                }
                long start = image.header.l1Offset + (long) (l1Indexes[from] - from) * Qcow2Format.ENTRY_BYTES;
                LongTables.write(image.file, start, l1Entries, from, to);
                from = to;
            }
            IoFailure.check(image.file.flush());
        }
    }

    /** Ends the staging; what was not written counts as changed again. */
    private void endStaging(boolean done) {
        for (int i = 0; i < tableCount; i++) {
            CachedTable table = tables[i];
            tables[i] = null;
            if (table != null) {
                table.setStaged(false);
                if (!done) {
                    table.markDirty(tableFrom[i], tableTo[i]);
                }
            }
        }
        if (!done) {
            for (int i = 0; i < l1Count; i++) {
                image.l1.dirty().set(l1Indexes[i]);
            }
        }
        tableCount = 0;
        l1Count = 0;
        stagedBytes = 0;
    }
}

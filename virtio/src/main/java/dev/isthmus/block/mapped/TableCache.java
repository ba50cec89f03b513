// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.block.mapped;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.nio.ByteOrder;
import java.util.Arrays;

import dev.isthmus.block.BlockStatus;
import dev.isthmus.block.ImageFile;

/**
 * Entries of the tables that map a disk, read from their files page by page and kept in a bounded amount of memory: the
 * tables of the largest disks have gigabytes. The files are not written while it is in use.
 *
 * <p>A page is kept in one of the {@value #WAYS} ways of its set. A lookup takes no lock: each way has a version that is
 * odd while the way is being filled and moves on with each filling, and an entry counts only if the version was the
 * same, and even, before and after it was read. Ways are filled under a lock of a few sets, with the file being read;
 * lookups of what is kept go on meanwhile.
 *
 * <p>Any thread, several at once. Lookups allocate nothing.
 */
public final class TableCache implements AutoCloseable {
    /** The answer where an entry is not kept and may not be read. */
    public static final long NOT_CACHED = -1;

    /** The answer where the file can't be read, or holds a value from 2^63 on, which no table here may hold. */
    public static final long UNREADABLE = -2;

    /** The most files that one cache can serve. */
    public static final int MAX_FILES = 4096;

    /** The most that is kept of all tables together: the map of 1 TiB in blocks of 1 MiB at 4 bytes each. */
    static final int MAX_BYTES = 4 << 20;

    /** What is read at once. Tables begin at multiples of their entries' size, so no entry is in two pages. */
    static final int PAGE_BYTES = 4096;

    private static final int WAYS = 4;
    private static final int LOCKS = 16;
    private static final long NO_PAGE = -1;

    /** A tag is the file's number and then that of the page, which has 63 - 12 bits. */
    private static final int TAG_FILE_SHIFT = 51;

    /** Odd, so that the pages with the same numbers in different files do not meet in one set. */
    private static final int FILE_STRIDE = 37;

    private static final ValueLayout.OfInt U32 = ValueLayout.JAVA_INT.withOrder(ByteOrder.LITTLE_ENDIAN);
    private static final ValueLayout.OfLong U64 = ValueLayout.JAVA_LONG.withOrder(ByteOrder.LITTLE_ENDIAN);
    private static final VarHandle VERSION = MethodHandles.arrayElementVarHandle(int[].class);
    private static final VarHandle TAG = MethodHandles.arrayElementVarHandle(long[].class);

    private final ImageFile[] files;
    private final long[] fileBytes;
    private final int sets;
    private final Arena arena = Arena.ofShared();
    private final MemorySegment[] pages;
    private final int[] versions;
    private final long[] tags;

    /** The way of each set that is filled next; guarded by the set's lock. */
    private final byte[] victims;

    private final Object[] locks = new Object[LOCKS];

    /**
     * Makes an empty cache.
     *
     * @param files the files that hold tables, at most {@link #MAX_FILES}; they stay the caller's
     * @param fileBytes their sizes, at least 0, which they will not fall below
     * @param tableBytes the size of all tables together, which bounds what is kept of small ones
     */
    public TableCache(ImageFile[] files, long[] fileBytes, long tableBytes) {
        if (files.length > MAX_FILES || files.length != fileBytes.length) {
            throw new IllegalArgumentException("Files of tables");
        }
        this.files = files.clone();
        this.fileBytes = fileBytes.clone();
        // Tables that begin within a page take one more.
        long pagesWanted = Math.clamp(tableBytes / PAGE_BYTES + 2L * files.length, WAYS, MAX_BYTES / PAGE_BYTES);
        this.sets = Integer.highestOneBit((int) ((pagesWanted + WAYS - 1) / WAYS * 2 - 1));
        int ways = sets * WAYS;
        this.pages = new MemorySegment[ways];
        MemorySegment memory = arena.allocate((long) ways * PAGE_BYTES, PAGE_BYTES);
        for (int i = 0; i < ways; i++) {
            pages[i] = memory.asSlice((long) i * PAGE_BYTES, PAGE_BYTES);
        }
        this.versions = new int[ways];
        this.tags = new long[ways];
        Arrays.fill(tags, NO_PAGE);
        this.victims = new byte[sets];
        for (int i = 0; i < LOCKS; i++) {
            locks[i] = new Object();
        }
    }

    /** Returns how many bytes of tables it keeps at most. */
    public long keptBytes() {
        return (long) sets * WAYS * PAGE_BYTES;
    }

    /**
     * Returns an entry of 32 bits.
     *
     * @param file the number of the file
     * @param offsetBytes where in it, a multiple of 4
     * @param mayWait whether the file may be read
     * @return the entry, zero-extended, or {@link #NOT_CACHED} or {@link #UNREADABLE}
     */
    public long u32(int file, long offsetBytes, boolean mayWait) {
        return entry(file, offsetBytes, Integer.BYTES, mayWait);
    }

    /**
     * Returns an entry of 64 bits.
     *
     * @param file the number of the file
     * @param offsetBytes where in it, a multiple of 8
     * @param mayWait whether the file may be read
     * @return the entry, or {@link #NOT_CACHED} or {@link #UNREADABLE}
     */
    public long u64(int file, long offsetBytes, boolean mayWait) {
        return entry(file, offsetBytes, Long.BYTES, mayWait);
    }

    private long entry(int file, long offsetBytes, int entryBytes, boolean mayWait) {
        long page = offsetBytes / PAGE_BYTES;
        int within = (int) (offsetBytes % PAGE_BYTES);
        long tag = (long) file << TAG_FILE_SHIFT | page;
        int set = (int) (page + (long) FILE_STRIDE * file) & (sets - 1);
        int firstWay = set * WAYS;
        for (int way = firstWay; way < firstWay + WAYS; way++) {
            // Pairs with the release in fill: with this version, the way's tag and page are those of it or later.
            int version = (int) VERSION.getAcquire(versions, way);
            if ((version & 1) == 0 && (long) TAG.getOpaque(tags, way) == tag) {
                long value = value(way, within, entryBytes);
                // Keeps the check behind the reads; without it a page that is being filled could be taken for valid.
                VarHandle.acquireFence();
                if ((int) VERSION.getOpaque(versions, way) == version) {
                    return value;
                }
            }
        }
        return mayWait ? load(file, page, set, tag, within, entryBytes) : NOT_CACHED;
    }

    private long value(int way, int within, int entryBytes) {
        if (entryBytes == Integer.BYTES) {
            return Integer.toUnsignedLong(pages[way].get(U32, within));
        }
        long value = pages[way].get(U64, within);
        return value < 0 ? UNREADABLE : value;
    }

    private long load(int file, long page, int set, long tag, int within, int entryBytes) {
        synchronized (locks[set % LOCKS]) {
            int firstWay = set * WAYS;
            for (int way = firstWay; way < firstWay + WAYS; way++) {
                if (tags[way] == tag) {
                    return value(way, within, entryBytes);
                }
            }
            int way = firstWay + victims[set];
            victims[set] = (byte) ((victims[set] + 1) % WAYS);
            return fill(file, page, way, tag) ? value(way, within, entryBytes) : UNREADABLE;
        }
    }

    /** Reads a page into a way; the lock of its set is held. */
    private boolean fill(int file, long page, int way, long tag) {
        int version = versions[way];
        VERSION.setOpaque(versions, way, version + 1);
        // Pairs with the fence in entry: whoever reads what is written from here on sees that the version is odd.
        VarHandle.releaseFence();
        TAG.setOpaque(tags, way, NO_PAGE);
        boolean whole = false;
        try {
            BlockStatus status = files[file].read(page * PAGE_BYTES, pages[way]);
            // The last page may reach beyond the end. Before it, the file has become shorter since it was opened.
            whole = status == BlockStatus.OK
                    || (status == BlockStatus.OUT_OF_RANGE && (page + 1) * PAGE_BYTES > fileBytes[file]);
        } finally {
            TAG.setOpaque(tags, way, whole ? tag : NO_PAGE);
            VERSION.setRelease(versions, way, version + 2);
        }
        return whole;
    }

    /** Gives the memory back. No other method may be running or be called any more. Idempotent. */
    @Override
    public void close() {
        if (arena.scope().isAlive()) {
            arena.close();
        }
    }
}

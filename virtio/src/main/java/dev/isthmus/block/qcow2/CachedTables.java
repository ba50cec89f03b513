// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.block.qcow2;

import java.lang.foreign.Arena;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.ThreadLocalRandom;

import org.jspecify.annotations.Nullable;

import dev.isthmus.block.ImageFile;

/**
 * Tables of one size, the most recently used ones of a file. Bounded: memory is taken as it is first needed.
 *
 * <p>A dirty table is evicted only where its cache allows that ({@code writesBack}): refcount blocks may be written at any
 * time, L2 tables only by {@link WriteBack}, in its order. Where no table can be evicted the cache grows beyond its bound,
 * by as many tables as there are operations at the same time.
 *
 * <p>Under the metadata lock only. A table stays valid until as many others were asked for as the cache holds at least
 * ({@value #MIN_TABLES}); no operation holds more than two.
 */
final class CachedTables {
    /** Least number of tables a cache holds. */
    static final int MIN_TABLES = 8;

    private final ImageFile file;
    private final Arena arena;
    private final int tableBytes;
    private final int maxTables;
    private final boolean writesBack;
    private final @Nullable CachedTable[] buckets;

    /** Of this cache alone, so that no image can have all its tables meet in one bucket. */
    private final long factor = ThreadLocalRandom.current().nextLong() | 1;

    private final List<CachedTable> tables = new ArrayList<>();
    private @Nullable CachedTable newest;
    private @Nullable CachedTable oldest;
    private int dirtyCount;

    CachedTables(ImageFile file, Arena arena, int tableBytes, long maxTables, boolean writesBack) {
        this.file = file;
        this.arena = arena;
        this.tableBytes = tableBytes;
        this.maxTables = Math.clamp(maxTables, MIN_TABLES, 1 << 16);
        this.writesBack = writesBack;
        this.buckets = new @Nullable CachedTable[Integer.highestOneBit(this.maxTables) * 2];
    }

    /** Returns a table if it is in memory. Does no I/O. */
    @Nullable CachedTable find(long offset) {
        CachedTable table = buckets[bucket(offset)];
        while (table != null && table.offset != offset) {
            table = table.hashNext;
        }
        if (table != null && table != newest) {
            unlink(table);
            linkNewest(table);
        }
        return table;
    }

    /**
     * Returns a table, read from the file where it is not in memory.
     *
     * @throws IoFailure where it can't be read, or none could be evicted
     */
    CachedTable load(long offset) {
        CachedTable table = find(offset);
        if (table != null) {
            return table;
        }
        table = takeFree();
        boolean done = false;
        try {
            IoFailure.checkRead(file.read(offset, table.bytes));
            done = true;
        } finally {
            linkNewest(table);
            if (done) {
                put(table, offset);
            }
        }
        return table;
    }

    /** Returns a table of zeroes that is to be written to a place where none was. */
    CachedTable create(long offset) {
        CachedTable table = find(offset);
        if (table == null) {
            table = takeFree();
            linkNewest(table);
            put(table, offset);
        }
        table.bytes.fill((byte) 0);
        table.markAllDirty();
        return table;
    }

    /** Forgets a table whose cluster is no table any more, with its changes. */
    void drop(long offset) {
        CachedTable table = find(offset);
        if (table != null) {
            remove(table);
        }
    }

    /** Forgets all tables, with their changes: the file was changed by other means. */
    void dropAll() {
        for (CachedTable table : tables) {
            remove(table);
        }
    }

    private void remove(CachedTable table) {
        if (table.offset >= 0) {
            table.markClean();
            takeFromBucket(table);
            table.offset = -1;
        }
    }

    /** Writes the changed part of a table. */
    void write(CachedTable table) {
        if (table.dirty()) {
            int from = table.writeFrom();
            IoFailure.check(file.write(table.offset + from, table.bytes.asSlice(from, table.writeTo() - from)));
            table.markClean();
        }
    }

    /** Writes all changed tables, in no particular order. */
    void writeAll() {
        for (int i = 0; i < tables.size() && dirtyCount > 0; i++) {
            write(tables.get(i));
        }
    }

    int dirtyCount() {
        return dirtyCount;
    }

    /** Tells whether it is time to write tables back, so that there are always some to evict. */
    boolean tooDirty() {
        return dirtyCount >= maxTables / 2;
    }

    /** Returns all tables, used or not, in no order. */
    List<CachedTable> tables() {
        return tables;
    }

    void becameDirty() {
        dirtyCount++;
    }

    void becameClean() {
        dirtyCount--;
    }

    /** Returns a table that is in no bucket and not in the order of use. */
    private CachedTable takeFree() {
        if (tables.size() < maxTables) {
            return allocate();
        }
        CachedTable victim = oldest;
        while (victim != null && (victim.staged() || (victim.dirty() && !writesBack))) {
            victim = victim.newer;
        }
        if (victim == null) {
            return allocate();
        }
        write(victim);
        remove(victim);
        unlink(victim);
        return victim;
    }

    private CachedTable allocate() {
        CachedTable table = new CachedTable(this, arena.allocate(tableBytes, Long.BYTES));
        tables.add(table);
        return table;
    }

    private int bucket(long offset) {
        return (int) ((offset / tableBytes * factor) >>> 40) & (buckets.length - 1);
    }

    private void put(CachedTable table, long offset) {
        int bucket = bucket(offset);
        table.offset = offset;
        table.hashNext = buckets[bucket];
        buckets[bucket] = table;
    }

    private void takeFromBucket(CachedTable table) {
        int bucket = bucket(table.offset);
        CachedTable at = buckets[bucket];
        CachedTable before = null;
        while (at != null && at != table) {
            before = at;
            at = at.hashNext;
        }
        if (before == null) {
            buckets[bucket] = table.hashNext;
        } else {
            before.hashNext = table.hashNext;
        }
        table.hashNext = null;
    }

    private void linkNewest(CachedTable table) {
        table.newer = null;
        table.older = newest;
        if (newest != null) {
            newest.newer = table;
        } else {
            oldest = table;
        }
        newest = table;
    }

    private void unlink(CachedTable table) {
        if (table.newer != null) {
            table.newer.older = table.older;
        } else {
            newest = table.older;
        }
        if (table.older != null) {
            table.older.newer = table.newer;
        } else {
            oldest = table.newer;
        }
        table.newer = null;
        table.older = null;
    }
}

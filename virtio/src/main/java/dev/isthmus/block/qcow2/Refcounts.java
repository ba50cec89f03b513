// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.block.qcow2;

import java.util.Arrays;

import dev.isthmus.block.BlockStatus;

/**
 * How often each host cluster is referred to (docs/interop/qcow2.txt, "Host cluster management").
 *
 * <p>Blocks are changed in memory and may be written at any time: a count is only ever too high on disk, which is a leak.
 * Increments are on disk before what refers to the cluster ({@link WriteBack}); decrements are not even made in memory
 * before what referred to it is gone from the disk ({@link DeferredFrees}). New blocks are on disk before the entries of
 * the refcount table that point to them.
 *
 * <p>Under the metadata lock only.
 */
final class Refcounts {
    private final ImageState image;
    private final ClusterLayout layout;
    private final CachedTables blocks;
    private long[] table;
    private int dirtyFrom;
    private int dirtyTo;

    Refcounts(ImageState image, CachedTables blocks, long[] table) {
        this.image = image;
        this.layout = image.layout;
        this.blocks = blocks;
        this.table = table;
    }

    /** Returns the count of a cluster, unsigned. */
    long get(long cluster) {
        long tableIndex = cluster >>> layout.refcountBlockBits;
        if (tableIndex >= table.length) {
            return 0;
        }
        long blockOffset = blockOffset((int) tableIndex);
        if (blockOffset == 0) {
            return 0;
        }
        return RefcountWidth.get(blocks.load(blockOffset).bytes, indexInBlock(cluster), layout.refcountOrder);
    }

    /** Sets the count of a cluster whose block is there. */
    private void set(long cluster, long value) {
        long blockOffset = blockOffset((int) (cluster >>> layout.refcountBlockBits));
        CachedTable block = blocks.load(blockOffset);
        int index = indexInBlock(cluster);
        RefcountWidth.set(block.bytes, index, layout.refcountOrder, value);
        int at = (int) (((long) index << layout.refcountOrder) >>> 3);
        block.markDirty(at, at + Math.max(1, (1 << layout.refcountOrder) >>> 3));
    }

    private int indexInBlock(long cluster) {
        return (int) (cluster & ((1L << layout.refcountBlockBits) - 1));
    }

    private long blockOffset(int tableIndex) {
        long offset = table[tableIndex] & Qcow2Format.REFCOUNT_TABLE_OFFSET_MASK;
        if (!layout.aligned(offset) || offset < 0) {
            throw image.corrupted("a refcount block lies at 0x" + Long.toHexString(offset));
        }
        return offset;
    }

    /**
     * Counts one more reference to a cluster.
     *
     * @return false where the count is at its maximum, and has not changed
     */
    boolean increment(long cluster) {
        ensureBlock(cluster);
        long value = get(cluster);
        if (value == layout.maxRefcount) {
            return false;
        }
        set(cluster, value + 1);
        return true;
    }

    /** Counts one reference to a cluster less; answers how many are left. */
    long decrement(long cluster) {
        long value = get(cluster);
        if (value == 0) {
            throw image.corrupted("cluster " + cluster + " is used but its refcount is 0");
        }
        set(cluster, value - 1);
        return value - 1;
    }

    /** Makes sure that a cluster can be counted; answers whether a block was made for that. */
    boolean ensureBlock(long cluster) {
        long tableIndex = cluster >>> layout.refcountBlockBits;
        if (tableIndex >= table.length) {
            growTable(tableIndex);
            return true;
        }
        if (blockOffset((int) tableIndex) != 0) {
            return false;
        }
        // Nothing in the block's range is in use, so it goes there itself, and counts itself.
        long blockCluster = tableIndex << layout.refcountBlockBits;
        image.checkFree(blockCluster, 1);
        long offset = blockCluster << layout.clusterBits;
        image.noteHighWater(offset + layout.clusterBytes);
        CachedTable block = blocks.create(offset);
        RefcountWidth.set(block.bytes, 0, layout.refcountOrder, 1);
        image.map.addRefcountBlock(offset);
        table[(int) tableIndex] = offset;
        markTableDirty((int) tableIndex);
        return true;
    }

    private void markTableDirty(int index) {
        if (dirtyTo == 0) {
            dirtyFrom = index;
            dirtyTo = index + 1;
        } else {
            dirtyFrom = Math.min(dirtyFrom, index);
            dirtyTo = Math.max(dirtyTo, index + 1);
        }
    }

    /** Tells whether there is a block that counts a cluster. */
    boolean hasBlock(long cluster) {
        long tableIndex = cluster >>> layout.refcountBlockBits;
        return tableIndex < table.length && blockOffset((int) tableIndex) != 0;
    }

    /**
     * Moves the table to the end of what it counts so far, larger: new blocks that count themselves and the new table,
     * then that table, then the header that points to it, each stable before the next.
     */
    private void growTable(long neededIndex) {
        long base = neededIndex << layout.refcountBlockBits;
        long blockEntries = 1L << layout.refcountBlockBits;
        long newBlocks = 1;
        long entries;
        long tableClusters;
        while (true) {
            entries = Math.max(neededIndex + newBlocks, table.length + (table.length + 1L) / 2);
            tableClusters = layout.clusters(entries * Qcow2Format.ENTRY_BYTES);
            long blocksNeeded = (newBlocks + tableClusters + blockEntries - 1) / blockEntries;
            if (blocksNeeded <= newBlocks) {
                break;
            }
            newBlocks = blocksNeeded;
        }
        entries = tableClusters << layout.l2Bits;
        if (entries * Qcow2Format.ENTRY_BYTES > Qcow2Format.MAX_REFCOUNT_TABLE_BYTES
                || (base + newBlocks + tableClusters) << layout.clusterBits > Qcow2Format.MAX_HOST_BYTES) {
            image.faults.report("the image can't grow: its refcount table is at its largest");
            throw IoFailure.of(BlockStatus.NO_SPACE);
        }
        image.checkFree(base, newBlocks + tableClusters);
        long tableOffset = (base + newBlocks) << layout.clusterBits;
        long oldOffset = image.header.refcountTableOffset;
        long[] newTable = Arrays.copyOf(table, (int) entries);
        image.noteHighWater(tableOffset + (tableClusters << layout.clusterBits));
        try {
            for (long i = 0; i < newBlocks; i++) {
                long offset = (base + i) << layout.clusterBits;
                CachedTable block = blocks.create(offset);
                long counted = Math.clamp(newBlocks + tableClusters - i * blockEntries, 0, blockEntries);
                for (int entry = 0; entry < counted; entry++) {
                    RefcountWidth.set(block.bytes, entry, layout.refcountOrder, 1);
                }
                newTable[(int) (neededIndex + i)] = offset;
            }
            blocks.writeAll();
            LongTables.write(image.file, tableOffset, newTable, 0, newTable.length);
            IoFailure.check(image.file.flush());
            image.headerFields.setRefcountTable(tableOffset, (int) tableClusters);
        } catch (IoFailure e) {
            for (long i = 0; i < newBlocks; i++) {
                blocks.drop((base + i) << layout.clusterBits);
            }
            throw e;
        }
        for (long i = 0; i < newBlocks; i++) {
            image.map.addRefcountBlock((base + i) << layout.clusterBits);
        }
        image.map.setRefcountTable(tableOffset, entries * Qcow2Format.ENTRY_BYTES);
        long oldClusters = layout.clusters((long) table.length * Qcow2Format.ENTRY_BYTES);
        table = newTable;
        dirtyTo = 0;
        for (long i = 0; i < oldClusters; i++) {
            image.allocator.freeNow((oldOffset >>> layout.clusterBits) + i, 1);
        }
    }

    /** Tells whether something is to be written. */
    boolean dirty() {
        return blocks.dirtyCount() > 0 || dirtyTo > 0;
    }

    /** Writes what has changed. Not stable until a flush of the file. */
    void writeBack() {
        blocks.writeAll();
        if (dirtyTo > 0) {
            // The blocks first: an entry must never point to what was no refcount block before.
            IoFailure.check(image.file.flush());
            LongTables.write(image.file, image.header.refcountTableOffset, table, dirtyFrom, dirtyTo);
            dirtyTo = 0;
        }
    }

    /** Tells the map where the blocks are. */
    void addBlocksTo(MetadataMap map) {
        for (long entry : table) {
            long offset = entry & Qcow2Format.REFCOUNT_TABLE_OFFSET_MASK;
            if (offset != 0) {
                map.addRefcountBlock(offset);
            }
        }
    }
}

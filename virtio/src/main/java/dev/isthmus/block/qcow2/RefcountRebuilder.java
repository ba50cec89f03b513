// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.block.qcow2;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.TreeMap;

import dev.isthmus.block.BlockStatus;

/**
 * Makes new refcount structures from the references that were counted, in clusters that nothing refers to, and then has
 * the header point to them. The old ones are leaked.
 */
final class RefcountRebuilder {
    private final CheckState state;
    private final ClusterLayout layout;
    private final ReferenceCounts counts;

    /** Index in the refcount table, and cluster of the block. */
    private final TreeMap<Long, Long> blocks = new TreeMap<>();

    private long firstFree;

    RefcountRebuilder(CheckState state) {
        this.state = state;
        this.layout = state.layout;
        this.counts = state.counts;
    }

    /**
     * Does it all.
     *
     * @throws IoFailure where it can't be written, or the table would be too large
     */
    void rebuild() {
        placeBlocks();
        long tableFirst = 0;
        long tableClusters = 0;
        // A table takes clusters that need blocks, which may need a larger table.
        while (tableClusters < tableClustersNeeded()) {
            for (long i = 0; i < tableClusters; i++) {
                counts.set(tableFirst + i, 0);
            }
            tableClusters = tableClustersNeeded();
            tableFirst = takeRun(tableClusters);
            placeBlocks();
        }
        if (tableClusters << layout.clusterBits > Qcow2Format.MAX_REFCOUNT_TABLE_BYTES) {
            throw IoFailure.of(BlockStatus.NO_SPACE);
        }
        long[] table = new long[Math.toIntExact(tableClusters << layout.l2Bits)];
        MemorySegment block = state.arena.allocate(layout.clusterBytes, Long.BYTES);
        for (var entry : blocks.entrySet()) {
            table[Math.toIntExact(entry.getKey())] = entry.getValue() << layout.clusterBits;
            fill(block, entry.getKey() << layout.refcountBlockBits);
            IoFailure.check(state.file.write(entry.getValue() << layout.clusterBits, block));
        }
        long tableOffset = tableFirst << layout.clusterBits;
        LongTables.write(state.file, tableOffset, table, 0, table.length);
        IoFailure.check(state.file.flush());
        MemorySegment pointer = MemorySegment.ofArray(new byte[12]);
        pointer.set(Qcow2Format.U64, 0, tableOffset);
        pointer.set(Qcow2Format.U32, 8, (int) tableClusters);
        LongTables.write(
                state.file,
                Qcow2Format.REFCOUNT_TABLE_OFFSET,
                pointer.toArray(ValueLayout.JAVA_BYTE));
        IoFailure.check(state.file.flush());
        state.header.refcountTableOffset = tableOffset;
        state.header.refcountTableClusters = (int) tableClusters;
        state.refcountTable = table;
        state.blocks.dropAll();
    }

    private long tableClustersNeeded() {
        return layout.clusters((blocks.lastKey() + 1) * Qcow2Format.ENTRY_BYTES);
    }

    /** Takes a cluster for each block that counts something and has none, until those that count them have, too. */
    private void placeBlocks() {
        boolean placed;
        do {
            placed = false;
            long cluster = counts.skipEmpty(0);
            while (cluster < counts.clusters()) {
                long index = cluster >>> layout.refcountBlockBits;
                if (counts.get(cluster) != 0 && !blocks.containsKey(index)) {
                    blocks.put(index, takeRun(1));
                    placed = true;
                }
                cluster = counts.get(cluster) != 0
                        ? (index + 1) << layout.refcountBlockBits
                        : counts.skipEmpty(cluster + 1);
            }
        } while (placed);
    }

    /** Takes clusters that follow each other and that nothing refers to; answers the first. */
    private long takeRun(long wanted) {
        long first = firstFree;
        long run = 0;
        while (run < wanted) {
            if (counts.get(first + run) == 0) {
                run++;
            } else {
                first += run + 1;
                run = 0;
            }
        }
        if (wanted == 1) {
            firstFree = first + 1;
        }
        counts.extendTo(first + wanted);
        for (long i = 0; i < wanted; i++) {
            counts.set(first + i, 1);
        }
        return first;
    }

    private void fill(MemorySegment block, long firstCluster) {
        block.fill((byte) 0);
        long entries = 1L << layout.refcountBlockBits;
        for (int i = 0; i < entries; i++) {
            int count = counts.get(firstCluster + i);
            if (count != 0) {
                RefcountWidth.set(block, i, layout.refcountOrder, count);
            }
        }
    }
}

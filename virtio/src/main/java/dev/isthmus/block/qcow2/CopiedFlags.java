// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.block.qcow2;

import java.lang.foreign.MemorySegment;

import dev.isthmus.block.BlockStatus;

/** Checks, and repairs, the COPIED flags of the disk's L1 and L2 entries: they are set where the refcount is 1. */
final class CopiedFlags {
    private final CheckState state;
    private final ClusterLayout layout;
    private final CheckCounters counters;

    CopiedFlags(CheckState state) {
        this.state = state;
        this.layout = state.layout;
        this.counters = state.counters;
    }

    /**
     * Checks all.
     *
     * @throws IoFailure where a table can't be read or written
     */
    void check(boolean repair) {
        MemorySegment table = state.arena.allocate(layout.clusterBytes, Long.BYTES);
        MetadataMap metadata = state.metadata();
        for (int i = 0; i < state.l1.length; i++) {
            long offset = state.l1[i] & Qcow2Format.OFFSET_MASK;
            if (offset != 0 && state.blockOffset(offset >>> layout.clusterBits) >= 0) {
                checkL1Entry(i, offset, repair);
                checkL2(offset, table, metadata, repair);
            }
        }
    }

    private void checkL1Entry(int index, long offset, boolean repair) {
        long entry = state.l1[index];
        if (!wrong(entry, offset)) {
            return;
        }
        String finding = "the COPIED flag of L1 entry " + index + " does not fit its refcount";
        if (!repair) {
            counters.corruption(finding);
            return;
        }
        state.l1[index] = entry ^ Qcow2Format.COPIED;
        write(state.header.l1Offset, index, state.l1, index);
        counters.corruptionFixed(finding);
    }

    private void checkL2(long offset, MemorySegment table, MetadataMap metadata, boolean repair) {
        BlockStatus status = state.file.read(offset, table);
        if (status != BlockStatus.OK && status != BlockStatus.OUT_OF_RANGE) {
            counters.checkError("the L2 table at 0x" + Long.toHexString(offset) + " can't be read");
            throw IoFailure.of(status);
        }
        long repaired = 0;
        boolean external = state.header.externalData();
        for (int i = 0; i < layout.l2Entries; i++) {
            long position = (long) i * Qcow2Format.ENTRY_BYTES;
            long entry = table.get(Qcow2Format.U64, position);
            ClusterType type = layout.type(entry, external);
            if (type != ClusterType.DATA && type != ClusterType.ZERO_ALLOCATED) {
                continue;
            }
            boolean wrong = external
                    ? (entry & Qcow2Format.COPIED) == 0
                    : state.blockOffset((entry & Qcow2Format.OFFSET_MASK) >>> layout.clusterBits) >= 0
                            && wrong(entry, entry & Qcow2Format.OFFSET_MASK);
            if (wrong) {
                if (repair) {
                    table.set(Qcow2Format.U64, position, entry ^ Qcow2Format.COPIED);
                    repaired++;
                } else {
                    counters.corruption("the COPIED flag of L2 entry 0x" + Long.toHexString(entry)
                            + " does not fit its refcount");
                }
            }
        }
        if (repaired > 0) {
            writeL2(offset, table, metadata, repaired);
        }
    }

    private void writeL2(long offset, MemorySegment table, MetadataMap metadata, long repaired) {
        if (!layout.aligned(offset) || metadata.overlap(offset >>> layout.clusterBits, 1) != null) {
            counters.corruptions += repaired;
            counters.checkError("the L2 table at 0x" + Long.toHexString(offset) + " overlaps with other metadata");
            throw IoFailure.of(BlockStatus.IO_ERROR);
        }
        BlockStatus status = state.file.write(offset, table);
        if (status != BlockStatus.OK) {
            counters.corruptions += repaired;
            counters.checkError("the L2 table at 0x" + Long.toHexString(offset) + " can't be written");
            throw IoFailure.of(status);
        }
        counters.corruptionsFixed += repaired;
    }

    private boolean wrong(long entry, long offset) {
        boolean copied = (entry & Qcow2Format.COPIED) != 0;
        return copied != (state.refcount(offset >>> layout.clusterBits) == 1);
    }

    private void write(long tableOffset, int index, long[] table, int from) {
        try {
            LongTables.write(state.file, tableOffset, table, from, from + 1);
        } catch (IoFailure e) {
            counters.checkError("L1 entry " + index + " can't be written");
            throw e;
        }
    }
}

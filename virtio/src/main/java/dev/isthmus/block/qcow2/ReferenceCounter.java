// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.block.qcow2;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;

import org.jspecify.annotations.Nullable;

import dev.isthmus.block.BlockStatus;

/**
 * Counts all references of an image: from the header to the last L2 entry. Finds what is wrong with the entries on the
 * way. The first half of a check.
 */
final class ReferenceCounter {
    private final CheckState state;
    private final ClusterLayout layout;
    private final CheckCounters counters;
    private final boolean repairing;
    private final boolean external;
    private @Nullable MetadataMap metadata;
    private long l1EntriesDone;

    /**
     * Makes one.
     *
     * @param repairing whether entries are to be repaired that can be
     */
    ReferenceCounter(CheckState state, boolean repairing) {
        this.state = state;
        this.layout = state.layout;
        this.counters = state.counters;
        this.repairing = repairing;
        this.external = state.header.externalData();
    }

    /**
     * Counts everything.
     *
     * @throws IoFailure where a table can't be read
     */
    void countAll() {
        Qcow2Header header = state.header;
        count(0, layout.clusterBytes);
        countL1(header.l1Offset, header.l1Entries, true);
        countSnapshots();
        count(header.snapshotsOffset, state.snapshotTableBytes);
        count(header.refcountTableOffset, (long) state.refcountTable.length * Qcow2Format.ENTRY_BYTES);
        countBitmaps();
        countRefcountBlocks();
        state.progress(l1EntriesDone);
    }

    private void countSnapshots() {
        if (external && !state.snapshots.isEmpty()) {
            counters.corruption("there are snapshots in spite of an external data file");
        }
        for (Qcow2Snapshot snapshot : state.snapshots) {
            if (!layout.aligned(snapshot.l1Offset())
                    || snapshot.l1Offset() < 0
                    || snapshot.l1Offset() >= Qcow2Format.MAX_HOST_BYTES) {
                counters.corruption("the L1 table of " + snapshot + " is not aligned, or lies where none can be");
            } else if (Integer.toUnsignedLong(snapshot.l1Entries()) * Qcow2Format.ENTRY_BYTES > Qcow2Format.MAX_L1_BYTES) {
                counters.corruption("the L1 table of " + snapshot + " is too large");
            } else {
                countL1(snapshot.l1Offset(), snapshot.l1Entries(), false);
            }
        }
    }

    /** Counts a reference to all clusters that a range touches. */
    private void count(long offset, long lengthBytes) {
        if (lengthBytes <= 0) {
            return;
        }
        // The last cluster of a file may be there in part only.
        long limit = state.fileBytes() + layout.clusterBytes - 1;
        if (offset < 0 || offset > limit || lengthBytes > limit - offset) {
            counters.corruption("0x" + Long.toHexString(offset) + " is referred to but beyond the end of the file");
            return;
        }
        long first = offset >>> layout.clusterBits;
        long end = layout.clusters(offset + lengthBytes);
        state.counts.extendTo(end);
        for (long cluster = first; cluster < end; cluster++) {
            int count = state.counts.get(cluster);
            if (count == layout.maxRefcount) {
                counters.corruption("cluster " + cluster + " is referred to more often than its refcount can tell");
            } else {
                state.counts.set(cluster, count + 1);
            }
        }
    }

    private void countL1(long offset, int entries, boolean active) {
        if (entries == 0) {
            return;
        }
        count(offset, (long) entries * Qcow2Format.ENTRY_BYTES);
        long[] l1 = active ? state.l1 : readL1(offset, entries);
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment table = arena.allocate(layout.clusterBytes, Long.BYTES);
            for (long entry : l1) {
                if (entry != 0) {
                    state.progress(l1EntriesDone);
                    countL2(entry, active, table);
                }
                l1EntriesDone++;
            }
        }
    }

    private long[] readL1(long offset, int entries) {
        try {
            return LongTables.read(state.file, offset, entries);
        } catch (IoFailure e) {
            counters.checkError("the L1 table at 0x" + Long.toHexString(offset) + " can't be read");
            throw e;
        }
    }

    private void countL2(long l1Entry, boolean active, MemorySegment table) {
        if ((l1Entry & Qcow2Format.L1_RESERVED_MASK) != 0) {
            counters.corruption("L1 entry 0x" + Long.toHexString(l1Entry) + " has reserved bits set");
        }
        long offset = l1Entry & Qcow2Format.OFFSET_MASK;
        count(offset, layout.clusterBytes);
        if (!layout.aligned(offset)) {
            counters.corruption("the L2 table at 0x" + Long.toHexString(offset) + " is not aligned");
        }
        BlockStatus status = state.file.read(offset, table);
        if (status != BlockStatus.OK && status != BlockStatus.OUT_OF_RANGE) {
            counters.checkError("the L2 table at 0x" + Long.toHexString(offset) + " can't be read");
            throw IoFailure.of(status);
        }
        long expectedOffset = 0;
        for (int i = 0; i < layout.l2Entries; i++) {
            long entry = table.get(Qcow2Format.U64, (long) i * Qcow2Format.ENTRY_BYTES);
            if (entry == 0) {
                continue;
            }
            ClusterType type = layout.type(entry, external);
            if (type != ClusterType.COMPRESSED && (entry & Qcow2Format.L2_RESERVED_MASK) != 0) {
                counters.corruption("L2 entry 0x" + Long.toHexString(entry) + " has reserved bits set");
            }
            if (type == ClusterType.COMPRESSED) {
                countCompressed(entry, active);
            } else if (type == ClusterType.DATA || type == ClusterType.ZERO_ALLOCATED) {
                if (misalignedAndRepaired(entry, type, offset, i)) {
                    continue;
                }
                long data = entry & Qcow2Format.OFFSET_MASK;
                if (active) {
                    counters.allocatedClusters++;
                    if (expectedOffset != 0 && data != expectedOffset) {
                        counters.fragmentedClusters++;
                    }
                    expectedOffset = data + layout.clusterBytes;
                }
                if (!external) {
                    count(data, layout.clusterBytes);
                }
            }
        }
    }

    private void countCompressed(long entry, boolean active) {
        if ((entry & Qcow2Format.COPIED) != 0) {
            counters.corruption("compressed L2 entry 0x" + Long.toHexString(entry) + " has the COPIED flag set");
        }
        if (external) {
            counters.corruption("there is a compressed cluster in spite of an external data file");
            return;
        }
        count(layout.compressedOffset(entry), layout.compressedBytes(entry));
        if (active) {
            counters.allocatedClusters++;
            counters.compressedClusters++;
            // They lie at any place within clusters, so each counts.
            counters.fragmentedClusters++;
        }
    }

    /** Looks at a cluster's alignment; answers whether the entry does not refer to it any more. */
    private boolean misalignedAndRepaired(long entry, ClusterType type, long tableOffset, int index) {
        if (layout.aligned(entry & Qcow2Format.OFFSET_MASK)) {
            return false;
        }
        String finding = "L2 entry 0x" + Long.toHexString(entry) + " is not aligned";
        boolean harmless = type == ClusterType.ZERO_ALLOCATED;
        if (!harmless || !repairing) {
            counters.corruption(finding);
            return false;
        }
        MetadataMap map = metadata == null ? state.metadata() : metadata;
        metadata = map;
        if (map.overlap(tableOffset >>> layout.clusterBits, 1) != null) {
            counters.corruption(finding);
            counters.checkError("the L2 table at 0x" + Long.toHexString(tableOffset) + " overlaps with other metadata");
            return false;
        }
        LongTables.write(
                state.file,
                tableOffset + (long) index * Qcow2Format.ENTRY_BYTES,
                new long[] {Qcow2Format.ZERO},
                0,
                1);
        counters.corruptionFixed(finding);
        return true;
    }

    private void countBitmaps() {
        byte[] extension = state.header.bitmaps;
        if (extension != null && (state.header.autoclearFeatures & Qcow2Format.AUTOCLEAR_BITMAPS) != 0) {
            new BitmapDirectory(state, MemorySegment.ofArray(extension)).count(this::count);
        }
    }

    private void countRefcountBlocks() {
        for (int i = 0; i < state.refcountTable.length; i++) {
            long entry = state.refcountTable[i];
            long offset = entry & Qcow2Format.REFCOUNT_TABLE_OFFSET_MASK;
            if ((entry & ~Qcow2Format.REFCOUNT_TABLE_OFFSET_MASK) != 0) {
                counters.corruption("refcount table entry " + i + " has reserved bits set");
                state.needsRebuild = true;
            } else if (!layout.aligned(offset)) {
                counters.corruption("refcount block " + i + " is not aligned");
                state.needsRebuild = true;
            } else if (offset >>> layout.clusterBits >= state.counts.clusters()) {
                countOutside(i, offset);
            } else if (offset != 0) {
                count(offset, layout.clusterBytes);
                int references = state.counts.get(offset >>> layout.clusterBits);
                if (references != 1) {
                    counters.corruption("refcount block " + i + " is referred to " + references + " times");
                    state.needsRebuild = true;
                }
            }
        }
    }

    /** A block beyond the end of the file counts nothing: the file is extended, so that it is there. */
    private void countOutside(int index, long offset) {
        String finding = "refcount block " + index + " is beyond the end of the file";
        boolean extended = repairing
                && offset > 0
                && offset <= Long.MAX_VALUE - layout.clusterBytes
                && (offset >>> layout.clusterBits) < Integer.MAX_VALUE
                && state.file.setSize(offset + layout.clusterBytes) == BlockStatus.OK;
        if (!extended) {
            counters.corruption(finding);
            state.needsRebuild |= repairing;
            return;
        }
        state.counts.extendTo(layout.clusters(state.fileBytes()));
        counters.corruptionFixed(finding);
        count(offset, layout.clusterBytes);
    }
}

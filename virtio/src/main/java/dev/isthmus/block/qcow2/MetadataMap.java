// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.block.qcow2;

import java.util.ArrayList;
import java.util.List;

import org.jspecify.annotations.Nullable;

/**
 * Where the metadata of an open image lies, so that no write of data ever hits it, whatever a damaged image says: QEMU's
 * overlap checks, as many as it has on by default ("cached"): the header, the L1 tables of the disk and of snapshots, the
 * refcount table, the snapshot table, L2 tables of the disk and refcount blocks.
 *
 * <p>Under the metadata lock only.
 */
final class MetadataMap {
    private static final int HEADER_CLUSTERS = 1;

    /** A table of several clusters. */
    private record Range(long firstCluster, long endCluster) {}

    private final ClusterLayout layout;
    private final LongSet l2Tables = new LongSet();
    private final LongSet refcountBlocks = new LongSet();
    private @Nullable Range l1;
    private @Nullable Range refcountTable;
    private @Nullable Range snapshotTable;
    private List<Range> snapshotL1s = new ArrayList<>();

    MetadataMap(ClusterLayout layout) {
        this.layout = layout;
    }

    void setL1(long offset, long lengthBytes) {
        l1 = range(offset, lengthBytes);
    }

    void setRefcountTable(long offset, long lengthBytes) {
        refcountTable = range(offset, lengthBytes);
    }

    void setSnapshots(long tableOffset, long tableBytes, List<Qcow2Snapshot> snapshots) {
        snapshotTable = range(tableOffset, tableBytes);
        List<Range> ranges = new ArrayList<>();
        for (Qcow2Snapshot snapshot : snapshots) {
            ranges.add(range(snapshot.l1Offset(), (long) snapshot.l1Entries() * Qcow2Format.ENTRY_BYTES));
        }
        snapshotL1s = ranges;
    }

    /** Adds an L2 table of the disk; answers false where there is one in that cluster already. */
    boolean addL2Table(long offset) {
        return l2Tables.add(offset >>> layout.clusterBits);
    }

    void removeL2Table(long offset) {
        l2Tables.remove(offset >>> layout.clusterBits);
    }

    void addRefcountBlock(long offset) {
        refcountBlocks.add(offset >>> layout.clusterBits);
    }

    private Range range(long offset, long lengthBytes) {
        return new Range(offset >>> layout.clusterBits, layout.clusters(offset + lengthBytes));
    }

    /** Returns what metadata a range of clusters overlaps with, or null. */
    @Nullable String overlap(long firstCluster, long count) {
        long end = firstCluster + count;
        if (firstCluster < HEADER_CLUSTERS) {
            return "the header";
        }
        if (overlaps(l1, firstCluster, end)) {
            return "the L1 table";
        }
        if (overlaps(refcountTable, firstCluster, end)) {
            return "the refcount table";
        }
        if (overlaps(snapshotTable, firstCluster, end)) {
            return "the snapshot table";
        }
        for (int i = 0; i < snapshotL1s.size(); i++) {
            if (overlaps(snapshotL1s.get(i), firstCluster, end)) {
                return "the L1 table of a snapshot";
            }
        }
        for (long cluster = firstCluster; cluster < end; cluster++) {
            if (l2Tables.contains(cluster)) {
                return "an L2 table";
            }
            if (refcountBlocks.contains(cluster)) {
                return "a refcount block";
            }
        }
        return null;
    }

    private static boolean overlaps(@Nullable Range range, long first, long end) {
        return range != null && first < range.endCluster && end > range.firstCluster;
    }
}

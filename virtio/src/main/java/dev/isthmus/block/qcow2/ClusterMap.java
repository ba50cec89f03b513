// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.block.qcow2;

import org.jspecify.annotations.Nullable;

/**
 * Finds where pieces of the disk are (docs/interop/qcow2.txt, "Cluster mapping").
 *
 * <p>Under the metadata lock only.
 */
final class ClusterMap {
    private final ImageState image;
    private final ClusterLayout layout;
    private final boolean external;

    ClusterMap(ImageState image) {
        this.image = image;
        this.layout = image.layout;
        this.external = image.externalData();
    }

    /** Tells whether the L2 table of an offset is in memory, or there is none, so that {@link #find} does no I/O. */
    boolean cached(long offset) {
        long tableOffset = image.l1.tableOffset(offset >>> layout.clusterBits);
        return tableOffset == 0 || image.l2Tables.find(tableOffset) != null;
    }

    /**
     * Finds out about the disk from an offset on.
     *
     * @param maxBytes how much is of interest, more than 0; runs end at the end of an L2 table, too
     */
    void find(long offset, long maxBytes, Run run) {
        long guestCluster = offset >>> layout.clusterBits;
        int within = layout.withinCluster(offset);
        long inTable = ((long) (layout.l2Entries - layout.l2Index(guestCluster)) << layout.clusterBits) - within;
        long wanted = Math.min(maxBytes, inTable);
        CachedTable table = image.l1.table(guestCluster);
        if (table == null) {
            run.type = ClusterType.UNALLOCATED;
            run.lengthBytes = wanted;
            run.copied = false;
            return;
        }
        int clusters = (int) layout.clusters(wanted + within);
        int count = scan(table, guestCluster, clusters, run);
        run.hostOffset += within;
        run.lengthBytes = Math.min(wanted, ((long) count << layout.clusterBits) - within);
    }

    /** Fills a run from an L2 table; answers how many clusters belong to it. */
    private int scan(CachedTable table, long guestCluster, int maxClusters, Run run) {
        int index = layout.l2Index(guestCluster);
        long first = table.get(index);
        ClusterType type = checkedType(first, guestCluster);
        run.type = type;
        run.entry = first;
        run.copied = (first & Qcow2Format.COPIED) != 0;
        run.hostOffset = first & Qcow2Format.OFFSET_MASK;
        if (type == ClusterType.COMPRESSED) {
            return 1;
        }
        int count = 1;
        while (count < maxClusters) {
            long entry = table.get(index + count);
            if (!continues(run, first, entry, count) || checkedType(entry, guestCluster + count) != type) {
                break;
            }
            count++;
        }
        return count;
    }

    private boolean continues(Run run, long first, long entry, int count) {
        return switch (run.type) {
            case DATA, ZERO_ALLOCATED ->
                // Flags and distance both as they must be: one comparison for the hot path.
                entry == first + ((long) count << layout.clusterBits);
            case UNALLOCATED, ZERO_PLAIN -> true;
            case COMPRESSED -> false;
        };
    }

    /** Returns the type of a cluster whose entry is sound. */
    ClusterType checkedType(long entry, long guestCluster) {
        ClusterType type = layout.type(entry, external);
        if (type == ClusterType.UNALLOCATED) {
            return type;
        }
        String wrong = wrong(type, entry, guestCluster);
        if (wrong != null) {
            throw image.corrupted("the L2 entry 0x" + Long.toHexString(entry) + " of guest cluster 0x"
                    + Long.toHexString(guestCluster) + " " + wrong);
        }
        return type;
    }

    private @Nullable String wrong(ClusterType type, long entry, long guestCluster) {
        if (type == ClusterType.COMPRESSED) {
            return external ? "is compressed in spite of an external data file" : null;
        }
        if ((entry & Qcow2Format.ZERO) != 0 && image.header.version < 3) {
            return "is a zero cluster in an image of version 2";
        }
        if (type == ClusterType.ZERO_PLAIN) {
            return null;
        }
        long offset = entry & Qcow2Format.OFFSET_MASK;
        if (!layout.aligned(offset)) {
            return "is not aligned";
        }
        return external && offset != guestCluster << layout.clusterBits
                ? "is elsewhere in the external data file than in the disk"
                : null;
    }

    /** Tells whether a piece reads as zeroes without any I/O. */
    boolean zero(Run run, long offset) {
        return switch (run.type) {
            case ZERO_PLAIN, ZERO_ALLOCATED -> true;
            case UNALLOCATED -> image.backing == null || image.backing.capacityBytes() <= offset;
            case DATA, COMPRESSED -> false;
        };
    }

    /** Gives up what an L2 entry that is no longer there referred to. */
    void drop(long entry) {
        if (external) {
            return;
        }
        ClusterType type = layout.type(entry, false);
        if (type == ClusterType.COMPRESSED) {
            long offset = layout.compressedOffset(entry);
            long first = offset >>> layout.clusterBits;
            long end = layout.clusters(offset + layout.compressedBytes(entry));
            image.frees.drop(first, end - first);
        } else if (type == ClusterType.DATA || type == ClusterType.ZERO_ALLOCATED) {
            image.frees.drop((entry & Qcow2Format.OFFSET_MASK) >>> layout.clusterBits, 1);
        }
    }
}

// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.block.qcow2;

/**
 * The arithmetic of one image: sizes that follow from its cluster size and refcount width.
 *
 * <pre>
 *   guest offset   | L1 index | L2 index (clusterBits - 3) | offset in cluster (clusterBits) |
 *   L2 entry       | COPIED 63 | COMPRESSED 62 | host offset 55..9 | ZERO 0 |
 *   compressed     | 0 | 1 | sectors - 1 (clusterBits - 8) | host offset, in bytes |
 * </pre>
 */
final class ClusterLayout {
    final int clusterBits;
    final int clusterBytes;

    /** Number of entries of an L2 table, as a power of 2. */
    final int l2Bits;

    final int l2Entries;
    final int refcountOrder;

    /** Largest refcount, unsigned. */
    final long maxRefcount;

    /** Number of clusters that a refcount block counts, as a power of 2. */
    final int refcountBlockBits;

    private final int compressedShift;

    ClusterLayout(int clusterBits, int refcountOrder) {
        this.clusterBits = clusterBits;
        this.clusterBytes = 1 << clusterBits;
        this.l2Bits = clusterBits - 3;
        this.l2Entries = 1 << l2Bits;
        this.refcountOrder = refcountOrder;
        this.maxRefcount = refcountOrder == Qcow2Format.MAX_REFCOUNT_ORDER ? -1L : (1L << (1 << refcountOrder)) - 1;
        this.refcountBlockBits = clusterBits + 3 - refcountOrder;
        this.compressedShift = 62 - (clusterBits - 8);
    }

    /** Returns where an offset is within its cluster. */
    int withinCluster(long offset) {
        return (int) (offset & (clusterBytes - 1));
    }

    boolean aligned(long offset) {
        return withinCluster(offset) == 0;
    }

    /** Returns how many clusters so many bytes take. */
    long clusters(long lengthBytes) {
        return (lengthBytes >>> clusterBits) + (withinCluster(lengthBytes) == 0 ? 0 : 1);
    }

    /** Returns how many L1 entries a disk of this size needs. */
    long l1Entries(long capacityBytes) {
        int shift = clusterBits + l2Bits;
        return (capacityBytes >>> shift) + ((capacityBytes & ((1L << shift) - 1)) == 0 ? 0 : 1);
    }

    /** Returns the part of the L1 table that a guest cluster is in. */
    int l1Index(long guestCluster) {
        return Math.toIntExact(guestCluster >>> l2Bits);
    }

    /** Returns a guest cluster's entry within its L2 table. */
    int l2Index(long guestCluster) {
        return (int) (guestCluster & (l2Entries - 1));
    }

    /** Returns where a compressed cluster starts, in bytes. */
    long compressedOffset(long l2Entry) {
        return l2Entry & ((1L << compressedShift) - 1);
    }

    /** Returns how many bytes there are to a compressed cluster at most, up to the end of its last sector. */
    int compressedBytes(long l2Entry) {
        int sectors = (int) (l2Entry >>> compressedShift) & ((1 << (clusterBits - 8)) - 1);
        return (sectors + 1) * Qcow2Format.SECTOR_BYTES
                - (int) (compressedOffset(l2Entry) & (Qcow2Format.SECTOR_BYTES - 1));
    }

    /** Makes the entry of a compressed cluster, or answers 0 where the offset is too large for one. */
    long compressedEntry(long offset, int lengthBytes) {
        if (offset >>> compressedShift != 0 || offset + lengthBytes > Qcow2Format.MAX_HOST_BYTES) {
            return 0;
        }
        long firstSector = offset / Qcow2Format.SECTOR_BYTES;
        long lastSector = (offset + lengthBytes - 1) / Qcow2Format.SECTOR_BYTES;
        return Qcow2Format.COMPRESSED | ((lastSector - firstSector) << compressedShift) | offset;
    }

    /** Returns the type of the cluster that an L2 entry describes. */
    ClusterType type(long l2Entry, boolean externalData) {
        if ((l2Entry & Qcow2Format.COMPRESSED) != 0) {
            return ClusterType.COMPRESSED;
        }
        boolean hasOffset = (l2Entry & Qcow2Format.OFFSET_MASK) != 0;
        if ((l2Entry & Qcow2Format.ZERO) != 0) {
            return hasOffset ? ClusterType.ZERO_ALLOCATED : ClusterType.ZERO_PLAIN;
        }
        // Offset 0 is the header's, except in an external data file.
        hasOffset |= externalData && (l2Entry & Qcow2Format.COPIED) != 0;
        return hasOffset ? ClusterType.DATA : ClusterType.UNALLOCATED;
    }
}

// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.block.qcow2;

/** A piece of the disk whose clusters are all of one type, and follow each other in the file. Reused. */
final class Run {
    ClusterType type = ClusterType.UNALLOCATED;

    /** Where the piece is in the data file; for {@link ClusterType#DATA} and {@link ClusterType#ZERO_ALLOCATED}. */
    long hostOffset;

    long lengthBytes;

    /** Whether all of it may be written in place. */
    boolean copied;

    /** The L2 entry, for {@link ClusterType#COMPRESSED}. */
    long entry;
}

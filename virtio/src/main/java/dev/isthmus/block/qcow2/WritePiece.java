// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.block.qcow2;

/** What {@link ClusterWriter} is about to write to clusters that the L2 table does not show yet. Reused. */
final class WritePiece {
    /** How much of the guest's data. */
    long lengthBytes;

    /** Where the first cluster is in the data file. */
    long hostOffset;

    /** The first guest cluster. */
    long firstCluster;

    /** Number of clusters. */
    int count;

    /** Whether the host clusters belong to these guest clusters already. */
    boolean reuses;

    /** What is before the data in the first cluster. */
    int headBytes;

    /** What is behind the data in the last cluster. */
    int tailBytes;

    /** Whether the file was never written there. */
    boolean fresh;

    /** Whether the part before the data reads as zeroes now. */
    boolean headZero;

    /** Whether the part behind the data reads as zeroes now. */
    boolean tailZero;

    /** Of {@link InFlight}. */
    int ticket;
}

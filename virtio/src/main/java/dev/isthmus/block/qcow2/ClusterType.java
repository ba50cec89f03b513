// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.block.qcow2;

/** What a guest cluster is, by its L2 entry. */
enum ClusterType {
    /** Reads from the backing file. */
    UNALLOCATED,
    /** Reads as zeroes; has no host cluster. */
    ZERO_PLAIN,
    /** Reads as zeroes; a host cluster is kept for it. */
    ZERO_ALLOCATED,
    /** A host cluster with data. */
    DATA,
    /** Packed somewhere in the file. */
    COMPRESSED
}

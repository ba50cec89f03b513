// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.block.qcow2;

import dev.isthmus.block.BlockStatus;

/**
 * Finds free host clusters: the first ones in the file, from where the last search ended.
 *
 * <p>Under the metadata lock only.
 */
final class ClusterAllocator {
    private final ImageState image;
    private final ClusterLayout layout;

    /** No cluster before this one is free. */
    private long firstFree;

    /** How many clusters {@link #allocate} gave. */
    private int allocatedCount;

    /** Where the next compressed cluster goes, or 0 where it begins a new host cluster. */
    private long packedEnd;

    ClusterAllocator(ImageState image) {
        this.image = image;
        this.layout = image.layout;
    }

    /**
     * Takes some clusters that follow each other, at least one and at most as many as wanted; {@link #allocatedCount}
     * tells how many. Their refcounts are 1.
     *
     * @return the first one
     */
    long allocate(int wanted) {
        Refcounts refcounts = image.refcounts;
        long cluster = firstFree;
        while (refcounts.ensureBlock(cluster) || refcounts.get(cluster) != 0) {
            // A refcount table that has moved may have left its old place free, further to the front.
            firstFree = firstFree == cluster ? cluster + 1 : firstFree;
            cluster = firstFree;
            if (!refcounts.hasBlock(cluster)) {
                checkLimit(cluster);
            }
        }
        checkLimit(cluster);
        int count = 1;
        while (count < wanted && refcounts.hasBlock(cluster + count) && refcounts.get(cluster + count) == 0) {
            count++;
        }
        take(cluster, count);
        firstFree = cluster + count;
        allocatedCount = count;
        return cluster;
    }

    int allocatedCount() {
        return allocatedCount;
    }

    /**
     * Takes room for a compressed cluster, behind the last one if possible: one reference to each host cluster that it
     * touches.
     *
     * @return its offset in bytes
     */
    long allocatePacked(int lengthBytes) {
        int used = layout.withinCluster(packedEnd);
        long tail = packedEnd >>> layout.clusterBits;
        int left = layout.clusterBytes - used;
        long offset = packedEnd;
        if (used == 0 || lengthBytes > left || !image.refcounts.increment(tail)) {
            long cluster = allocate(1);
            boolean goesOn = used != 0 && cluster == tail + 1 && lengthBytes > left && image.refcounts.increment(tail);
            offset = goesOn ? packedEnd : cluster << layout.clusterBits;
        }
        packedEnd = offset + lengthBytes;
        return offset;
    }

    /** Takes clusters for a table, all of which follow each other; answers the offset of the first one. */
    long allocateTable(long lengthBytes) {
        long wanted = Math.max(1, layout.clusters(lengthBytes));
        Refcounts refcounts = image.refcounts;
        long first;
        boolean blocksMade;
        do {
            first = firstFree;
            long run = 0;
            while (run < wanted) {
                if (refcounts.get(first + run) == 0) {
                    run++;
                } else {
                    first += run + 1;
                    run = 0;
                }
                checkLimit(first + run);
            }
            blocksMade = false;
            for (long i = 0; i < wanted; i++) {
                blocksMade |= refcounts.ensureBlock(first + i);
            }
            // A new block may have taken a cluster of the run.
        } while (blocksMade);
        take(first, wanted);
        return first << layout.clusterBits;
    }

    private void checkLimit(long cluster) {
        if (cluster >= Qcow2Format.MAX_HOST_BYTES >>> layout.clusterBits) {
            throw IoFailure.of(BlockStatus.NO_SPACE);
        }
    }

    private void take(long first, long count) {
        image.checkFree(first, count);
        for (long i = 0; i < count; i++) {
            image.refcounts.increment(first + i);
        }
    }

    /** Gives clusters back that nothing on disk refers to and that no I/O is using: one reference to each. */
    void freeNow(long first, long count) {
        for (long i = 0; i < count; i++) {
            if (image.refcounts.decrement(first + i) == 0) {
                firstFree = Math.min(firstFree, first + i);
                if (packedEnd >>> layout.clusterBits == first + i) {
                    packedEnd = 0;
                }
            }
        }
    }
}

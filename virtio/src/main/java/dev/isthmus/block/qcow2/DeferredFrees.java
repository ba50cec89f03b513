// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.block.qcow2;

import java.util.Arrays;

/**
 * Clusters that nothing in memory refers to any more. Their refcounts stay as they were until the metadata without the
 * references is stable on disk and all I/O on them has ended; only then are they free.
 *
 * <pre>
 *   dropped --(a write-back begins, a generation of I/O ends)--> batch --(it has succeeded)--> stable
 *           --(the generation's I/O has ended)--> refcounts decremented
 * </pre>
 *
 * <p>Under the metadata lock only.
 */
final class DeferredFrees {
    /** So many are collected before operations see to a write-back. */
    private static final int MAX_RANGES = 1 << 16;

    private final ImageState image;
    private Ranges dropped = new Ranges();
    private Ranges batch = new Ranges();
    private int batchGeneration;
    private boolean batchStable;

    /** Ranges of clusters. */
    private static final class Ranges {
        long[] firsts = new long[16];
        long[] counts = new long[16];
        int size;

        void add(long first, long count) {
            if (size > 0 && firsts[size - 1] + counts[size - 1] == first) {
                counts[size - 1] += count;
                return;
            }
            if (size == firsts.length) {
                firsts = Arrays.copyOf(firsts, size * 2);
                counts = Arrays.copyOf(counts, size * 2);
            }
            firsts[size] = first;
            counts[size] = count;
            size++;
        }
    }

    DeferredFrees(ImageState image) {
        this.image = image;
    }

    /** Gives up one reference to each of some clusters. */
    void drop(long first, long count) {
        dropped.add(first, count);
    }

    boolean tooMany() {
        return dropped.size >= MAX_RANGES;
    }

    boolean isEmpty() {
        return dropped.size == 0 && batch.size == 0;
    }

    /** A write-back begins that includes all metadata as it is now. */
    void writeBackBegins() {
        apply();
        if (batch.size == 0 && dropped.size > 0) {
            int ended = image.inFlight.advance();
            if (ended >= 0) {
                Ranges empty = batch;
                batch = dropped;
                dropped = empty;
                batchGeneration = ended;
                batchStable = false;
            }
        }
    }

    /** The write-back that began last has succeeded. */
    void writeBackDone() {
        batchStable = batch.size > 0;
        apply();
    }

    /** Frees what may be freed now. */
    private void apply() {
        if (!batchStable || !image.inFlight.drained(batchGeneration)) {
            return;
        }
        while (batch.size > 0) {
            int last = batch.size - 1;
            long first = batch.firsts[last];
            long count = batch.counts[last];
            // Out of the list first: what fails to be freed is a leak, and not freed twice.
            batch.size = last;
            image.allocator.freeNow(first, count);
        }
        batchStable = false;
    }
}

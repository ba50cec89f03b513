// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.virtio.balloon;

import dev.isthmus.virtio.queue.ChainReader;

/**
 * Some page numbers of a request, sorted and taken off as runs of adjacent ones. Allocates nothing; owned by one thread.
 *
 * <p>Sorted here, because {@link java.util.Arrays#sort} allocates.
 */
final class PageBatch {
    /** As many numbers as Linux puts into a request. */
    static final int CAPACITY = 256;

    /** Shell's gaps by Ciura, which suit so few. */
    private static final int[] GAPS = {132, 57, 23, 10, 4, 1};

    /** Below 2^32 each. */
    private final long[] pages = new long[CAPACITY];

    private int count;
    private int next;
    private long runFirst;
    private long runPages;

    PageBatch() {}

    /** Takes as many numbers as fit from a request that has one left at least; returns how many. */
    int fill(ChainReader reader) {
        count = (int) Math.min(CAPACITY, reader.remainingBytes() / Integer.BYTES);
        next = 0;
        for (int i = 0; i < count; i++) {
            pages[i] = reader.readU32();
        }
        sort();
        return count;
    }

    private void sort() {
        for (int gap : GAPS) {
            for (int i = gap; i < count; i++) {
                long page = pages[i];
                int hole = i;
                while (hole >= gap && pages[hole - gap] > page) {
                    pages[hole] = pages[hole - gap];
                    hole -= gap;
                }
                pages[hole] = page;
            }
        }
    }


    /** Takes the next run off, numbers that are there more than once included; tells whether there is one. */
    boolean takeRun() {
        if (next == count) {
            return false;
        }
        runFirst = pages[next];
        long last = runFirst;
        next++;
        while (next < count && pages[next] <= last + 1) {
            last = pages[next];
            next++;
        }
        runPages = last - runFirst + 1;
        return true;
    }

    /** Returns the first number of the run taken last. */
    long runFirst() {
        return runFirst;
    }

    /** Returns how many pages the run taken last has, at least 1. */
    long runPages() {
        return runPages;
    }
}

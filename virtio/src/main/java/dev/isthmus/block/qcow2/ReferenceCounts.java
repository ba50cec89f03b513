// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.block.qcow2;

import java.util.Arrays;

import org.jspecify.annotations.Nullable;

import dev.isthmus.block.ImageException;

/**
 * How often each host cluster is referred to, as a check counts it. Memory only where something is referred to: a sparse
 * file may have a very high end. Bounded: an image may have been made to refer to a little everywhere.
 */
final class ReferenceCounts {
    private static final int PAGE_BITS = 8;
    private static final int PAGE_ENTRIES = 1 << PAGE_BITS;

    private int[] @Nullable [] pages = new int[16] @Nullable [];
    private final String name;
    private long clusters;
    private long pagesLeft;

    /**
     * Makes one.
     *
     * @param name what the image is called
     * @param clusters how many are looked at
     * @param maxBytes how much memory the counts may take
     */
    ReferenceCounts(String name, long clusters, long maxBytes) {
        this.name = name;
        this.clusters = clusters;
        this.pagesLeft = maxBytes / (PAGE_ENTRIES * Integer.BYTES);
    }

    /** Returns the number of clusters that are looked at. */
    long clusters() {
        return clusters;
    }

    void extendTo(long newClusters) {
        clusters = Math.max(clusters, newClusters);
    }

    void clear() {
        for (int i = 0; i < pages.length; i++) {
            pagesLeft += pages[i] == null ? 0 : 1;
            pages[i] = null;
        }
    }

    int get(long cluster) {
        long page = cluster >>> PAGE_BITS;
        if (page >= pages.length) {
            return 0;
        }
        int[] counts = pages[(int) page];
        return counts == null ? 0 : counts[(int) (cluster & (PAGE_ENTRIES - 1))];
    }

    /**
     * Changes a count.
     *
     * @throws ImageException where the counts would take too much memory
     */
    void set(long cluster, int count) {
        int page = Math.toIntExact(cluster >>> PAGE_BITS);
        if (page >= pages.length) {
            pages = Arrays.copyOf(pages, Math.max(page + 1, pages.length * 2));
        }
        int[] counts = pages[page];
        if (counts == null) {
            if (pagesLeft <= 0) {
                throw new ImageException(
                        name + " refers to too many places to be checked in the memory that there is.",
                        "Give Java more memory with -Xmx, or open it read-only and convert it.");
            }
            pagesLeft--;
            counts = new int[PAGE_ENTRIES];
            pages[page] = counts;
        }
        counts[(int) (cluster & (PAGE_ENTRIES - 1))] = count;
    }

    /** Returns the first cluster from one on that may be referred to, or the end: whole empty pages are skipped. */
    long skipEmpty(long from) {
        long cluster = from;
        while (cluster < clusters) {
            long page = cluster >>> PAGE_BITS;
            if (page >= pages.length) {
                return clusters;
            }
            if (pages[(int) page] != null) {
                return cluster;
            }
            cluster = (page + 1) << PAGE_BITS;
        }
        return clusters;
    }
}

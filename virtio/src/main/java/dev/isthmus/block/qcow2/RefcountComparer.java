// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.block.qcow2;

/** Compares the refcounts of an image with the references that were counted, and repairs them. */
final class RefcountComparer {
    private final CheckState state;
    private final ClusterLayout layout;
    private final CheckCounters counters;

    RefcountComparer(CheckState state) {
        this.state = state;
        this.layout = state.layout;
        this.counters = state.counters;
    }

    /**
     * Compares all.
     *
     * @param fixLeaks whether refcounts that are too high are lowered
     * @param fixErrors whether refcounts that are too low are raised, where they are not 0
     */
    void compare(boolean fixLeaks, boolean fixErrors) {
        long highest = 0;
        long cluster = 0;
        long end = state.counts.clusters();
        while (cluster < end) {
            long offset = state.blockOffset(cluster);
            if (offset == 0 && state.counts.get(cluster) == 0) {
                // Neither counted nor referred to: so it may be for a long way.
                long blockEnd = ((cluster >>> layout.refcountBlockBits) + 1) << layout.refcountBlockBits;
                long referred = state.counts.skipEmpty(cluster);
                cluster = referred == cluster ? cluster + 1 : Math.min(blockEnd, referred);
                continue;
            }
            if (offset < 0) {
                counters.checkError("the refcount of cluster " + cluster + " can't be told");
            } else if (compareOne(cluster, fixLeaks, fixErrors)) {
                highest = cluster;
            }
            cluster++;
        }
        counters.imageEndOffset = (highest + 1) << layout.clusterBits;
    }

    /** Compares a cluster's; answers whether it is in use. */
    private boolean compareOne(long cluster, boolean fixLeaks, boolean fixErrors) {
        long refcount;
        try {
            refcount = state.refcount(cluster);
        } catch (IoFailure e) {
            counters.checkError("the refcount of cluster " + cluster + " can't be read");
            return false;
        }
        int references = state.counts.get(cluster);
        if (refcount == references) {
            return refcount != 0;
        }
        boolean leaked = Long.compareUnsigned(refcount, references) > 0;
        String finding = "cluster " + cluster + " has refcount " + Long.toUnsignedString(refcount) + " and "
                + references + " references";
        if (refcount == 0) {
            state.needsRebuild = true;
        } else if (leaked ? fixLeaks : fixErrors) {
            state.setRefcount(cluster, references);
            if (leaked) {
                counters.leaksFixed++;
            } else {
                counters.corruptionFixed(finding);
            }
            return true;
        }
        if (leaked) {
            counters.leak(finding);
        } else {
            counters.corruption(finding);
        }
        return true;
    }
}

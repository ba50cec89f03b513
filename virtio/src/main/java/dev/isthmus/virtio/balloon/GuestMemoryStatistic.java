// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.virtio.balloon;

import java.util.Locale;

/**
 * What a guest tells of its memory. The first ten by virtio 1.2, section 5.5.6.4, the
 * others by Linux 6.12 ({@code include/uapi/linux/virtio_balloon.h}).
 */
public enum GuestMemoryStatistic {
    /** VIRTIO_BALLOON_S_SWAP_IN: memory swapped in, in bytes. */
    SWAP_IN(0),
    /** VIRTIO_BALLOON_S_SWAP_OUT: memory swapped out to disk, in bytes. */
    SWAP_OUT(1),
    /** VIRTIO_BALLOON_S_MAJFLT: number of major page faults. */
    MAJFLT(2),
    /** VIRTIO_BALLOON_S_MINFLT: number of minor page faults. */
    MINFLT(3),
    /** VIRTIO_BALLOON_S_MEMFREE: memory not used for anything, in bytes. */
    MEMFREE(4),
    /** VIRTIO_BALLOON_S_MEMTOT: all memory, in bytes. */
    MEMTOT(5),
    /** VIRTIO_BALLOON_S_AVAIL: an estimate of what new programs may take without swapping, in bytes. */
    AVAIL(6),
    /** VIRTIO_BALLOON_S_CACHES: memory that can be had back without I/O, such as file caches, in bytes. */
    CACHES(7),
    /** VIRTIO_BALLOON_S_HTLB_PGALLOC: number of huge pages that were allocated. */
    HTLB_PGALLOC(8),
    /** VIRTIO_BALLOON_S_HTLB_PGFAIL: number of huge pages that could not be allocated. */
    HTLB_PGFAIL(9),
    /** VIRTIO_BALLOON_S_OOM_KILL: number of programs ended for want of memory. */
    OOM_KILL(10),
    /** VIRTIO_BALLOON_S_ALLOC_STALL: number of allocations that had to wait. */
    ALLOC_STALL(11),
    /** VIRTIO_BALLOON_S_ASYNC_SCAN: pages looked at in the background to free some. */
    ASYNC_SCAN(12),
    /** VIRTIO_BALLOON_S_DIRECT_SCAN: pages looked at by allocations to free some. */
    DIRECT_SCAN(13),
    /** VIRTIO_BALLOON_S_ASYNC_RECLAIM: pages freed in the background. */
    ASYNC_RECLAIM(14),
    /** VIRTIO_BALLOON_S_DIRECT_RECLAIM: pages freed by allocations. */
    DIRECT_RECLAIM(15);

    /** Number of tags known. */
    static final int COUNT = values().length;

    private final int tag;
    private final String key = name().toLowerCase(Locale.ROOT);

    GuestMemoryStatistic(int tag) {
        this.tag = tag;
    }

    /** Returns the tag of its entries. */
    public int tag() {
        return tag;
    }

    /** Returns a name for machine-readable output: lower case with underscores. */
    public String key() {
        return key;
    }
}

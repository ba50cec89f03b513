// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.virtio.balloon;

/**
 * Names and numbers of the memory balloon device (virtio 1.2, section 5.5).
 *
 * <pre>
 *  struct virtio_balloon_config (5.5.4)
 *  +0    le32 num_pages               set by the device
 *  +4    le32 actual                  set by the driver
 *  +8    le32 free_page_hint_cmd_id   not in use
 *  +12   le32 poison_val              set by the driver
 *
 *  struct virtio_balloon_stat (5.5.6.3), packed
 *  +0    le16 tag
 *  +2    le64 val
 * </pre>
 */
final class VirtioBalloonProtocol {
    private VirtioBalloonProtocol() {}

    // Features (5.5.3), as masks.

    /** There is a queue for statistics. */
    static final long VIRTIO_BALLOON_F_STATS_VQ = 1L << 1;
    /** The guest may take pages back when it runs out of memory. */
    static final long VIRTIO_BALLOON_F_DEFLATE_ON_OOM = 1L << 2;
    /** The driver writes a value to all pages that it frees. */
    static final long VIRTIO_BALLOON_F_PAGE_POISON = 1L << 4;
    /** There is a queue for reports of free memory. */
    static final long VIRTIO_BALLOON_F_PAGE_REPORTING = 1L << 5;

    // Queues (5.5.2).

    static final int INFLATEQ = 0;
    static final int DEFLATEQ = 1;
    static final int STATSQ = 2;
    static final int FREE_PAGE_VQ = 3;
    static final int REPORTING_VQ = 4;
    static final int QUEUES = 5;

    // Configuration space.

    static final int NUM_PAGES = 0;
    static final int ACTUAL = 4;
    static final int POISON_VAL = 12;
    static final int CONFIG_BYTES = 16;

    /** Of what balloons count in, whatever the guest's pages are (5.5.6): 4096 bytes. */
    static final int VIRTIO_BALLOON_PFN_SHIFT = 12;

    static final long BALLOON_PAGE_BYTES = 1L << VIRTIO_BALLOON_PFN_SHIFT;

    /** Of an entry of statistics. */
    static final int STAT_BYTES = 10;
}

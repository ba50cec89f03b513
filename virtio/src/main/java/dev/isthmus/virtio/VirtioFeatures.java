// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.virtio;

/**
 * Feature bits that belong to no device type (virtio 1.2, chapter 6), as masks of a 64-bit set.
 *
 * <p>Sets beyond 64 bits are all zero: nothing is defined there.
 */
public final class VirtioFeatures {
    private VirtioFeatures() {}

    /** The driver may use indirect descriptor tables (2.7.5.3). */
    public static final long VIRTIO_F_INDIRECT_DESC = 1L << 28;
    /** {@code used_event} and {@code avail_event} are in use (2.7.7, 2.7.10). */
    public static final long VIRTIO_F_EVENT_IDX = 1L << 29;
    /** Compliance with virtio 1.0 or later: no legacy interface. */
    public static final long VIRTIO_F_VERSION_1 = 1L << 32;
    /** The device's access to memory is subject to the platform: an IOMMU's addresses, a right to be granted (6.1). */
    public static final long VIRTIO_F_ACCESS_PLATFORM = 1L << 33;
    /** The packed ring format (2.8). */
    public static final long VIRTIO_F_RING_PACKED = 1L << 34;
    /** Buffers are used in the order in which they were made available. */
    public static final long VIRTIO_F_IN_ORDER = 1L << 35;
    /** Notifications carry more than the queue index (2.9). */
    public static final long VIRTIO_F_NOTIFICATION_DATA = 1L << 38;
    /** Queues can be reset one by one (2.6.1). */
    public static final long VIRTIO_F_RING_RESET = 1L << 40;
}

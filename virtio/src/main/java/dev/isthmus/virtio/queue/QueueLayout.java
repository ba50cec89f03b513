// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.virtio.queue;

import dev.isthmus.memory.GuestMemory;
import dev.isthmus.memory.MemoryRegion;

/**
 * Where the three parts of a split virtqueue lie, checked against guest memory (virtio 1.2, section 2.7).
 *
 * <pre>
 *  part              area         alignment  size in bytes          written by
 *  Descriptor Table  Descriptor   16         16 * Queue Size        driver
 *  Available Ring    Driver        2         6 + 2 * Queue Size     driver
 *  Used Ring         Device        4         6 + 8 * Queue Size     device
 * </pre>
 *
 * <p>The existence of an instance is the proof that size and addresses are valid. Immutable.
 */
public final class QueueLayout implements RingLayout {
    /** Largest Queue Size of a split (2.7) and of a packed virtqueue (2.8). */
    public static final int QUEUE_SIZE_LIMIT = 32768;

    /** Size of {@code struct virtq_desc} and of {@code struct pvirtq_desc}. */
    public static final int VIRTQ_DESC_BYTES = 16;

    /** Size of {@code struct virtq_used_elem}. */
    public static final int VIRTQ_USED_ELEM_BYTES = 8;

    private static final int VIRTQ_DESC_ALIGN_BYTES = 16;
    private static final int VIRTQ_AVAIL_ALIGN_BYTES = 2;
    private static final int VIRTQ_USED_ALIGN_BYTES = 4;

    /** {@code flags}, {@code idx} and the event index at the end: three le16. */
    private static final int RING_FRAME_BYTES = 6;

    private static final int AVAIL_ENTRY_BYTES = 2;

    private final int queueSize;
    private final MemoryRegion descriptorRegion;
    private final long descriptorOffset;
    private final MemoryRegion availableRegion;
    private final long availableOffset;
    private final MemoryRegion usedRegion;
    private final long usedOffset;

    private QueueLayout(
            int queueSize,
            MemoryRegion descriptorRegion,
            long descriptorGpa,
            MemoryRegion availableRegion,
            long availableGpa,
            MemoryRegion usedRegion,
            long usedGpa) {
        this.queueSize = queueSize;
        this.descriptorRegion = descriptorRegion;
        this.descriptorOffset = descriptorRegion.offsetOf(descriptorGpa);
        this.availableRegion = availableRegion;
        this.availableOffset = availableRegion.offsetOf(availableGpa);
        this.usedRegion = usedRegion;
        this.usedOffset = usedRegion.offsetOf(usedGpa);
    }

    /**
     * Checks what a driver wrote to a transport's queue registers. Safe for any guest-chosen values.
     *
     * @param memory the guest's RAM
     * @param queueSize number of descriptors
     * @param queueSizeMax the device's maximum, a power of 2 up to {@link #QUEUE_SIZE_LIMIT}
     * @param descriptorGpa the Descriptor Table
     * @param availableGpa the Available Ring
     * @param usedGpa the Used Ring
     */
    public static LayoutOutcome check(
            GuestMemory memory,
            long queueSize,
            int queueSizeMax,
            long descriptorGpa,
            long availableGpa,
            long usedGpa) {
        if (queueSize <= 0 || queueSize > queueSizeMax || Long.bitCount(queueSize) != 1) {
            return new Malformed(QueueFault.QUEUE_SIZE);
        }
        int size = (int) queueSize;
        if (!aligned(descriptorGpa, VIRTQ_DESC_ALIGN_BYTES)
                || !aligned(availableGpa, VIRTQ_AVAIL_ALIGN_BYTES)
                || !aligned(usedGpa, VIRTQ_USED_ALIGN_BYTES)) {
            return new Malformed(QueueFault.RING_ALIGNMENT);
        }
        MemoryRegion descriptors = memory.find(descriptorGpa, descriptorTableBytes(size));
        MemoryRegion available = memory.find(availableGpa, availableRingBytes(size));
        MemoryRegion used = memory.find(usedGpa, usedRingBytes(size));
        if (descriptors == null || available == null || used == null) {
            return new Malformed(QueueFault.RING_OUTSIDE_RAM);
        }
        return new QueueLayout(size, descriptors, descriptorGpa, available, availableGpa, used, usedGpa);
    }

    static boolean aligned(long gpa, int alignmentBytes) {
        return (gpa & (alignmentBytes - 1)) == 0;
    }

    /** Returns the size of the Descriptor Table in bytes. */
    public static long descriptorTableBytes(int queueSize) {
        return (long) VIRTQ_DESC_BYTES * queueSize;
    }

    /** Returns the size of the Available Ring in bytes, {@code used_event} included. */
    public static long availableRingBytes(int queueSize) {
        return RING_FRAME_BYTES + (long) AVAIL_ENTRY_BYTES * queueSize;
    }

    /** Returns the size of the Used Ring in bytes, {@code avail_event} included. */
    public static long usedRingBytes(int queueSize) {
        return RING_FRAME_BYTES + (long) VIRTQ_USED_ELEM_BYTES * queueSize;
    }

    /** Returns the number of descriptors, a power of 2. */
    @Override
    public int queueSize() {
        return queueSize;
    }

    MemoryRegion descriptorRegion() {
        return descriptorRegion;
    }

    long descriptorOffset() {
        return descriptorOffset;
    }

    MemoryRegion availableRegion() {
        return availableRegion;
    }

    long availableOffset() {
        return availableOffset;
    }

    MemoryRegion usedRegion() {
        return usedRegion;
    }

    long usedOffset() {
        return usedOffset;
    }
}

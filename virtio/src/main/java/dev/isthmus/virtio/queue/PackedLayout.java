// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.virtio.queue;

import dev.isthmus.memory.GuestMemory;
import dev.isthmus.memory.MemoryRegion;

/**
 * Where the three parts of a packed virtqueue lie, checked against guest memory (virtio 1.2, section 2.8.10.1).
 *
 * <pre>
 *  part                      area        alignment  size in bytes     written by
 *  Descriptor Ring           Descriptor  16         16 * Queue Size   both
 *  Driver Event Suppression  Driver       4         4                 driver
 *  Device Event Suppression  Device       4         4                 device
 * </pre>
 *
 * <p>Queue Size is any number, not only a power of 2.
 */
public final class PackedLayout implements RingLayout {
    /** Size of {@code struct pvirtq_event_suppress} (2.8.14). */
    public static final int EVENT_SUPPRESS_BYTES = 4;

    private static final int RING_ALIGN_BYTES = 16;
    private static final int EVENT_SUPPRESS_ALIGN_BYTES = 4;

    private final int queueSize;
    private final MemoryRegion ringRegion;
    private final long ringOffset;
    private final MemoryRegion driverEventRegion;
    private final long driverEventOffset;
    private final MemoryRegion deviceEventRegion;
    private final long deviceEventOffset;

    private PackedLayout(
            int queueSize,
            MemoryRegion ringRegion,
            long ringGpa,
            MemoryRegion driverEventRegion,
            long driverEventGpa,
            MemoryRegion deviceEventRegion,
            long deviceEventGpa) {
        this.queueSize = queueSize;
        this.ringRegion = ringRegion;
        this.ringOffset = ringRegion.offsetOf(ringGpa);
        this.driverEventRegion = driverEventRegion;
        this.driverEventOffset = driverEventRegion.offsetOf(driverEventGpa);
        this.deviceEventRegion = deviceEventRegion;
        this.deviceEventOffset = deviceEventRegion.offsetOf(deviceEventGpa);
    }

    /**
     * Checks what a driver wrote to a transport's queue registers. Safe for any guest-chosen values.
     *
     * @param memory the guest's RAM
     * @param queueSize number of descriptors
     * @param queueSizeMax the device's maximum, up to {@link QueueLayout#QUEUE_SIZE_LIMIT}
     * @param ringGpa the Descriptor Ring
     * @param driverEventGpa the Driver Event Suppression structure
     * @param deviceEventGpa the Device Event Suppression structure
     */
    public static LayoutOutcome check(
            GuestMemory memory,
            long queueSize,
            int queueSizeMax,
            long ringGpa,
            long driverEventGpa,
            long deviceEventGpa) {
        if (queueSize <= 0 || queueSize > queueSizeMax) {
            return new Malformed(QueueFault.QUEUE_SIZE);
        }
        int size = (int) queueSize;
        if (!QueueLayout.aligned(ringGpa, RING_ALIGN_BYTES)
                || !QueueLayout.aligned(driverEventGpa, EVENT_SUPPRESS_ALIGN_BYTES)
                || !QueueLayout.aligned(deviceEventGpa, EVENT_SUPPRESS_ALIGN_BYTES)) {
            return new Malformed(QueueFault.RING_ALIGNMENT);
        }
        MemoryRegion ring = memory.find(ringGpa, QueueLayout.descriptorTableBytes(size));
        MemoryRegion driverEvent = memory.find(driverEventGpa, EVENT_SUPPRESS_BYTES);
        MemoryRegion deviceEvent = memory.find(deviceEventGpa, EVENT_SUPPRESS_BYTES);
        if (ring == null || driverEvent == null || deviceEvent == null) {
            return new Malformed(QueueFault.RING_OUTSIDE_RAM);
        }
        return new PackedLayout(size, ring, ringGpa, driverEvent, driverEventGpa, deviceEvent, deviceEventGpa);
    }

    @Override
    public int queueSize() {
        return queueSize;
    }

    MemoryRegion ringRegion() {
        return ringRegion;
    }

    long ringOffset() {
        return ringOffset;
    }

    MemoryRegion driverEventRegion() {
        return driverEventRegion;
    }

    long driverEventOffset() {
        return driverEventOffset;
    }

    MemoryRegion deviceEventRegion() {
        return deviceEventRegion;
    }

    long deviceEventOffset() {
        return deviceEventOffset;
    }
}

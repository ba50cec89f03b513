// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.virtio.transport;

import dev.isthmus.memory.GuestMemory;
import dev.isthmus.virtio.VirtioFeatures;
import dev.isthmus.virtio.queue.LayoutOutcome;
import dev.isthmus.virtio.queue.PackedLayout;
import dev.isthmus.virtio.queue.PackedPosition;
import dev.isthmus.virtio.queue.PackedQueue;
import dev.isthmus.virtio.queue.QueueLayout;
import dev.isthmus.virtio.queue.RingLayout;
import dev.isthmus.virtio.queue.RingPosition;
import dev.isthmus.virtio.queue.SplitQueue;
import dev.isthmus.virtio.queue.Virtqueue;

/** Makes queues in the ring format that was negotiated: split, or packed by VIRTIO_F_RING_PACKED (virtio 1.2, 2.6). */
final class RingFormat {
    private RingFormat() {}

    /** Checks what a driver wrote about a queue, for the features that it chose. */
    static LayoutOutcome check(GuestMemory memory, QueueRegisters registers, long features) {
        if ((features & VirtioFeatures.VIRTIO_F_RING_PACKED) != 0) {
            return PackedLayout.check(
                    memory,
                    registers.size,
                    registers.sizeMax,
                    registers.descriptorGpa,
                    registers.driverGpa,
                    registers.deviceGpa);
        }
        return QueueLayout.check(
                memory,
                registers.size,
                registers.sizeMax,
                registers.descriptorGpa,
                registers.driverGpa,
                registers.deviceGpa);
    }

    /**
     * Makes a fresh queue.
     *
     * @param layout what {@link #check} found sound
     * @param sizeMax the device's maximum Queue Size
     */
    static Virtqueue open(GuestMemory memory, RingLayout layout, int sizeMax, long features) {
        boolean eventIdx = (features & VirtioFeatures.VIRTIO_F_EVENT_IDX) != 0;
        boolean indirectDesc = (features & VirtioFeatures.VIRTIO_F_INDIRECT_DESC) != 0;
        return switch (layout) {
            case QueueLayout split ->
                new SplitQueue(memory, split, sizeMax, eventIdx, indirectDesc, RingPosition.START);
            case PackedLayout packed ->
                new PackedQueue(memory, packed, sizeMax, eventIdx, indirectDesc, PackedPosition.START);
        };
    }
}

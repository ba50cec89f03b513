// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.virtio.queue;

/**
 * How far the device has come in a packed queue: the part of its state that is not in guest memory (virtio 1.2, section
 * 2.8.1).
 *
 * @param nextAvailable position of the next descriptor to take, 0 to 32767 and below the queue's size
 * @param availableWrap the Driver Ring Wrap Counter that makes it available
 * @param nextUsed position of the next used descriptor to write, likewise
 * @param usedWrap the Device Ring Wrap Counter
 */
public record PackedPosition(int nextAvailable, boolean availableWrap, int nextUsed, boolean usedWrap) {
    /** Where every queue starts. */
    public static final PackedPosition START = new PackedPosition(0, true, 0, true);

    /** Checks the ranges. */
    public PackedPosition {
        if (nextAvailable < 0
                || nextAvailable >= QueueLayout.QUEUE_SIZE_LIMIT
                || nextUsed < 0
                || nextUsed >= QueueLayout.QUEUE_SIZE_LIMIT) {
            throw new IllegalArgumentException("Ring position out of range");
        }
    }
}

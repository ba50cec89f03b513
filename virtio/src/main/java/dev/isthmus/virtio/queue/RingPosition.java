// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.virtio.queue;

/**
 * How far the device has come in a split queue: the part of its state that is not in guest memory.
 *
 * @param nextAvailable index of the next available ring entry to take, 0 to 0xffff
 * @param nextUsed index of the next used ring entry to write, 0 to 0xffff
 */
public record RingPosition(int nextAvailable, int nextUsed) {
    /** Where every queue starts. */
    public static final RingPosition START = new RingPosition(0, 0);

    /** Checks the ranges. */
    public RingPosition {
        if ((nextAvailable & ~0xffff) != 0 || (nextUsed & ~0xffff) != 0) {
            throw new IllegalArgumentException("Ring index out of range");
        }
    }
}

// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.machine.serial;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/**
 * What the guest has sent and the backend has not fetched yet, with the transmitter's two marks:
 *
 * <pre>
 *  0                  LOW                HIGH                               CAPACITY
 *  ├───────────────────┼──────────────────┼──────────────────────────────────┤
 *                      │                  └ reached from below: busy         └ a guest that sends on loses bytes
 *                      └ reached from above: ready again
 * </pre>
 *
 * <p>The room above HIGH is for senders that do not wait for ever: Linux's console gives up polling a busy transmitter
 * after 10,000 polls and sends its character all the same. At that pace it takes many minutes to fill.
 *
 * <p>Not thread-safe; {@link Uart16550} guards it.
 */
final class TransmitRing {
    /** A power of two. */
    static final int CAPACITY_BYTES = 64 << 10;

    static final int HIGH_BYTES = CAPACITY_BYTES / 2;
    static final int LOW_BYTES = CAPACITY_BYTES / 4;

    private final byte[] bytes = new byte[CAPACITY_BYTES];
    private int head;
    private int count;
    private boolean busy;

    /** Adds a byte; returns false where it is lost because the ring is full. */
    boolean put(int value) {
        if (count == CAPACITY_BYTES) {
            return false;
        }
        bytes[(head + count) & (CAPACITY_BYTES - 1)] = (byte) value;
        count++;
        if (count >= HIGH_BYTES) {
            busy = true;
        }
        return true;
    }

    /** Moves as much as there is and fits to native memory and returns how much that was. */
    int moveTo(MemorySegment target) {
        int length = (int) Math.min(count, target.byteSize());
        int first = Math.min(length, CAPACITY_BYTES - head);
        MemorySegment.copy(bytes, head, target, ValueLayout.JAVA_BYTE, 0, first);
        MemorySegment.copy(bytes, 0, target, ValueLayout.JAVA_BYTE, first, length - first);
        head = (head + length) & (CAPACITY_BYTES - 1);
        count -= length;
        if (count <= LOW_BYTES) {
            busy = false;
        }
        return length;
    }

    int count() {
        return count;
    }

    /** Tells whether the guest is to wait. */
    boolean isBusy() {
        return busy;
    }
}

// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.vmm;

import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.ReentrantLock;

/**
 * Bytes on their way to the guest: a pipe between the threads that write to a serial line and the event loop.
 *
 * <p>A lock of its own, held for copying only.
 */
final class SerialInput {
    /** How much may wait for the guest. */
    static final int CAPACITY_BYTES = 64 << 10;

    private final ReentrantLock lock = new ReentrantLock();
    private final Condition changed = lock.newCondition();

    // All guarded by lock.
    private final byte[] ring = new byte[CAPACITY_BYTES];
    private int head;
    private int length;
    private boolean closed;

    /**
     * Takes as many bytes as there is room for, waiting for room for one.
     *
     * @return how many were taken, at least one
     * @throws IllegalStateException if the line is closed
     */
    int put(byte[] bytes, int offset) throws InterruptedException {
        lock.lockInterruptibly();
        try {
            while (length == CAPACITY_BYTES && !closed) {
                changed.await();
            }
            if (closed) {
                throw new IllegalStateException("the VM has ended: nobody reads its serial line any more");
            }
            int count = Math.min(bytes.length - offset, CAPACITY_BYTES - length);
            int tail = (head + length) % CAPACITY_BYTES;
            int untilWrap = Math.min(count, CAPACITY_BYTES - tail);
            System.arraycopy(bytes, offset, ring, tail, untilWrap);
            System.arraycopy(bytes, offset + untilWrap, ring, 0, count - untilWrap);
            length += count;
            return count;
        } finally {
            lock.unlock();
        }
    }

    /**
     * Takes bytes out; never waits.
     *
     * @return how many there were, up to {@code limit}
     */
    int take(byte[] destination, int limit) {
        lock.lock();
        try {
            int count = Math.min(limit, Math.min(length, destination.length));
            int untilWrap = Math.min(count, CAPACITY_BYTES - head);
            System.arraycopy(ring, head, destination, 0, untilWrap);
            System.arraycopy(ring, 0, destination, untilWrap, count - untilWrap);
            head = (head + count) % CAPACITY_BYTES;
            length -= count;
            if (count > 0) {
                changed.signalAll();
            }
            return count;
        } finally {
            lock.unlock();
        }
    }

    /** Lets go of everyone who waits for room. */
    void close() {
        lock.lock();
        try {
            closed = true;
            changed.signalAll();
        } finally {
            lock.unlock();
        }
    }
}

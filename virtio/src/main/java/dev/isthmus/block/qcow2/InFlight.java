// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.block.qcow2;

import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicIntegerArray;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.ReentrantLock;

/**
 * Counts the I/O that uses host clusters outside of the metadata lock, so that a cluster that was given up is not reused
 * while somebody still reads or writes it.
 *
 * <p>I/O belongs to a generation. Clusters that were given up in one generation may be reused when its I/O, and all
 * before, has ended; there are never more than two generations with I/O.
 *
 * <p>{@link #begin}, {@link #advance} and the waiting ones under the metadata lock; {@link #end} on any thread.
 */
final class InFlight {
    private final ReentrantLock lock;
    private final Condition changed;
    private final AtomicIntegerArray running = new AtomicIntegerArray(2);
    private int current;
    private final AtomicInteger waiters = new AtomicInteger();

    /** How many of them wait for the end of I/O. */
    private final AtomicInteger drainers = new AtomicInteger();

    InFlight(ReentrantLock lock) {
        this.lock = lock;
        this.changed = lock.newCondition();
    }

    /** Begins I/O; answers the ticket to end it with. */
    int begin() {
        running.incrementAndGet(current);
        return current;
    }

    /**
     * Ends I/O. Takes the metadata lock only where somebody waits for the end of all I/O: new operations wait then, too,
     * and do not hold it.
     */
    void end(int ticket) {
        if (running.decrementAndGet(ticket) == 0 && drainers.get() > 0) {
            lock.lock();
            try {
                changed.signalAll();
            } finally {
                lock.unlock();
            }
        }
    }

    /** Begins a new generation where that is possible, and answers the one that ended so, or -1. */
    int advance() {
        int other = 1 - current;
        if (running.get(other) != 0) {
            return -1;
        }
        int ended = current;
        current = other;
        return ended;
    }

    /** Tells whether all I/O of a generation that was left has ended. */
    boolean drained(int generation) {
        return running.get(generation) == 0;
    }

    /** Waits until all I/O has ended; the caller sees to it that none begins. */
    void awaitNone() {
        waiters.incrementAndGet();
        drainers.incrementAndGet();
        try {
            while (running.get(0) != 0 || running.get(1) != 0) {
                changed.awaitUninterruptibly();
            }
        } finally {
            drainers.decrementAndGet();
            waiters.decrementAndGet();
        }
    }

    /** Waits until {@link #wake}, or for no reason. */
    @SuppressWarnings("WaitNotInLoop") // The callers' loops look at what they wait for.
    void awaitChange() {
        waiters.incrementAndGet();
        try {
            changed.awaitUninterruptibly();
        } finally {
            waiters.decrementAndGet();
        }
    }

    /** Wakes those who wait. */
    void wake() {
        if (waiters.get() > 0) {
            changed.signalAll();
        }
    }
}

// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.block.qcow2;

import java.time.Duration;
import java.util.concurrent.locks.ReentrantLock;

import org.junit.jupiter.api.Test;

import static org.junit.jupiter.api.Assertions.assertTimeoutPreemptively;
import static org.junit.jupiter.api.Assertions.assertTrue;

class InFlightTest {
    private final ReentrantLock lock = new ReentrantLock();
    private final InFlight inFlight = new InFlight(lock);

    private Thread waiting(Runnable wait) {
        Thread thread = Thread.ofPlatform().daemon().start(() -> {
            lock.lock();
            try {
                wait.run();
            } finally {
                lock.unlock();
            }
        });
        while (thread.getState() != Thread.State.WAITING) {
            Thread.onSpinWait();
        }
        return thread;
    }

    private int begin() {
        lock.lock();
        try {
            return inFlight.begin();
        } finally {
            lock.unlock();
        }
    }

    @Test
    void endOfIoDoesNotWaitForTheLockWhereNobodyWaitsForIt() throws InterruptedException {
        int ticket = begin();
        Thread waiter = waiting(inFlight::awaitChange);
        lock.lock();
        try {
            // On another thread, which does not have the lock.
            assertTimeoutPreemptively(Duration.ofSeconds(20), () -> inFlight.end(ticket));
            inFlight.wake();
        } finally {
            lock.unlock();
        }
        waiter.join();
    }

    @Test
    void endOfIoWakesWhoWaitsForAll() throws InterruptedException {
        int first = begin();
        int second = begin();
        Thread waiter = waiting(inFlight::awaitNone);

        inFlight.end(first);
        assertTrue(waiter.isAlive());
        inFlight.end(second);

        waiter.join();
    }
}

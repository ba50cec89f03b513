// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.machine.io;

import java.util.concurrent.CountDownLatch;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.locks.LockSupport;
import java.util.function.BooleanSupplier;

import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

import dev.isthmus.device.FdWatch;
import dev.isthmus.device.LoopPoller;
import dev.isthmus.device.LoopTimer;
import dev.isthmus.kvm.linux.EventFd;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertTrue;

@Timeout(60)
class IoThreadPollingTest {
    private final LinkedBlockingQueue<Throwable> bugs = new LinkedBlockingQueue<>();
    private final IoThread loop = IoThread.start("test-io", bugs::add);
    private final Work work = new Work();

    @AfterEach
    void closeLoop() {
        loop.call(() -> loop.removePoller(work));
        loop.close();
        assertTrue(bugs.isEmpty(), bugs::toString);
    }

    /** Counts what the loop does with it, and hands out as many pieces of work as a test gives it. */
    private static final class Work implements LoopPoller {
        final AtomicLong left = new AtomicLong();
        final AtomicLong found = new AtomicLong();
        final AtomicLong looks = new AtomicLong();
        final AtomicInteger begun = new AtomicInteger();
        final AtomicInteger ended = new AtomicInteger();

        @Override
        public void begin() {
            assertEquals(begun.get(), ended.get());
            begun.incrementAndGet();
        }

        @Override
        public boolean poll() {
            looks.incrementAndGet();
            if (left.get() == 0) {
                return false;
            }
            left.decrementAndGet();
            found.incrementAndGet();
            return true;
        }

        @Override
        public void end() {
            ended.incrementAndGet();
            assertEquals(begun.get(), ended.get());
        }
    }

    private static void await(CountDownLatch latch) throws InterruptedException {
        assertTrue(latch.await(30, TimeUnit.SECONDS), "it never happened");
    }

    /** Keeps the loop turning until something holds: a descriptor that is always ready makes for waits that are short. */
    private void keepTurningUntil(BooleanSupplier condition) throws InterruptedException {
        CountDownLatch holds = new CountDownLatch(1);
        try (EventFd eventFd = EventFd.create()) {
            eventFd.signal();
            loop.call(() -> {
                FdWatch[] watch = new FdWatch[1];
                watch[0] = loop.watch(eventFd.fd().number(), FdWatch.READABLE, _ -> {
                    if (condition.getAsBoolean()) {
                        watch[0].close();
                        holds.countDown();
                    }
                });
            });
            await(holds);
        }
    }

    @Test
    void busyLoopFindsWorkThatNobodyTellsItOf() throws Exception {
        work.left.set(1_000_000);
        loop.call(() -> loop.addPoller(work));

        // Once some is found, the next is looked for without a wait between them.
        keepTurningUntil(() -> work.found.get() > 0);

        while (work.found.get() < 1_000_000) {
            LockSupport.parkNanos(PollTime.MAX_NANOS);
        }
    }

    @Test
    void loopThatFindsNothingEndsItsLookingAndBlocks() throws Exception {
        loop.call(() -> loop.addPoller(work));
        keepTurningUntil(() -> work.begun.get() > 0);
        while (work.ended.get() != work.begun.get()) {
            LockSupport.parkNanos(PollTime.MAX_NANOS);
        }

        loop.call(() -> {});
        long looks = 0;
        do {
            looks = work.looks.get();
            // Far longer than it ever looks.
            LockSupport.parkNanos(100 * PollTime.MAX_NANOS);
        } while (work.looks.get() != looks);

        assertEquals(work.begun.get(), work.ended.get());
    }

    @Test
    void descriptorsTimersAndTasksAreServedWhileThereIsAlwaysWork() throws Exception {
        work.left.set(Long.MAX_VALUE);
        CountDownLatch readable = new CountDownLatch(1);
        CountDownLatch fired = new CountDownLatch(1);
        CountDownLatch posted = new CountDownLatch(1);
        try (EventFd eventFd = EventFd.create()) {
            loop.call(() -> {
                FdWatch[] watch = new FdWatch[1];
                watch[0] = loop.watch(eventFd.fd().number(), FdWatch.READABLE, ready -> {
                    watch[0].close();
                    readable.countDown();
                });
                loop.addPoller(work);
            });
            keepTurningUntil(() -> work.found.get() > 0);

            eventFd.signal();
            LoopTimer timer = loop.newTimer(fired::countDown);
            loop.post(() -> timer.arm(loop.nanoTime() + 1_000_000));
            loop.post(posted::countDown);

            await(readable);
            await(fired);
            await(posted);
        }
    }

    @Test
    void removedPollerIsNotCalledAnyMore() throws Exception {
        loop.call(() -> loop.addPoller(work));
        keepTurningUntil(() -> work.begun.get() > 0);

        loop.call(() -> loop.removePoller(work));

        long looks = work.looks.get();
        for (int i = 0; i < 100; i++) {
            loop.call(() -> {});
        }
        assertEquals(looks, work.looks.get());
    }

    @Test
    void pollerThatThrowsIsToldOnceAndTheLoopGoesOn() throws Exception {
        LoopPoller broken = new LoopPoller() {
            @Override
            public void begin() {}

            @Override
            public boolean poll() {
                throw new IllegalStateException("broken");
            }

            @Override
            public void end() {}
        };
        loop.call(() -> {
            loop.addPoller(work);
            loop.addPoller(broken);
        });

        keepTurningUntil(() -> !bugs.isEmpty());

        assertInstanceOf(IllegalStateException.class, bugs.poll(30, TimeUnit.SECONDS));
        assertTrue(bugs.isEmpty(), bugs::toString);
    }
}

// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.machine.io;

import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicReference;

import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

import dev.isthmus.device.BottomHalf;
import dev.isthmus.device.FdWatch;
import dev.isthmus.device.LoopTimer;
import dev.isthmus.kvm.linux.Errno;
import dev.isthmus.kvm.linux.ErrnoException;
import dev.isthmus.kvm.linux.EventFd;
import dev.isthmus.kvm.linux.Fd;
import dev.isthmus.kvm.linux.HostFile;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

@Timeout(60)
class IoThreadTest {
    private final LinkedBlockingQueue<Throwable> bugs = new LinkedBlockingQueue<>();
    private final IoThread loop = IoThread.start("test-io", bugs::add);

    @AfterEach
    void closeLoop() {
        loop.close();
        assertTrue(bugs.isEmpty(), bugs::toString);
    }

    private static void await(CountDownLatch latch) throws InterruptedException {
        assertTrue(latch.await(30, TimeUnit.SECONDS), "it never happened");
    }

    @Test
    void postedTasksRunInOrderOnTheLoop() throws Exception {
        List<Integer> order = Collections.synchronizedList(new ArrayList<>());
        CountDownLatch done = new CountDownLatch(1);
        for (int i = 0; i < 100; i++) {
            int number = i;
            loop.post(() -> order.add(loop.inLoop() ? number : -1));
        }
        loop.post(done::countDown);

        await(done);

        for (int i = 0; i < 100; i++) {
            assertEquals(i, order.get(i));
        }
        assertFalse(loop.inLoop());
    }

    @Test
    void callReturnsWhenTheTaskHasRunAlsoFromTheLoopItself() {
        AtomicInteger ran = new AtomicInteger();

        loop.call(() -> loop.call(ran::incrementAndGet));

        assertEquals(1, ran.get());
    }

    @Test
    void callThrowsToTheCallerWhatItsTaskThrows() {
        IllegalStateException thrown = new IllegalStateException();

        IllegalStateException seen = assertThrows(IllegalStateException.class, () -> loop.call(() -> {
            throw thrown;
        }));

        assertSame(thrown, seen);
    }

    @Test
    void callOfATaskThatEndsLaterWaitsForItsEndWhileTheLoopGoesOn() throws Exception {
        AtomicReference<@Nullable Runnable> end = new AtomicReference<>();
        CompletableFuture<Void> call = CompletableFuture.runAsync(() -> loop.callAndAwait(end::set));
        while (end.get() == null) {
            loop.call(() -> {});
        }
        assertFalse(call.isDone());

        loop.post(() -> run(end.get()));

        call.get(30, TimeUnit.SECONDS);
    }

    @Test
    void callOfATaskThatNeverEndsIsRejectedWhenTheLoopEnds() throws Exception {
        CountDownLatch begun = new CountDownLatch(1);
        CompletableFuture<Void> call =
                CompletableFuture.runAsync(() -> loop.callAndAwait(ended -> begun.countDown()));
        await(begun);

        loop.close();

        CompletionException failure = assertThrows(CompletionException.class, call::join);
        assertInstanceOf(RejectedExecutionException.class, failure.getCause());
    }

    @Test
    void callOfATaskThatEndsLaterIsRefusedOnTheLoop() {
        assertThrows(
                IllegalStateException.class, () -> loop.call(() -> loop.callAndAwait(Runnable::run)));
    }

    @Test
    void bottomHalfRunsOnceForManyRequestsAndAgainForALaterOne() {
        AtomicInteger runs = new AtomicInteger();
        BottomHalf bottomHalf = loop.newBottomHalf(runs::incrementAndGet);

        loop.call(() -> {
            bottomHalf.schedule();
            bottomHalf.schedule();
        });
        loop.call(() -> {});
        loop.call(() -> {});
        assertEquals(1, runs.get());

        loop.call(bottomHalf::schedule);
        loop.call(() -> {});
        loop.call(() -> {});
        assertEquals(2, runs.get());
    }

    @Test
    void bottomHalfThatSchedulesItselfDoesNotStarveOthers() throws Exception {
        AtomicReference<@Nullable BottomHalf> self = new AtomicReference<>();
        BottomHalf greedy = loop.newBottomHalf(() -> {
            BottomHalf again = self.get();
            if (again != null) {
                again.schedule();
            }
        });
        self.set(greedy);
        greedy.schedule();
        CountDownLatch fired = new CountDownLatch(1);

        loop.call(() -> loop.newTimer(fired::countDown).arm(loop.nanoTime()));

        await(fired);
        loop.call(greedy::cancel);
    }

    @Test
    void requestMadeWhileTheBottomHalfRunsMakesItRunAgain() throws Exception {
        CountDownLatch twice = new CountDownLatch(2);
        AtomicReference<@Nullable BottomHalf> self = new AtomicReference<>();
        BottomHalf bottomHalf = loop.newBottomHalf(() -> {
            BottomHalf again = self.getAndSet(null);
            if (again != null) {
                again.schedule();
            }
            twice.countDown();
        });
        self.set(bottomHalf);

        bottomHalf.schedule();

        await(twice);
    }

    @Test
    void cancelledBottomHalfDoesNotRun() {
        AtomicInteger runs = new AtomicInteger();
        BottomHalf bottomHalf = loop.newBottomHalf(runs::incrementAndGet);

        loop.call(() -> {
            bottomHalf.schedule();
            bottomHalf.cancel();
        });
        bottomHalf.schedule();
        loop.call(() -> {});
        loop.call(() -> {});

        assertEquals(0, runs.get());
    }

    @Test
    void noWakeUpIsLostBetweenSchedulersAndALoopThatGoesToSleep() throws Exception {
        int rounds = 20_000;
        LinkedBlockingQueue<Integer> answers = new LinkedBlockingQueue<>();
        AtomicInteger question = new AtomicInteger();
        BottomHalf echo = loop.newBottomHalf(() -> answers.add(question.get()));

        for (int i = 1; i <= rounds; i++) {
            question.set(i);
            echo.schedule();
            Integer answer = answers.poll(30, TimeUnit.SECONDS);
            assertEquals(i, answer);
        }
    }

    @Test
    void whatTheSchedulerWroteIsSeenByTheBottomHalf() throws Exception {
        int[] written = new int[1];
        LinkedBlockingQueue<Integer> seen = new LinkedBlockingQueue<>();
        BottomHalf bottomHalf = loop.newBottomHalf(() -> seen.add(written[0]));

        written[0] = 42;
        bottomHalf.schedule();

        assertEquals(42, seen.poll(30, TimeUnit.SECONDS));
    }

    @Test
    void timersFireByDeadlineNotByOrderOfArming() throws Exception {
        List<String> fired = Collections.synchronizedList(new ArrayList<>());
        CountDownLatch done = new CountDownLatch(2);
        loop.call(() -> {
            long nowNanos = loop.nanoTime();
            LoopTimer late = loop.newTimer(() -> {
                fired.add("late");
                done.countDown();
            });
            LoopTimer early = loop.newTimer(() -> {
                fired.add("early");
                done.countDown();
            });
            late.arm(nowNanos + 20_000_000);
            early.arm(nowNanos + 10_000_000);
        });

        await(done);

        assertEquals(List.of("early", "late"), fired);
    }

    @Test
    void timerNeverFiresBeforeItsDeadline() throws Exception {
        AtomicReference<@Nullable Long> firedAtNanos = new AtomicReference<>();
        CountDownLatch fired = new CountDownLatch(1);
        long deadlineNanos = loop.nanoTime() + 5_000_000;
        loop.call(() -> loop.newTimer(() -> {
                    firedAtNanos.set(loop.nanoTime());
                    fired.countDown();
                })
                .arm(deadlineNanos));

        await(fired);

        Long at = firedAtNanos.get();
        assertTrue(at != null && at - deadlineNanos >= 0, "fired at " + at + " for " + deadlineNanos);
    }

    @Test
    void cancelledTimerDoesNotFire() throws Exception {
        AtomicInteger fired = new AtomicInteger();
        CountDownLatch later = new CountDownLatch(1);
        loop.call(() -> {
            LoopTimer cancelled = loop.newTimer(fired::incrementAndGet);
            cancelled.arm(loop.nanoTime() + 1_000_000);
            cancelled.cancel();
            loop.newTimer(later::countDown).arm(loop.nanoTime() + 2_000_000);
        });

        await(later);

        assertEquals(0, fired.get());
    }

    @Test
    void readableDescriptorIsReportedAsLongAsItIsReadable() throws Exception {
        try (EventFd eventFd = EventFd.create()) {
            CountDownLatch thrice = new CountDownLatch(3);
            AtomicReference<@Nullable FdWatch> watch = new AtomicReference<>();
            loop.call(() -> watch.set(loop.watch(eventFd.fd().number(), FdWatch.READABLE, ready -> {
                if (ready == FdWatch.READABLE) {
                    thrice.countDown();
                }
                if (thrice.getCount() == 0) {
                    eventFd.drain();
                }
            })));

            eventFd.signal();

            await(thrice);
            loop.call(() -> close(watch.get()));
        }
    }

    @Test
    void closedWatchIsNotCalledEvenForAnEventOfTheSameTurn() throws Exception {
        try (EventFd first = EventFd.create();
                EventFd second = EventFd.create()) {
            AtomicInteger calls = new AtomicInteger();
            List<FdWatch> watches = new ArrayList<>();
            FdWatch.Callback closesBoth = ready -> {
                calls.incrementAndGet();
                for (FdWatch watch : watches) {
                    watch.close();
                }
            };
            loop.call(() -> {
                watches.add(loop.watch(first.fd().number(), FdWatch.READABLE, closesBoth));
                watches.add(loop.watch(second.fd().number(), FdWatch.READABLE, closesBoth));
                // Both ready before the loop looks: they come in one batch.
                first.signal();
                second.signal();
            });

            loop.call(() -> {});
            loop.call(() -> {});

            assertEquals(1, calls.get());
        }
    }

    @Test
    void interestOfZeroReportsNothingUntilItIsSetAgain() throws Exception {
        try (EventFd eventFd = EventFd.create()) {
            CountDownLatch called = new CountDownLatch(1);
            AtomicReference<@Nullable FdWatch> watch = new AtomicReference<>();
            loop.call(() -> watch.set(loop.watch(eventFd.fd().number(), 0, ready -> {
                eventFd.drain();
                called.countDown();
            })));
            eventFd.signal();
            loop.call(() -> {});
            assertEquals(1, called.getCount());

            loop.call(() -> {
                FdWatch opened = watch.get();
                if (opened != null) {
                    opened.setInterest(FdWatch.READABLE);
                }
            });

            await(called);
            loop.call(() -> close(watch.get()));
        }
    }

    @Test
    void descriptorThatCannotBeWatchedIsRefusedAndLeavesTheLoopAsItWas() throws Exception {
        try (Fd file = HostFile.openFd("/dev/null", HostFile.O_RDONLY, 0);
                EventFd eventFd = EventFd.create()) {
            CountDownLatch called = new CountDownLatch(1);
            for (int i = 0; i < 100; i++) {
                ErrnoException e = assertThrows(
                        ErrnoException.class,
                        () -> loop.call(() -> loop.watch(file.number(), FdWatch.READABLE, ready -> {})));
                assertEquals(Errno.EPERM, e.errno());
            }
            AtomicReference<@Nullable FdWatch> watch = new AtomicReference<>();
            loop.call(() -> watch.set(loop.watch(eventFd.fd().number(), FdWatch.READABLE, ready -> {
                eventFd.drain();
                called.countDown();
            })));

            eventFd.signal();

            await(called);
            loop.call(() -> close(watch.get()));
        }
    }

    @Test
    void callbackThatThrowsIsReportedAndTheLoopGoesOn() throws Exception {
        IllegalStateException bug = new IllegalStateException("a bug");
        BottomHalf faulty = loop.newBottomHalf(() -> {
            throw bug;
        });

        faulty.schedule();

        assertSame(bug, bugs.poll(30, TimeUnit.SECONDS));
        AtomicInteger ran = new AtomicInteger();
        loop.call(ran::incrementAndGet);
        assertEquals(1, ran.get());
    }

    @Test
    void watchThatThrowsIsClosedLestItThrowForEver() throws Exception {
        try (EventFd eventFd = EventFd.create()) {
            loop.call(() -> loop.watch(eventFd.fd().number(), FdWatch.READABLE, ready -> {
                throw new IllegalStateException("a bug");
            }));

            eventFd.signal();

            assertTrue(bugs.poll(30, TimeUnit.SECONDS) != null);
            loop.call(() -> {});
            loop.call(() -> {});
        }
    }

    @Test
    void closeRunsWhatWasPostedAndRefusesWhatComesLater() {
        AtomicInteger ran = new AtomicInteger();
        loop.post(ran::incrementAndGet);

        loop.close();

        assertEquals(1, ran.get());
        assertThrows(RejectedExecutionException.class, () -> loop.post(() -> {}));
        assertThrows(RejectedExecutionException.class, () -> loop.call(() -> {}));
    }

    private static void run(@Nullable Runnable task) {
        if (task != null) {
            task.run();
        }
    }

    private static void close(@Nullable FdWatch watch) {
        if (watch != null) {
            watch.close();
        }
    }
}

// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.testing.device;

import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicBoolean;

import org.jspecify.annotations.Nullable;

import dev.isthmus.device.BottomHalf;
import dev.isthmus.device.EventLoop;
import dev.isthmus.device.FdWatch;
import dev.isthmus.device.LoopPoller;
import dev.isthmus.device.LoopTask;
import dev.isthmus.device.LoopTimer;

/**
 * An event loop that a test turns by hand, with a clock that only the test moves.
 *
 * <p>The thread that makes it is its loop thread. Other threads may post and schedule, as with a real loop; what they
 * ask for runs when the test calls {@link #runReady}; {@link #call} and {@link #callAndAwait} wait for that. Called by
 * the loop thread, which so plays a vCPU as well, they turn the loop themselves.
 */
public final class ManualEventLoop implements EventLoop {
    private final Thread thread = Thread.currentThread();
    private final ConcurrentLinkedQueue<Runnable> tasks = new ConcurrentLinkedQueue<>();
    private final CopyOnWriteArrayList<Half> halves = new CopyOnWriteArrayList<>();
    private final List<Timer> timers = new ArrayList<>();
    private final List<Watch> watches = new ArrayList<>();
    private final List<LoopPoller> pollers = new ArrayList<>();
    private boolean anyCancelled;
    private long nowNanos;

    /** Makes a loop whose thread is the caller and whose clock stands at 0. */
    public ManualEventLoop() {}

    @Override
    public boolean inLoop() {
        return Thread.currentThread() == thread;
    }

    @Override
    public void post(Runnable task) {
        synchronized (tasks) {
            tasks.add(task);
            tasks.notifyAll();
        }
    }

    @Override
    public void call(Runnable task) {
        if (inLoop()) {
            task.run();
            return;
        }
        callAndAwait(ended -> {
            task.run();
            ended.run();
        });
    }

    @Override
    public void callAndAwait(LoopTask task) {
        CountDownLatch done = new CountDownLatch(1);
        if (inLoop()) {
            task.begin(done::countDown);
            if (done.getCount() > 0) {
                runReady();
            }
            if (done.getCount() > 0) {
                throw new IllegalStateException("The task waits for another thread: call from another one, too");
            }
            return;
        }
        post(() -> task.begin(done::countDown));
        boolean interrupted = false;
        while (done.getCount() > 0) {
            try {
                done.await();
            } catch (InterruptedException e) {
                interrupted = true;
            }
        }
        if (interrupted) {
            Thread.currentThread().interrupt();
        }
    }

    @Override
    public BottomHalf newBottomHalf(Runnable callback) {
        Half half = new Half(callback);
        halves.add(half);
        return half;
    }

    @Override
    public LoopTimer newTimer(Runnable callback) {
        Timer timer = new Timer(callback);
        synchronized (timers) {
            timers.add(timer);
        }
        return timer;
    }

    @Override
    public FdWatch watch(int fd, int interest, FdWatch.Callback callback) {
        requireLoop();
        Watch watch = new Watch(fd, interest, callback);
        watches.add(watch);
        return watch;
    }

    @Override
    public void addPoller(LoopPoller poller) {
        requireLoop();
        pollers.add(poller);
    }

    @Override
    public void removePoller(LoopPoller poller) {
        requireLoop();
        pollers.remove(poller);
    }

    /** Returns the pollers, which this loop itself never calls. */
    public List<LoopPoller> pollers() {
        return pollers;
    }

    @Override
    public long nanoTime() {
        return nowNanos;
    }

    /** Waits until other threads have posted or called so many times and all that is still to run. Loop thread. */
    public void awaitPosted(int count) throws InterruptedException {
        requireLoop();
        synchronized (tasks) {
            while (tasks.size() < count) {
                tasks.wait();
            }
        }
    }

    /** Runs posted tasks and scheduled bottom halves until none is left. Loop thread. */
    public void runReady() {
        while (runOnce()) {
            // Each round may schedule more.
        }
    }

    /**
     * Runs what is posted and scheduled now, but nothing that this schedules. Loop thread.
     *
     * @return whether anything ran
     */
    public boolean runOnce() {
        requireLoop();
        boolean ran = false;
        for (int left = tasks.size(); left > 0; left--) {
            Runnable task = tasks.poll();
            if (task != null) {
                task.run();
                ran = true;
            }
        }
        // Two passes, so that what a callback schedules waits for the next round. No iterator and no list of what is
        // due: tests measure what devices allocate on this thread.
        for (int i = 0; i < halves.size(); i++) {
            Half half = halves.get(i);
            half.due = half.scheduled.getAndSet(false);
        }
        for (int i = 0; i < halves.size(); i++) {
            Half half = halves.get(i);
            if (half.due && !half.cancelled) {
                half.callback.run();
                ran = true;
            }
            half.due = false;
        }
        if (anyCancelled) {
            anyCancelled = false;
            halves.removeIf(half -> half.cancelled);
        }
        return ran;
    }

    /** Moves the clock and runs the timers that became due, by their deadlines. Loop thread. */
    public void advanceNanos(long nanos) {
        requireLoop();
        long end = nowNanos + nanos;
        Timer next = nextTimer(end);
        while (next != null) {
            nowNanos = Math.max(nowNanos, next.deadlineNanos);
            next.armed = false;
            next.callback.run();
            runReady();
            next = nextTimer(end);
        }
        nowNanos = end;
    }

    private @Nullable Timer nextTimer(long end) {
        Timer next = null;
        synchronized (timers) {
            // No iterator: whether the compiler does away with one is a matter of luck, and tests measure allocations.
            for (int i = 0; i < timers.size(); i++) {
                Timer timer = timers.get(i);
                if (timer.armed
                        && timer.deadlineNanos <= end
                        && (next == null || timer.deadlineNanos < next.deadlineNanos)) {
                    next = timer;
                }
            }
        }
        return next;
    }

    /** Reports a descriptor as ready to those who watch it for that, as epoll would. Loop thread. */
    public void fireReady(int fd, int ready) {
        requireLoop();
        for (Watch watch : List.copyOf(watches)) {
            if (watch.fd == fd && watches.contains(watch) && (watch.interest & ready) != 0) {
                watch.callback.ready(watch.interest & ready);
            }
        }
    }

    /** Reports a hang-up of a descriptor to those who watch it, whatever for, as epoll would. Loop thread. */
    public void fireHangUp(int fd) {
        requireLoop();
        for (Watch watch : List.copyOf(watches)) {
            if (watch.fd == fd && watches.contains(watch)) {
                watch.callback.ready(FdWatch.READABLE | FdWatch.WRITABLE);
            }
        }
    }

    /** Returns what is waited for on a descriptor, 0 where nothing is. */
    public int interest(int fd) {
        int interest = 0;
        for (Watch watch : watches) {
            if (watch.fd == fd) {
                interest |= watch.interest;
            }
        }
        return interest;
    }

    private void requireLoop() {
        if (!inLoop()) {
            throw new IllegalStateException("Not on the loop thread");
        }
    }

    private final class Half implements BottomHalf {
        private final Runnable callback;
        private final AtomicBoolean scheduled = new AtomicBoolean();
        private boolean due;
        private boolean cancelled;

        Half(Runnable callback) {
            this.callback = callback;
        }

        @Override
        public void schedule() {
            scheduled.set(true);
        }

        @Override
        public void cancel() {
            requireLoop();
            cancelled = true;
            anyCancelled = true;
        }
    }

    private final class Timer implements LoopTimer {
        private final Runnable callback;
        private long deadlineNanos;
        private boolean armed;

        Timer(Runnable callback) {
            this.callback = callback;
        }

        @Override
        public void arm(long newDeadlineNanos) {
            requireLoop();
            deadlineNanos = newDeadlineNanos;
            armed = true;
        }

        @Override
        public void cancel() {
            requireLoop();
            armed = false;
        }
    }

    private final class Watch implements FdWatch {
        private final int fd;
        private final FdWatch.Callback callback;
        private int interest;

        Watch(int fd, int interest, FdWatch.Callback callback) {
            this.fd = fd;
            this.interest = interest;
            this.callback = callback;
        }

        @Override
        public void setInterest(int newInterest) {
            requireLoop();
            interest = newInterest;
        }

        @Override
        public void close() {
            requireLoop();
            watches.remove(this);
        }
    }
}

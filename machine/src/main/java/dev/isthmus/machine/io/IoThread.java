// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.machine.io;

import java.util.ArrayDeque;
import java.util.HashSet;
import java.util.Set;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.atomic.AtomicBoolean;

import dev.isthmus.device.BottomHalf;
import dev.isthmus.device.EventLoop;
import dev.isthmus.device.FdWatch;
import dev.isthmus.device.LoopPoller;
import dev.isthmus.device.LoopTask;
import dev.isthmus.device.LoopTimer;
import dev.isthmus.kvm.linux.Epoll;
import dev.isthmus.kvm.linux.EventFd;
import dev.isthmus.machine.HostThreads;

/**
 * The event loop of one VM on its thread: epoll, timers and bottom halves, as in QEMU's main loop.
 *
 * <p>One turn of the loop: due timers, then ready descriptors, then the bottom halves scheduled up to now; those that
 * callbacks schedule meanwhile run in the next turn, so that nothing starves. Posted tasks are the work of one bottom
 * half of the loop's own.
 *
 * <p>While there is work, and for up to {@link PollTime} after, the loop looks at its {@link LoopPoller}s by itself instead
 * of blocking; descriptors wait for that no longer than {@link #LOOK_NANOS}.
 *
 * <p>Waking up: the loop announces in {@link #asleep} that it may block, then looks for bottom halves once more. A
 * scheduler queues its bottom half, then looks whether the loop is asleep. One of the two sees the other, and of many
 * schedulers only the first writes to the eventfd.
 *
 * <p>Role IOTHREAD. What a callback throws, a bug of the VMM or a fault of the host, is told to the
 * {@link FailureHandler}, which stops the machine, and the loop goes on so that the machine can be taken down.
 */
public final class IoThread implements EventLoop, AutoCloseable {
    private static final int MAX_EVENTS = 64;

    /** How long descriptors are not looked at while pollers find work: what a look costs is a small part of that. */
    private static final long LOOK_NANOS = 50_000;

    /** Epoll key of the loop's own eventfd; watches have keys with a generation of at least 1. */
    private static final long WAKE_UP_KEY = 0;

    /** Told about callbacks that throw. Any thread; returns at once. */
    public interface FailureHandler {
        /** Takes note of what was thrown. */
        void callbackFailed(Throwable thrown);
    }

    private final FailureHandler failureHandler;
    private final Thread thread;
    private final Epoll epoll;
    private final EventFd wakeUp;
    private final WatchTable<LoopWatch> watches = new WatchTable<>();
    private final TimerQueue timers = new TimerQueue();
    private final BottomHalfQueue bottomHalves = new BottomHalfQueue();
    private final PollerSet pollers = new PollerSet(this);
    private final PollTime pollTime = new PollTime();
    private final AtomicBoolean asleep = new AtomicBoolean();

    /** Guarded by itself. */
    private final ArrayDeque<Runnable> posted = new ArrayDeque<>();

    /** Guarded by {@link #posted}: no task comes in any more. */
    private boolean stopped;

    private final LoopBottomHalf runPosted = new LoopBottomHalf(this, new RunPosted());

    /** The last of the bottom halves of this turn. Loop thread only. */
    private final LoopBottomHalf endOfTurn = new LoopBottomHalf(this, new Nothing());

    /** Calls whose tasks have begun and not ended. Loop thread only. */
    private final Set<LoopCall> begunCalls = new HashSet<>();

    /** When descriptors were looked at. Loop thread only. */
    private long lookedAtNanos;

    /** Loop thread only. */
    private boolean running = true;

    private IoThread(String name, FailureHandler failureHandler, Epoll epoll, EventFd wakeUp) {
        this.failureHandler = failureHandler;
        this.epoll = epoll;
        this.wakeUp = wakeUp;
        this.thread = Thread.ofPlatform().name(name).daemon(true).unstarted(new Loop());
    }

    /**
     * Starts a loop on a thread of its own.
     *
     * @param name the thread's name
     * @throws dev.isthmus.kvm.linux.ErrnoException if the host has no descriptors left
     * @throws dev.isthmus.machine.VmException.HostFault if the host allows no more threads
     */
    public static IoThread start(String name, FailureHandler failureHandler) {
        Epoll epoll = Epoll.create(MAX_EVENTS);
        EventFd wakeUp;
        try {
            wakeUp = EventFd.create();
        } catch (RuntimeException e) {
            epoll.close();
            throw e;
        }
        try {
            epoll.add(wakeUp.fd(), Epoll.EPOLLIN, WAKE_UP_KEY);
            IoThread loop = new IoThread(name, failureHandler, epoll, wakeUp);
            HostThreads.start(loop.thread);
            return loop;
        } catch (RuntimeException e) {
            wakeUp.close();
            epoll.close();
            throw e;
        }
    }

    @Override
    public boolean inLoop() {
        return Thread.currentThread() == thread;
    }

    @Override
    public long nanoTime() {
        return System.nanoTime();
    }

    @Override
    public BottomHalf newBottomHalf(Runnable callback) {
        return new LoopBottomHalf(this, callback);
    }

    @Override
    public LoopTimer newTimer(Runnable callback) {
        return new Timer(this, callback);
    }

    @Override
    public FdWatch watch(int fd, int interest, FdWatch.Callback callback) {
        assert inLoop();
        LoopWatch watch = new LoopWatch(this, fd, callback);
        long key = watches.add(watch);
        try {
            watch.open(key, interest);
        } catch (RuntimeException e) {
            // Regular files and /dev/null, for some, can't be watched.
            watches.remove(key);
            throw e;
        }
        return watch;
    }

    @Override
    public void addPoller(LoopPoller poller) {
        assert inLoop();
        pollers.add(poller);
    }

    @Override
    public void removePoller(LoopPoller poller) {
        assert inLoop();
        pollers.remove(poller);
    }

    @Override
    public void post(Runnable task) {
        synchronized (posted) {
            if (stopped) {
                throw new RejectedExecutionException(thread.getName() + " has been stopped");
            }
            posted.add(task);
        }
        runPosted.schedule();
    }

    @Override
    public void call(Runnable task) {
        if (inLoop()) {
            task.run();
            return;
        }
        callAndAwait(new Immediate(task));
    }

    @Override
    public void callAndAwait(LoopTask task) {
        if (inLoop()) {
            throw new IllegalStateException("The loop would wait for itself");
        }
        LoopCall call = new LoopCall(this, task);
        post(call);
        call.await();
    }

    /**
     * Ends the loop after what has been posted so far, waits for its thread and closes its descriptors. Watches and
     * timers left are dropped. Idempotent; not on the loop's own thread.
     */
    @Override
    public void close() {
        assert !inLoop();
        synchronized (posted) {
            if (!stopped) {
                posted.add(new Stop());
                stopped = true;
            }
        }
        runPosted.schedule();
        Uninterruptibly.join(thread);
        epoll.close();
        wakeUp.close();
    }

    /** Queues a bottom half that is not queued. Any thread, wait-free. */
    void enqueue(LoopBottomHalf bottomHalf) {
        bottomHalves.push(bottomHalf);
        // Pairs with asleep.set(true) in block(): either the loop sees the bottom half or this sees it asleep.
        if (asleep.get() && asleep.getAndSet(false)) {
            wakeUp.signal();
        }
    }

    Set<LoopCall> begunCalls() {
        return begunCalls;
    }

    TimerQueue timers() {
        return timers;
    }

    WatchTable<LoopWatch> watches() {
        return watches;
    }

    Epoll epoll() {
        return epoll;
    }

    /** Is told of what a callback threw. */
    void callbackFailed(Throwable thrown) {
        failureHandler.callbackFailed(thrown);
    }

    /** Runs a callback of a timer or bottom half. */
    void run(Runnable callback) {
        try {
            callback.run();
        } catch (Throwable thrown) {
            failureHandler.callbackFailed(thrown);
        }
    }

    private void turn() {
        int ready = pollers.isEmpty() ? block(true) : pollThenBlock();
        runTimers();
        for (int i = 0; i < ready; i++) {
            long key = epoll.data(i);
            if (key == WAKE_UP_KEY) {
                wakeUp.drain();
                continue;
            }
            LoopWatch watch = watches.get(key);
            if (watch != null) {
                dispatch(watch, epoll.events(i));
            }
        }
        runBottomHalves();
    }

    /** Looks for work while that is worth it; answers how many descriptors are ready. */
    @SuppressWarnings("ThreadPriorityCheck") // Correct without yield, and faster with it.
    private int pollThenBlock() {
        long startNanos = nanoTime();
        long lookNanos = pollTime.nanos();
        boolean found = false;
        if (lookNanos > 0) {
            pollers.begin();
            TimerQueue.Entry first = timers.first();
            if (first != null) {
                lookNanos = Math.min(lookNanos, first.deadlineNanos - startNanos);
            }
            long nowNanos = startNanos;
            do {
                found = pollers.poll() || !bottomHalves.isEmpty();
                if (found) {
                    break;
                }
                // A worker may be waiting for this processor: vCPUs that poll have the others. Where nobody waits, this
                // returns at once.
                Thread.yield();
                nowNanos = nanoTime();
            } while (nowNanos - startNanos < lookNanos);
            if (found && nowNanos - lookedAtNanos < LOOK_NANOS) {
                return 0;
            }
        }
        if (!found) {
            pollers.end();
        }
        int ready = block(!found);
        lookedAtNanos = nanoTime();
        if (!found) {
            pollTime.waited(lookedAtNanos - startNanos);
        }
        return ready;
    }

    private int block(boolean mayWait) {
        TimerQueue.Entry first = timers.first();
        long timeoutNanos = Epoll.FOREVER;
        if (first != null) {
            timeoutNanos = Math.max(0, first.deadlineNanos - nanoTime());
        }
        asleep.set(true);
        // Pairs with enqueue(): a bottom half queued before this look is seen here, one queued later wakes us.
        if (!mayWait || !bottomHalves.isEmpty()) {
            timeoutNanos = 0;
        }
        int ready = epoll.await(timeoutNanos);
        asleep.set(false);
        return ready;
    }

    private void runTimers() {
        TimerQueue.Entry first = timers.first();
        if (first == null) {
            return;
        }
        long nowNanos = nanoTime();
        while (first != null && first.deadlineNanos - nowNanos <= 0) {
            timers.cancel(first);
            run(((Timer) first).callback);
            first = timers.first();
        }
    }

    private void dispatch(LoopWatch watch, int events) {
        try {
            watch.ready(events);
        } catch (Throwable thrown) {
            failureHandler.callbackFailed(thrown);
            // Level-triggered: without this, the same event would come back for ever.
            watch.close();
        }
    }

    private void runBottomHalves() {
        if (bottomHalves.isEmpty()) {
            return;
        }
        // What callbacks schedule comes behind this mark and waits for the next turn.
        endOfTurn.scheduleAsMark();
        BottomHalfQueue.Node node = bottomHalves.poll();
        while (node != null && node != endOfTurn) {
            ((LoopBottomHalf) node).run();
            node = bottomHalves.poll();
        }
        // Where a producer was halfway through queueing, poll() gave null with the mark still queued: it comes out at
        // the start of a later turn and scheduleAsMark() knows that it is not to be queued twice.
        if (node == endOfTurn) {
            endOfTurn.markReached();
        }
    }

    private final class Loop implements Runnable {
        @Override
        public void run() {
            try {
                while (running) {
                    turn();
                }
            } catch (Throwable thrown) {
                failureHandler.callbackFailed(thrown);
            } finally {
                rejectPosted();
            }
        }

        private void rejectPosted() {
            while (true) {
                Runnable task;
                synchronized (posted) {
                    stopped = true;
                    task = posted.poll();
                }
                if (task == null) {
                    break;
                }
                if (task instanceof LoopCall call) {
                    call.reject(thread.getName());
                }
            }
            for (LoopCall call : begunCalls) {
                call.reject(thread.getName());
            }
        }
    }

    private final class RunPosted implements Runnable {
        @Override
        public void run() {
            int tasks;
            synchronized (posted) {
                tasks = posted.size();
            }
            // As many as there are now: what they post themselves schedules this bottom half again.
            for (int i = 0; i < tasks && running; i++) {
                Runnable task;
                synchronized (posted) {
                    task = posted.remove();
                }
                IoThread.this.run(task);
            }
        }
    }

    private final class Stop implements Runnable {
        @Override
        public void run() {
            running = false;
        }
    }

    private static final class Nothing implements Runnable {
        @Override
        public void run() {}
    }

    private static final class Timer extends TimerQueue.Entry implements LoopTimer {
        private final IoThread loop;
        private final Runnable callback;

        Timer(IoThread loop, Runnable callback) {
            this.loop = loop;
            this.callback = callback;
        }

        @Override
        public void arm(long deadlineNanos) {
            assert loop.inLoop();
            loop.timers.arm(this, deadlineNanos);
        }

        @Override
        public void cancel() {
            assert loop.inLoop();
            loop.timers.cancel(this);
        }
    }

    private record Immediate(Runnable task) implements LoopTask {
        @Override
        public void begin(Runnable ended) {
            task.run();
            ended.run();
        }
    }
}

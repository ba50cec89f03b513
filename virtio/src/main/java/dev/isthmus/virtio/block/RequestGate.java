// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.virtio.block;

import org.jspecify.annotations.Nullable;

import dev.isthmus.block.BlockExecutor;
import dev.isthmus.block.BlockOperation;
import dev.isthmus.block.BlockStatus;
import dev.isthmus.block.RateLimits;
import dev.isthmus.device.EventLoop;
import dev.isthmus.device.LoopTimer;

/**
 * What all requests of a disk pass on their way to the executor: they wait here while the disk is held, and for their turn
 * where its rate is limited.
 *
 * <pre>
 *  BlkQueue → submit ──(held)──────→ held ──(release, retry)──┐
 *                 └──(over the rate)→ delayed ──(timer)──┐    │
 *                 └──────────────────────────────────────┴────┴──→ executor
 * </pre>
 *
 * <p>A disk is held for a change that no request may run beside ({@link #hold}), and after a fault that is to be repaired
 * first ({@link BlkFaults}). Reads and writes wait in lists of their own, so that a limit of one does not delay the
 * other; where a limit of both has room for one request, they take turns. How many wait is bounded by the queues' sizes.
 *
 * <p>Lives as long as the device; nothing waits here while no driver runs it. Loop thread only; allocates nothing.
 */
final class RequestGate {
    private static final int READS = 0;
    private static final int WRITES = 1;

    private final BlockExecutor executor;
    private final Throttle throttle = new Throttle();
    private final RequestList[] delayed = {new RequestList(), new RequestList()};
    private final RequestList held = new RequestList();
    private final RequestList released = new RequestList();
    private @Nullable EventLoop loop;
    private @Nullable LoopTimer timer;

    /** Null where every fault is the guest's to know. */
    private @Nullable BlkFaults faults;

    /** The kind that goes first where both wait. */
    private int turn = READS;

    /** Requests that the executor has. */
    private int inFlight;

    /** Holds of {@link #hold} that have not been released. */
    private int holds;

    /** A request has failed and is kept. */
    private boolean failed;

    private @Nullable Runnable whenDrained;

    RequestGate(BlockExecutor executor) {
        this.executor = executor;
    }

    /** Takes up work on a loop, the same each time. */
    void open(EventLoop newLoop) {
        if (timer == null) {
            loop = newLoop;
            timer = newLoop.newTimer(this::timerFired);
        }
    }

    /** Sets who decides about faults. */
    void setFaults(BlkFaults newFaults) {
        faults = newFaults;
    }

    /** Sets other limits, which requests that wait go by as well. */
    void setLimits(RateLimits limits) {
        throttle.setLimits(limits);
        if (timer != null) {
            timerFired();
        }
    }

    /** Takes a request. The caller dispatches the executor afterwards. */
    void submit(BlkRequest request) {
        if (holding()) {
            held.add(request);
        } else if (throttle.limited() && request.operation() != BlockOperation.FLUSH) {
            int kind = kindOf(request);
            delayed[kind].add(request);
            if (delayed[kind].first() == request) {
                passDelayed();
            }
        } else {
            pass(request);
        }
    }

    private boolean holding() {
        return holds > 0 || failed;
    }

    private static int kindOf(BlkRequest request) {
        return Throttle.isWrite(request.operation()) ? WRITES : READS;
    }

    private void pass(BlkRequest request) {
        inFlight++;
        request.queue().submitting();
        executor.submit(request);
    }

    private void timerFired() {
        passDelayed();
        executor.dispatch();
    }

    /** Passes on what may begin now, and has the timer call for the rest. */
    private void passDelayed() {
        EventLoop clock = loop;
        LoopTimer alarm = timer;
        if (clock == null || alarm == null) {
            throw new IllegalStateException("The gate is not open");
        }
        if (holding()) {
            alarm.cancel();
            return;
        }
        long now = clock.nanoTime();
        long wait = passOne(now);
        while (wait == 0) {
            wait = passOne(now);
        }
        if (wait == Long.MAX_VALUE) {
            alarm.cancel();
        } else {
            alarm.arm(now + wait);
        }
    }

    /** Passes one request on: answers 0; else how long until one may, or MAX_VALUE where none waits. */
    private long passOne(long now) {
        long shortest = Long.MAX_VALUE;
        for (int i = 0; i < delayed.length; i++) {
            int kind = (turn + i) % delayed.length;
            if (delayed[kind].isEmpty()) {
                continue;
            }
            long wait = throttle.waitNanos(kind == WRITES, now);
            if (wait == 0) {
                BlkRequest request = delayed[kind].poll();
                if (request != null) {
                    turn = (kind + 1) % delayed.length;
                    throttle.account(request);
                    pass(request);
                    return 0;
                }
            }
            shortest = Math.min(shortest, wait);
        }
        return shortest;
    }

    /**
     * Takes note of a request that has come back.
     *
     * @param mayKeep whether the request may be kept to be repeated
     * @return whether it is kept: the driver is not to be told then
     */
    boolean ended(BlkRequest request, boolean mayKeep) {
        inFlight--;
        BlockStatus outcome = request.outcome();
        boolean kept = mayKeep
                && (outcome == BlockStatus.IO_ERROR || outcome == BlockStatus.NO_SPACE)
                && faults != null
                && faults.keep(request.operation(), outcome);
        if (kept) {
            failed = true;
            held.add(request);
        }
        tellIfDrained();
        return kept;
    }

    private void tellIfDrained() {
        Runnable waiter = whenDrained;
        if (waiter != null && inFlight == 0) {
            whenDrained = null;
            waiter.run();
        }
    }

    /**
     * Holds all requests until {@link #release}. One at a time waits for it.
     *
     * @param drained run once the executor has none any more, before this returns or later
     */
    void hold(Runnable drained) {
        if (whenDrained != null) {
            throw new IllegalStateException("The disk is being held already");
        }
        holds++;
        whenDrained = drained;
        tellIfDrained();
    }

    /** Ends a hold. */
    void release() {
        holds--;
        passHeld();
    }

    /** Repeats what has failed and goes on. */
    void retry() {
        failed = false;
        passHeld();
    }

    private void passHeld() {
        if (holding()) {
            return;
        }
        released.takeAll(held);
        BlkRequest request = released.poll();
        while (request != null) {
            submit(request);
            request = released.poll();
        }
        if (timer != null) {
            passDelayed();
        }
        executor.dispatch();
    }

    /** Forgets what waits of a queue that stops: the driver takes its buffers back. */
    void drop(BlkQueue queue) {
        held.removeOf(queue);
        for (RequestList list : delayed) {
            list.removeOf(queue);
        }
    }

    /** The driver is gone, and with it all requests. */
    void close() {
        failed = false;
        if (timer != null) {
            timer.cancel();
        }
    }
}

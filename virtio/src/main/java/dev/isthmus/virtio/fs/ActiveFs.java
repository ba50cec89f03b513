// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.virtio.fs;

import org.jspecify.annotations.Nullable;

import dev.isthmus.device.BottomHalf;
import dev.isthmus.device.FaultLog;
import dev.isthmus.device.LoopPoller;
import dev.isthmus.fuse.FuseServer;
import dev.isthmus.virtio.Activation;
import dev.isthmus.virtio.ActiveDevice;
import dev.isthmus.virtio.queue.Virtqueue;

/** A file system device in use: its queues, and what brings requests back to them. Loop thread only. */
final class ActiveFs implements ActiveDevice, LoopPoller {
    private final FuseServer server;
    private final FsExecutor executor;
    private final FsCounters counters;
    private final FaultLog faults;
    private final Activation activation;
    private final @Nullable FsQueue[] queues;

    /** For each queue that is stopping, what is run when it has. */
    private final @Nullable Runnable[] stopping;

    private final BottomHalf returnsHalf;
    private final BottomHalf moreHalf;
    private final BottomHalf endedHalf;
    private final FsReturns returns;

    /** While the device is closing, what is run when it has. */
    private @Nullable Runnable closing;

    /** The session's end was submitted. */
    private boolean ending;

    /** Queues that ran out of budget: bit n for queue n. */
    private long more;

    /** Whether the loop looks by itself, so that drivers need not notify. */
    private boolean polled;

    /** The device needs a reset and takes nothing more from any queue. */
    private boolean broken;

    ActiveFs(
            FuseServer server,
            FsExecutor executor,
            int queueCount,
            FsCounters counters,
            FaultLog faults,
            Activation activation) {
        this.server = server;
        this.executor = executor;
        this.counters = counters;
        this.faults = faults;
        this.activation = activation;
        this.queues = new FsQueue[queueCount];
        this.stopping = new Runnable[queueCount];
        this.returnsHalf = activation.loop().newBottomHalf(this::requestsCame);
        this.moreHalf = activation.loop().newBottomHalf(this::processMore);
        this.endedHalf = activation.loop().newBottomHalf(this::sessionEnded);
        this.returns = new FsReturns(returnsHalf);
        activation.loop().addPoller(this);
    }

    @Override
    public void startQueue(int queueIndex, Virtqueue queue) {
        queues[queueIndex] =
                new FsQueue(queueIndex, queue, server, executor, returns, activation.driver(), faults);
    }

    @Override
    public void queueNotified(int queueIndex) {
        assert activation.loop().inLoop();
        FsQueue queue = queues[queueIndex];
        if (queue == null || stopping[queueIndex] != null || broken) {
            return;
        }
        if (queue.process(polled)) {
            more |= 1L << queueIndex;
            moreHalf.schedule();
        }
        broken |= queue.broken();
    }

    @Override
    public void takeNoMore() {
        broken = true;
    }

    @Override
    public void begin() {
        polled = true;
        for (FsQueue queue : queues) {
            if (queue != null) {
                queue.disableNotifications();
            }
        }
    }

    @Override
    public boolean poll() {
        boolean progress = false;
        // What is never taken would be found again and again.
        for (int i = 0; i < queues.length && !broken; i++) {
            FsQueue queue = queues[i];
            if (queue != null && stopping[i] == null && queue.hasAvailable()) {
                queueNotified(i);
                progress = true;
            }
        }
        return progress;
    }

    @Override
    public void end() {
        polled = false;
        for (int i = 0; i < queues.length; i++) {
            queueNotified(i);
        }
    }

    private void processMore() {
        long bits = more;
        more = 0;
        while (bits != 0) {
            queueNotified(Long.numberOfTrailingZeros(bits));
            bits &= bits - 1;
        }
    }

    private void requestsCame() {
        assert activation.loop().inLoop();
        FsRequest request = returns.takeAll();
        while (request != null) {
            // The request is free for the next one once it is finished.
            FsRequest next = request.next;
            counters.count(request.outcome());
            request.queue().finish(request);
            request = next;
        }
        for (int i = 0; i < queues.length; i++) {
            FsQueue queue = queues[i];
            if (queue != null && stopping[i] == null) {
                // One interrupt for all that was pushed.
                queue.signalUsed();
            }
            endIfDrained(i);
        }
        endIfAllDrained();
    }

    @Override
    public void stopQueue(int queueIndex, Runnable stopped) {
        assert activation.loop().inLoop();
        stopping[queueIndex] = stopped;
        more &= ~(1L << queueIndex);
        endIfDrained(queueIndex);
    }

    /** Drops a queue that is stopping and has nothing in flight any more. */
    private void endIfDrained(int queueIndex) {
        FsQueue queue = queues[queueIndex];
        Runnable stopped = stopping[queueIndex];
        if (stopped != null && (queue == null || queue.submitted() == 0)) {
            queues[queueIndex] = null;
            stopping[queueIndex] = null;
            stopped.run();
        }
    }

    @Override
    public void close(Runnable closed) {
        assert activation.loop().inLoop();
        closing = closed;
        activation.loop().removePoller(this);
        for (int i = 0; i < queues.length; i++) {
            if (queues[i] != null && stopping[i] == null) {
                stopQueue(i, ActiveFs::tellNobody);
            }
        }
        endIfAllDrained();
    }

    private static void tellNobody() {}

    /** While the device is closing, has the session ended once no request is under way any more. */
    private void endIfAllDrained() {
        if (closing == null || ending) {
            return;
        }
        for (FsQueue queue : queues) {
            if (queue != null) {
                return;
            }
        }
        ending = true;
        executor.submit(new SessionEnd(server, endedHalf));
    }

    private void sessionEnded() {
        Runnable closed = closing;
        if (closed == null) {
            throw new IllegalStateException("Session ended twice");
        }
        closing = null;
        returnsHalf.cancel();
        moreHalf.cancel();
        endedHalf.cancel();
        closed.run();
    }
}

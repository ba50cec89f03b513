// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.virtio.block;

import org.jspecify.annotations.Nullable;

import dev.isthmus.block.BlockBackend;
import dev.isthmus.block.BlockExecutor;
import dev.isthmus.device.BottomHalf;
import dev.isthmus.device.FaultLog;
import dev.isthmus.device.LoopPoller;
import dev.isthmus.virtio.Activation;
import dev.isthmus.virtio.ActiveDevice;
import dev.isthmus.virtio.queue.Virtqueue;

/**
 * A block device in use: its queues, and what brings completed requests back to them. Loop thread only.
 */
final class ActiveBlk implements ActiveDevice, LoopPoller {
    private final BlockBackend backend;
    private final BlockExecutor executor;
    private final FaultLog faults;
    private final Activation activation;
    private final VirtioBlkOptions options;
    private final WriteCache cache;
    private final RequestGate gate;
    private final BlkStatistics statistics;
    private final @Nullable BlkQueue[] queues;
    private final BottomHalf completionsHalf;
    private final BottomHalf moreHalf;
    private final CompletionQueue completions;

    /** For each queue that is stopping, what is run when it has. */
    private final @Nullable Runnable[] stopping;

    /** While the device is closing, what is run when it has. */
    private @Nullable Runnable closing;

    private boolean closedForGood;

    /** Queues that ran out of budget: bit n for queue n. */
    private long more;

    /** Whether the loop looks by itself, so that drivers need not notify. */
    private boolean polled;

    /** The device needs a reset and takes nothing more from any queue. */
    private boolean broken;

    ActiveBlk(
            BlockBackend backend,
            BlockExecutor executor,
            VirtioBlkOptions options,
            WriteCache cache,
            RequestGate gate,
            BlkStatistics statistics,
            FaultLog faults,
            Activation activation) {
        this.backend = backend;
        this.executor = executor;
        this.faults = faults;
        this.activation = activation;
        this.options = options;
        this.cache = cache;
        this.gate = gate;
        this.statistics = statistics;
        this.queues = new BlkQueue[options.queueCount()];
        this.stopping = new Runnable[options.queueCount()];
        this.completionsHalf = activation.loop().newBottomHalf(this::completionsCame);
        this.moreHalf = activation.loop().newBottomHalf(this::processMore);
        this.completions = new CompletionQueue(backend, activation.loop(), completionsHalf);
        activation.loop().addPoller(this);
    }

    @Override
    public void startQueue(int queueIndex, Virtqueue queue) {
        queues[queueIndex] = new BlkQueue(
                queueIndex,
                queue,
                backend,
                executor,
                activation.driver(),
                faults,
                completions,
                activation.features(),
                options,
                cache,
                gate,
                statistics);
    }

    @Override
    public void queueNotified(int queueIndex) {
        assert activation.loop().inLoop();
        BlkQueue queue = queues[queueIndex];
        if (queue == null || stopping[queueIndex] != null || broken) {
            return;
        }
        completions.attend(true);
        boolean again = queue.process(polled);
        completions.attend(false);
        if (again) {
            more |= 1L << queueIndex;
            moreHalf.schedule();
        }
        broken |= queue.broken();
        if (completions.anyOfLoop()) {
            // What the page cache had is done already; one interrupt for all of it.
            completionsCame();
        } else {
            queue.signalUsed();
        }
    }

    @Override
    public void takeNoMore() {
        broken = true;
    }

    @Override
    public void begin() {
        polled = true;
        for (BlkQueue queue : queues) {
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
            BlkQueue queue = queues[i];
            if (queue != null && queue.hasAvailable()) {
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

    private void completionsCame() {
        assert activation.loop().inLoop();
        BlkRequest request = completions.poll();
        while (request != null) {
            request.queue().finish(request);
            request = completions.poll();
        }
        for (int i = 0; i < queues.length; i++) {
            BlkQueue queue = queues[i];
            if (queue != null && stopping[i] == null) {
                // One interrupt for all that was pushed.
                queue.signalUsed();
            }
            endIfDrained(i);
        }
        closeIfDrained();
    }

    @Override
    public void stopQueue(int queueIndex, Runnable stopped) {
        assert activation.loop().inLoop();
        stopping[queueIndex] = stopped;
        BlkQueue queue = queues[queueIndex];
        if (queue != null) {
            queue.stop();
        }
        more &= ~(1L << queueIndex);
        endIfDrained(queueIndex);
    }

    /** Drops a queue that is stopping and has nothing in flight any more. */
    private void endIfDrained(int queueIndex) {
        BlkQueue queue = queues[queueIndex];
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
                stopQueue(i, ActiveBlk::tellNobody);
            }
        }
        closeIfDrained();
    }

    private static void tellNobody() {}

    /** Tells the driver that the configuration space has changed, unless it is resetting the device. */
    void configChanged() {
        if (closing == null) {
            activation.driver().configChanged();
        }
    }

    boolean closed() {
        return closedForGood;
    }

    private void closeIfDrained() {
        Runnable closed = closing;
        if (closed == null) {
            return;
        }
        for (BlkQueue queue : queues) {
            if (queue != null) {
                return;
            }
        }
        closing = null;
        closedForGood = true;
        completionsHalf.cancel();
        moreHalf.cancel();
        gate.close();
        closed.run();
    }
}

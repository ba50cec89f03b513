// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.virtio.pmem;

import org.jspecify.annotations.Nullable;

import dev.isthmus.device.BottomHalf;
import dev.isthmus.device.FaultLog;
import dev.isthmus.virtio.Activation;
import dev.isthmus.virtio.ActiveDevice;
import dev.isthmus.virtio.queue.Virtqueue;

/**
 * A persistent memory device in use: its queue, and one flush at a time by a worker. A queue that stops waits for the
 * flushes of the requests that it has taken. Loop thread only.
 */
final class ActivePmem implements ActiveDevice {
    private final PmemExecutor executor;
    private final PmemStatistics statistics;
    private final Activation activation;
    private final BottomHalf moreHalf;
    private final BottomHalf endedHalf;
    private final FlushTask task;
    private @Nullable FlushQueue queue;

    /** While the queue is stopping, what is run when it has. */
    private @Nullable Runnable stopping;

    /** While the device is closing, what is run when it has. */
    private @Nullable Runnable closing;

    /** The executor has the task. */
    private boolean flushing;

    ActivePmem(
            PmemBackend backend,
            PmemExecutor executor,
            PmemStatistics statistics,
            FaultLog faults,
            Activation activation) {
        this.executor = executor;
        this.statistics = statistics;
        this.activation = activation;
        this.moreHalf = activation.loop().newBottomHalf(this::process);
        this.endedHalf = activation.loop().newBottomHalf(this::flushEnded);
        this.task = new FlushTask(backend, faults, endedHalf);
    }

    @Override
    public void startQueue(int queueIndex, Virtqueue newQueue) {
        queue = new FlushQueue(queueIndex, newQueue, activation.driver(), statistics);
    }

    @Override
    public void queueNotified(int queueIndex) {
        process();
    }

    private void process() {
        assert activation.loop().inLoop();
        FlushQueue current = queue;
        if (current == null || stopping != null) {
            return;
        }
        if (current.process()) {
            moreHalf.schedule();
        }
        flush(current);
        // For what was refused.
        current.signalUsed();
    }

    /** Has what waits flushed, unless something is. */
    private void flush(FlushQueue current) {
        if (!flushing && current.take()) {
            flushing = true;
            statistics.flushes.increment();
            executor.submit(task);
        }
    }

    private void flushEnded() {
        assert activation.loop().inLoop();
        FlushQueue current = queue;
        if (current == null || !flushing) {
            throw new IllegalStateException("Flush ended twice");
        }
        flushing = false;
        current.finish(task.durable());
        flush(current);
        if (stopping == null) {
            current.signalUsed();
        } else {
            endIfDrained();
        }
    }

    @Override
    public void takeNoMore() {
        FlushQueue current = queue;
        if (current != null) {
            current.takeNoMore();
        }
    }

    @Override
    public void stopQueue(int queueIndex, Runnable stopped) {
        assert activation.loop().inLoop();
        stopping = stopped;
        endIfDrained();
    }

    /** Drops the queue if it is stopping and has nothing in flight any more. */
    private void endIfDrained() {
        Runnable stopped = stopping;
        if (stopped == null || flushing) {
            return;
        }
        queue = null;
        stopping = null;
        stopped.run();
        closeIfDrained();
    }

    @Override
    public void close(Runnable closed) {
        assert activation.loop().inLoop();
        closing = closed;
        if (queue != null && stopping == null) {
            stopQueue(0, ActivePmem::tellNobody);
        } else {
            closeIfDrained();
        }
    }

    private static void tellNobody() {}

    private void closeIfDrained() {
        Runnable closed = closing;
        if (closed == null || queue != null) {
            return;
        }
        closing = null;
        moreHalf.cancel();
        endedHalf.cancel();
        closed.run();
    }
}

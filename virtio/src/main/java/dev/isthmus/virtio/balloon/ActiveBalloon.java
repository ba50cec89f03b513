// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.virtio.balloon;

import org.jspecify.annotations.Nullable;

import dev.isthmus.device.BottomHalf;
import dev.isthmus.device.LoopTimer;
import dev.isthmus.virtio.Activation;
import dev.isthmus.virtio.ActiveDevice;
import dev.isthmus.virtio.queue.Virtqueue;

/**
 * A balloon in use: its queues, and what has them go on. Nothing is ever in flight beyond a call, so that queues stop at
 * once.
 *
 * <p>Section 5.5.2 numbers queues whether they exist or not, but Linux and QEMU leave no gaps. Without
 * VIRTIO_BALLOON_F_FREE_PAGE_HINT no number means different things in the two ways, and so both work:
 *
 * <pre>
 *  index   by the specification   without gaps                       here
 *  2       statsq                 statsq, or reporting_vq            statsq where negotiated, else reporting_vq
 *  3       does not exist         reporting_vq                       reporting_vq
 *  4       reporting_vq           does not exist                     reporting_vq
 * </pre>
 *
 * <p>Loop thread only, but for what says otherwise.
 */
final class ActiveBalloon implements ActiveDevice {
    private final VirtioBalloon device;
    private final Activation activation;
    private final BalloonCounters counters;
    private final LatestReport latest;
    private final PageReleaser releaser;
    private final boolean keepReported;
    private final @Nullable BalloonQueue[] queues = new BalloonQueue[VirtioBalloonProtocol.QUEUES];
    private @Nullable StatisticsQueue statistics;
    private final BottomHalf moreHalf;
    private final BottomHalf targetHalf;
    private final BottomHalf intervalHalf;
    private final BottomHalf requestHalf;
    private final LoopTimer timer;

    /** Queues that ran out of budget: bit n for queue n. */
    private int more;

    private boolean broken;

    /**
     * Takes up work.
     *
     * @param poison what the driver gives its free pages, where it does
     */
    ActiveBalloon(
            VirtioBalloon device,
            BalloonMemory memory,
            BalloonCounters counters,
            LatestReport latest,
            Activation activation,
            long poison) {
        this.device = device;
        this.activation = activation;
        this.counters = counters;
        this.latest = latest;
        this.releaser = new PageReleaser(memory, counters);
        // A device must not give a reported page another value than that (5.5.6.7.2), and released ones are zero.
        this.keepReported = poison != 0 && activation.has(VirtioBalloonProtocol.VIRTIO_BALLOON_F_PAGE_POISON);
        this.moreHalf = activation.loop().newBottomHalf(this::processMore);
        this.targetHalf = activation.loop().newBottomHalf(this::tellTarget);
        this.intervalHalf = activation.loop().newBottomHalf(this::armTimer);
        this.requestHalf = activation.loop().newBottomHalf(this::request);
        this.timer = activation.loop().newTimer(this::intervalPassed);
    }

    // Any thread.

    /** Has the driver told that the host wants another size. */
    void targetChanged() {
        targetHalf.schedule();
    }

    /** Has statistics asked for at another interval. */
    void intervalChanged() {
        intervalHalf.schedule();
    }

    /** Has statistics asked for. */
    void requestReport() {
        requestHalf.schedule();
    }

    // Loop thread.

    @Override
    public void startQueue(int queueIndex, Virtqueue queue) {
        boolean reporting = activation.has(VirtioBalloonProtocol.VIRTIO_BALLOON_F_PAGE_REPORTING);
        if (queueIndex == VirtioBalloonProtocol.INFLATEQ) {
            queues[queueIndex] = new InflateQueue(
                    queueIndex, queue, activation.driver(), activation.memory(), releaser, counters);
        } else if (queueIndex == VirtioBalloonProtocol.DEFLATEQ) {
            queues[queueIndex] = new DeflateQueue(queueIndex, queue, activation.driver(), counters);
        } else if (queueIndex == VirtioBalloonProtocol.STATSQ
                && activation.has(VirtioBalloonProtocol.VIRTIO_BALLOON_F_STATS_VQ)) {
            StatisticsQueue started =
                    new StatisticsQueue(queueIndex, queue, activation.driver(), latest, counters);
            queues[queueIndex] = started;
            statistics = started;
            armTimer();
        } else if (reporting) {
            queues[queueIndex] = new ReportingQueue(
                    queueIndex, queue, activation.driver(), releaser, counters, keepReported);
        }
    }

    @Override
    public void queueNotified(int queueIndex) {
        assert activation.loop().inLoop();
        BalloonQueue queue = queues[queueIndex];
        if (queue == null || broken) {
            return;
        }
        releaser.beginRound();
        if (queue.process()) {
            more |= 1 << queueIndex;
            moreHalf.schedule();
        }
        broken |= queue.broken();
    }

    private void processMore() {
        int bits = more;
        more = 0;
        while (bits != 0) {
            queueNotified(Integer.numberOfTrailingZeros(bits));
            bits &= bits - 1;
        }
    }

    private void tellTarget() {
        activation.driver().configChanged();
    }

    private void armTimer() {
        long interval = device.intervalNanos();
        if (interval == 0 || statistics == null) {
            timer.cancel();
        } else {
            timer.arm(activation.loop().nanoTime() + interval);
        }
    }

    private void intervalPassed() {
        request();
        armTimer();
    }

    private void request() {
        StatisticsQueue current = statistics;
        if (current != null && !broken) {
            current.request();
        }
    }

    @Override
    public void takeNoMore() {
        broken = true;
        for (BalloonQueue queue : queues) {
            if (queue != null) {
                queue.takeNoMore();
            }
        }
    }

    @Override
    public void stopQueue(int queueIndex, Runnable stopped) {
        assert activation.loop().inLoop();
        if (queues[queueIndex] == statistics) {
            statistics = null;
            timer.cancel();
        }
        queues[queueIndex] = null;
        more &= ~(1 << queueIndex);
        stopped.run();
    }

    @Override
    public void close(Runnable closed) {
        assert activation.loop().inLoop();
        statistics = null;
        for (int i = 0; i < queues.length; i++) {
            queues[i] = null;
        }
        timer.cancel();
        moreHalf.cancel();
        targetHalf.cancel();
        intervalHalf.cancel();
        requestHalf.cancel();
        device.closed();
        closed.run();
    }
}

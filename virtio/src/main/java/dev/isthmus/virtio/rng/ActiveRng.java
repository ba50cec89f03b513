// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.virtio.rng;

import org.jspecify.annotations.Nullable;

import dev.isthmus.device.BottomHalf;
import dev.isthmus.device.FaultLog;
import dev.isthmus.memory.ScatterView;
import dev.isthmus.virtio.Activation;
import dev.isthmus.virtio.ActiveDevice;
import dev.isthmus.virtio.queue.DescriptorChain;
import dev.isthmus.virtio.queue.Malformed;
import dev.isthmus.virtio.queue.PopOutcome;
import dev.isthmus.virtio.queue.Virtqueue;

/**
 * An entropy device in use (virtio 1.2, section 5.4.6). The source writes while it is called and not afterwards, so that
 * the queue stops at once.
 *
 * <p>A driver must not place device-readable buffers into the queue; those of one that does are ignored, and a chain
 * with nothing to write to is used with 0 bytes.
 *
 * <p>Loop thread only; allocates nothing once it is warm.
 */
final class ActiveRng implements ActiveDevice {
    /** What one call may give, so that a large queue does not keep the loop: a fraction of a millisecond's work. */
    static final long ROUND_BYTES = 128 << 10;

    /** Why a round of the queue ended. */
    private enum RoundEnd {
        /** Nothing more is available. */
        DRAINED,
        /** There may be more, for a later call. */
        BUDGET,
        /** The timer goes on. */
        WAITING,
        /** The driver broke the queue. */
        BROKEN
    }

    private final EntropySource source;
    private final RngPacing pacing;
    private final RngStatistics statistics;
    private final FaultLog faults;
    private final Activation activation;
    private final BottomHalf moreHalf;
    private @Nullable Virtqueue queue;
    private int index;

    /** A request that waits for the rate or the source. */
    private @Nullable DescriptorChain waiting;

    /** That request has waited for the rate before: notifications meanwhile are not counted again. */
    private boolean counted;

    /** The source had nothing; it is asked again when the timer says so, however often the guest notifies. */
    private boolean dry;

    private boolean broken;

    ActiveRng(
            EntropySource source, RngPacing pacing, RngStatistics statistics, FaultLog faults, Activation activation) {
        this.source = source;
        this.pacing = pacing;
        this.statistics = statistics;
        this.faults = faults;
        this.activation = activation;
        this.moreHalf = activation.loop().newBottomHalf(this::process);
        pacing.open(activation.loop(), this::mayGoOn);
    }

    @Override
    public void startQueue(int queueIndex, Virtqueue newQueue) {
        queue = newQueue;
        index = queueIndex;
    }

    @Override
    public void queueNotified(int queueIndex) {
        process();
    }

    private void mayGoOn() {
        dry = false;
        process();
    }

    private void process() {
        assert activation.loop().inLoop();
        Virtqueue current = queue;
        if (current == null || broken || dry) {
            return;
        }
        current.disableNotifications();
        RoundEnd end;
        do {
            end = serve(current);
        } while (end == RoundEnd.DRAINED && current.enableNotifications());
        if (current.needsNotification()) {
            activation.driver().usedBuffers(index);
        }
        if (end == RoundEnd.BUDGET) {
            moreHalf.schedule();
        }
    }

    private RoundEnd serve(Virtqueue current) {
        int chains = current.size();
        long bytes = ROUND_BYTES;
        while (chains > 0 && bytes > 0) {
            DescriptorChain chain = waiting;
            if (chain == null) {
                PopOutcome outcome = current.pop();
                if (outcome == null) {
                    return RoundEnd.DRAINED;
                }
                if (outcome instanceof Malformed malformed) {
                    broken = true;
                    activation.driver().needsReset(index, malformed.reason().description());
                    return RoundEnd.BROKEN;
                }
                chain = (DescriptorChain) outcome;
            }
            if (chain.writable().totalBytes() == 0) {
                statistics.refused.increment();
                faults.report("request without room for an answer");
                current.push(chain, 0);
            } else {
                waiting = chain;
                long filled = answer(chain);
                if (filled == 0) {
                    return RoundEnd.WAITING;
                }
                waiting = null;
                current.push(chain, filled);
                bytes -= filled;
            }
            chains--;
        }
        return RoundEnd.BUDGET;
    }

    /** Fills a request as far as it may be; 0 where it has to wait, for which the timer is armed then. */
    private long answer(DescriptorChain chain) {
        if (!pacing.admits()) {
            if (!counted) {
                counted = true;
                statistics.throttled.increment();
            }
            return 0;
        }
        counted = false;
        long filled = fill(chain.writable());
        if (filled == 0) {
            dry = true;
            statistics.starved.increment();
            faults.report("the host has no random bytes for now");
            pacing.retryLater();
            return 0;
        }
        pacing.account(filled);
        statistics.requests.increment();
        statistics.bytes.add(filled);
        return filled;
    }

    private long fill(ScatterView target) {
        long wanted = Math.min(target.totalBytes(), Math.min(VirtioRng.REQUEST_BYTES_MAX, pacing.requestBytesMax()));
        long filled = 0;
        for (int i = 0; filled < wanted; i++) {
            int part = (int) Math.min(target.lengthBytes(i), wanted - filled);
            int count = source.fill(target.segment(i), target.offset(i), part);
            if (count < 0 || count > part) {
                throw new IllegalStateException("Source has filled " + count + " bytes of " + part);
            }
            filled += count;
            if (count < part) {
                return filled;
            }
        }
        return filled;
    }

    @Override
    public void takeNoMore() {
        broken = true;
    }

    @Override
    public void stopQueue(int queueIndex, Runnable stopped) {
        assert activation.loop().inLoop();
        drop();
        stopped.run();
    }

    private void drop() {
        queue = null;
        waiting = null;
        counted = false;
        dry = false;
    }

    @Override
    public void close(Runnable closed) {
        assert activation.loop().inLoop();
        drop();
        pacing.close();
        moreHalf.cancel();
        closed.run();
    }
}

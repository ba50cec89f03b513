// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.virtio.pmem;

import org.jspecify.annotations.Nullable;

import dev.isthmus.memory.ScatterView;
import dev.isthmus.virtio.DriverSignals;
import dev.isthmus.virtio.queue.ChainReader;
import dev.isthmus.virtio.queue.ChainWriter;
import dev.isthmus.virtio.queue.DescriptorChain;
import dev.isthmus.virtio.queue.Malformed;
import dev.isthmus.virtio.queue.PopOutcome;
import dev.isthmus.virtio.queue.Virtqueue;

/**
 * The running req_vq (virtio 1.2, section 5.19.6). Requests that come while a flush is under way wait for another one,
 * which is for all of them: a flush is for what was written before it began.
 *
 * <pre>
 *  pop ─→ waiting ─ take ─→ flushing ─ finish ─→ push
 * </pre>
 *
 * <p>Loop thread only; allocates nothing once it is warm.
 */
final class FlushQueue {
    private final int index;
    private final Virtqueue queue;
    private final DriverSignals driver;
    private final PmemStatistics statistics;
    private final ChainReader reader = new ChainReader();
    private final ChainWriter writer = new ChainWriter();

    /** As many as can be out. */
    private @Nullable DescriptorChain[] waiting;

    private int waitingCount;
    private @Nullable DescriptorChain[] flushing;
    private int flushingCount;
    private boolean broken;

    FlushQueue(int index, Virtqueue queue, DriverSignals driver, PmemStatistics statistics) {
        this.index = index;
        this.queue = queue;
        this.driver = driver;
        this.statistics = statistics;
        this.waiting = new DescriptorChain[queue.size()];
        this.flushing = new DescriptorChain[queue.size()];
    }

    /**
     * Takes what the driver has made available, at most one round of the queue.
     *
     * @return whether more may be available, for a later call
     */
    boolean process() {
        int budget = queue.size();
        queue.disableNotifications();
        do {
            PopOutcome outcome = broken ? null : queue.pop();
            while (outcome instanceof DescriptorChain chain) {
                handle(chain);
                budget--;
                outcome = broken || budget == 0 ? null : queue.pop();
            }
            if (outcome instanceof Malformed malformed) {
                fail(malformed.reason().description());
            }
        } while (!broken && budget > 0 && queue.enableNotifications());
        return !broken && budget == 0;
    }

    private void fail(String reason) {
        broken = true;
        driver.needsReset(index, reason);
    }

    private void handle(DescriptorChain chain) {
        ScatterView response = chain.writable();
        if (response.totalBytes() < VirtioPmemProtocol.RESPONSE_BYTES) {
            fail("request without room for its answer");
            return;
        }
        statistics.requests.increment();
        reader.reset(chain);
        boolean flush = reader.remainingBytes() >= VirtioPmemProtocol.REQUEST_BYTES
                && reader.readU32() == VirtioPmemProtocol.VIRTIO_PMEM_REQ_TYPE_FLUSH;
        if (flush) {
            waiting[waitingCount] = chain;
            waitingCount++;
        } else {
            statistics.refused.increment();
            answer(chain, VirtioPmemProtocol.RET_FAILED);
        }
    }

    private void answer(DescriptorChain chain, long ret) {
        writer.reset(chain);
        writer.writeU32(ret);
        queue.push(chain, writer.writtenBytes());
    }

    /** Has all that waits be flushed; tells whether there is any. None must be flushing. */
    boolean take() {
        @Nullable DescriptorChain[] taken = waiting;
        waiting = flushing;
        flushing = taken;
        flushingCount = waitingCount;
        waitingCount = 0;
        return flushingCount > 0;
    }

    /** Answers what was flushing. */
    void finish(boolean durable) {
        for (int i = 0; i < flushingCount; i++) {
            DescriptorChain chain = flushing[i];
            flushing[i] = null;
            if (chain == null) {
                throw new IllegalStateException("Request completed twice");
            }
            if (!durable) {
                statistics.failed.increment();
            }
            answer(chain, durable ? VirtioPmemProtocol.RET_OK : VirtioPmemProtocol.RET_FAILED);
        }
        flushingCount = 0;
    }

    /** Interrupts for what was pushed since, if the driver wants it. */
    void signalUsed() {
        if (queue.needsNotification()) {
            driver.usedBuffers(index);
        }
    }

    /** Takes no more. */
    void takeNoMore() {
        broken = true;
    }
}

// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.virtio.fs;

import org.jspecify.annotations.Nullable;

import dev.isthmus.device.FaultLog;
import dev.isthmus.fuse.FuseProtocol;
import dev.isthmus.fuse.FuseServer;
import dev.isthmus.virtio.DriverSignals;
import dev.isthmus.virtio.queue.DescriptorChain;
import dev.isthmus.virtio.queue.Malformed;
import dev.isthmus.virtio.queue.PopOutcome;
import dev.isthmus.virtio.queue.Virtqueue;

/**
 * One running queue, hiprio or for requests: takes the driver's requests, has workers carry them out, and hands them back
 * (virtio 1.2, section 5.11.6). Requests may end in any order.
 *
 * <p>Loop thread only. A chain that has no room for a request's header is a broken queue; all else is answered by FUSE's
 * own means.
 */
final class FsQueue {
    private final int index;
    private final Virtqueue queue;
    private final FuseServer server;
    private final FsExecutor executor;
    private final FsReturns returns;
    private final DriverSignals driver;
    private final FaultLog faults;
    private @Nullable FsRequest free;

    /** Requests that were submitted and have not come back. */
    private int submitted;

    /** Set when the queue is malformed: nothing more is taken. */
    private boolean broken;

    FsQueue(
            int index,
            Virtqueue queue,
            FuseServer server,
            FsExecutor executor,
            FsReturns returns,
            DriverSignals driver,
            FaultLog faults) {
        this.index = index;
        this.queue = queue;
        this.server = server;
        this.executor = executor;
        this.returns = returns;
        this.driver = driver;
        this.faults = faults;
    }

    /**
     * Takes what the driver has made available, at most one round of the queue, so that a driver that refills it all
     * the time cannot keep the loop.
     *
     * @param polled whether the loop looks by itself, so that the driver need not notify
     * @return whether more may be available, for a later call
     */
    boolean process(boolean polled) {
        int budget = queue.size();
        queue.disableNotifications();
        do {
            PopOutcome outcome = broken ? null : queue.pop();
            while (outcome instanceof DescriptorChain chain) {
                submit(chain);
                budget--;
                outcome = broken || budget == 0 ? null : queue.pop();
            }
            if (outcome instanceof Malformed malformed) {
                fail(malformed.reason().description());
            }
        } while (!broken && budget > 0 && !polled && queue.enableNotifications());
        return !broken && budget == 0;
    }

    private void fail(String reason) {
        broken = true;
        driver.needsReset(index, reason);
    }

    private void submit(DescriptorChain chain) {
        if (chain.readable().totalBytes() < FuseProtocol.IN_HEADER_BYTES) {
            fail("request without header");
            return;
        }
        FsRequest request = free;
        if (request == null) {
            request = new FsRequest(this, server, returns, faults);
        } else {
            free = request.next;
        }
        request.begin(chain);
        submitted++;
        executor.submit(request);
    }

    /** Hands a request back to the driver, and keeps the object for the next. */
    void finish(FsRequest request) {
        submitted--;
        queue.push(request.endChain(), request.outcome().usedBytes());
        request.next = free;
        free = request;
    }

    /** Tells whether {@link #process} would find something. */
    boolean hasAvailable() {
        return !broken && queue.hasAvailable();
    }

    /** Advises the driver that it need not notify. */
    void disableNotifications() {
        queue.disableNotifications();
    }

    /** Interrupts for what was pushed since, if the driver wants it. */
    void signalUsed() {
        if (queue.needsNotification()) {
            driver.usedBuffers(index);
        }
    }

    /** Tells whether the driver broke the queue. */
    boolean broken() {
        return broken;
    }

    /** Returns how many requests the workers still have. */
    int submitted() {
        return submitted;
    }
}

// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.virtio.balloon;

import org.jspecify.annotations.Nullable;

import dev.isthmus.virtio.DriverSignals;
import dev.isthmus.virtio.queue.DescriptorChain;
import dev.isthmus.virtio.queue.Malformed;
import dev.isthmus.virtio.queue.PopOutcome;
import dev.isthmus.virtio.queue.Virtqueue;

/**
 * One running queue whose buffers are acknowledged once their work is done. Nothing is ever in flight beyond a call.
 *
 * <p>Loop thread only; allocates nothing once it is warm.
 */
abstract sealed class BalloonQueue permits InflateQueue, DeflateQueue, ReportingQueue, StatisticsQueue {
    private final int index;
    private final Virtqueue queue;
    private final DriverSignals driver;

    /** What is being worked on, where a round ended in its middle. */
    private @Nullable DescriptorChain current;

    private boolean broken;

    BalloonQueue(int index, Virtqueue queue, DriverSignals driver) {
        this.index = index;
        this.queue = queue;
        this.driver = driver;
    }

    /** Begins with a buffer. */
    abstract void begin(DescriptorChain chain);

    /** Goes on with the buffer; tells whether it is done with, rather than the round at its end. */
    abstract boolean proceed();

    /** Does with a buffer what is to be done once its work is: as a rule, hands it back. */
    void acknowledge(DescriptorChain chain) {
        giveBack(chain);
    }

    /**
     * Takes what the driver has made available, at most one round of the queue, so that a driver that refills it all
     * the time cannot keep the loop.
     *
     * @return whether more may be available, for a later call
     */
    final boolean process() {
        if (broken) {
            return false;
        }
        int budget = queue.size();
        boolean more;
        queue.disableNotifications();
        do {
            more = false;
            DescriptorChain chain = next();
            while (chain != null) {
                if (!proceed()) {
                    current = chain;
                    more = true;
                    break;
                }
                acknowledge(chain);
                budget--;
                if (budget == 0) {
                    more = true;
                    break;
                }
                chain = next();
            }
        } while (!broken && !more && queue.enableNotifications());
        signalUsed();
        return more;
    }

    /** Returns the buffer to work on, null where there is none. */
    private @Nullable DescriptorChain next() {
        DescriptorChain kept = current;
        if (kept != null) {
            current = null;
            return kept;
        }
        PopOutcome outcome = queue.pop();
        if (outcome instanceof Malformed malformed) {
            broken = true;
            driver.needsReset(index, malformed.reason().description());
            return null;
        }
        if (outcome instanceof DescriptorChain chain) {
            begin(chain);
            return chain;
        }
        return null;
    }

    /** Interrupts for what was pushed since, if the driver wants it. */
    final void signalUsed() {
        if (queue.needsNotification()) {
            driver.usedBuffers(index);
        }
    }

    /** Hands a buffer back to the driver; none is ever written to. */
    final void giveBack(DescriptorChain chain) {
        queue.push(chain, 0);
    }

    /** Takes no more buffers. */
    final void takeNoMore() {
        broken = true;
    }

    /** Tells whether no more buffers are taken. */
    final boolean broken() {
        return broken;
    }
}

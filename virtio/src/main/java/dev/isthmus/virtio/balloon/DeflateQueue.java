// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.virtio.balloon;

import dev.isthmus.virtio.DriverSignals;
import dev.isthmus.virtio.queue.DescriptorChain;
import dev.isthmus.virtio.queue.Virtqueue;

/**
 * The deflateq (virtio 1.2, section 5.5.6): the guest takes pages back. There is nothing to do for that, the host gives
 * pages as they are touched, and so the numbers are not even read.
 */
final class DeflateQueue extends BalloonQueue {
    private final BalloonCounters counters;

    DeflateQueue(int index, Virtqueue queue, DriverSignals driver, BalloonCounters counters) {
        super(index, queue, driver);
        this.counters = counters;
    }

    @Override
    void begin(DescriptorChain chain) {
        counters.deflateRequests.increment();
        counters.deflatedPages.add(chain.readable().totalBytes() / Integer.BYTES);
    }

    @Override
    boolean proceed() {
        return true;
    }
}

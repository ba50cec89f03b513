// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.virtio.balloon;

import dev.isthmus.memory.ScatterList;
import dev.isthmus.memory.ScatterView;
import dev.isthmus.virtio.DriverSignals;
import dev.isthmus.virtio.queue.DescriptorChain;
import dev.isthmus.virtio.queue.Virtqueue;

/**
 * The reporting_vq (virtio 1.2, section 5.5.6.7): the guest shows free memory, as buffers, and does not use it until they
 * are handed back.
 *
 * <p>Loop thread only; allocates nothing.
 */
final class ReportingQueue extends BalloonQueue {
    private static final ScatterView NOTHING = new ScatterList();

    private final PageReleaser releaser;
    private final BalloonCounters counters;
    private final boolean keep;
    private ScatterView ranges = NOTHING;
    private int element;

    /** Bytes of the element that are done with. */
    private long done;

    /**
     * Takes up a queue.
     *
     * @param keep whether reported memory must keep its contents: the guest expects to find a value there that is not
     *     zero
     */
    ReportingQueue(
            int index,
            Virtqueue queue,
            DriverSignals driver,
            PageReleaser releaser,
            BalloonCounters counters,
            boolean keep) {
        super(index, queue, driver);
        this.releaser = releaser;
        this.counters = counters;
        this.keep = keep;
    }

    @Override
    void begin(DescriptorChain chain) {
        ranges = chain.writable();
        element = 0;
        done = 0;
        counters.reports.increment();
        counters.reportedBytes.add(ranges.totalBytes());
        if (keep) {
            counters.keptBytes.add(ranges.totalBytes());
            element = ranges.count();
        }
    }

    @Override
    boolean proceed() {
        while (element < ranges.count()) {
            long left = ranges.lengthBytes(element) - done;
            long count = releaser.release(ranges.segment(element), ranges.offset(element) + done, left);
            done += count;
            if (count < left) {
                return false;
            }
            element++;
            done = 0;
        }
        return true;
    }
}

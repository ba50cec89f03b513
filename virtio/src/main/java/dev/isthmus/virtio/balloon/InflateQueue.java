// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.virtio.balloon;

import dev.isthmus.memory.GuestMemory;
import dev.isthmus.memory.MemoryRegion;
import dev.isthmus.virtio.DriverSignals;
import dev.isthmus.virtio.queue.ChainReader;
import dev.isthmus.virtio.queue.DescriptorChain;
import dev.isthmus.virtio.queue.Virtqueue;

/**
 * The inflateq (virtio 1.2, section 5.5.6): the guest gives pages, by their numbers. The numbers are taken in batches,
 * sorted, and what is adjacent is released in one go: Linux names pages one by one, often downwards.
 *
 * <p>Numbers outside of RAM are counted and left alone; a page named twice is released once, or once more, which does
 * nothing.
 *
 * <p>Loop thread only; allocates nothing.
 */
final class InflateQueue extends BalloonQueue {
    private final GuestMemory memory;
    private final PageReleaser releaser;
    private final BalloonCounters counters;
    private final ChainReader reader = new ChainReader();

    private final PageBatch batch = new PageBatch();

    /** What is being released: adjacent pages, of which some may be no RAM. */
    private long runGpa;

    private long runBytes;

    InflateQueue(
            int index,
            Virtqueue queue,
            DriverSignals driver,
            GuestMemory memory,
            PageReleaser releaser,
            BalloonCounters counters) {
        super(index, queue, driver);
        this.memory = memory;
        this.releaser = releaser;
        this.counters = counters;
    }

    @Override
    void begin(DescriptorChain chain) {
        reader.reset(chain);
        counters.inflateRequests.increment();
    }

    @Override
    boolean proceed() {
        while (true) {
            if (runBytes > 0) {
                if (!releaseRun()) {
                    return false;
                }
            } else if (batch.takeRun()) {
                runGpa = batch.runFirst() << VirtioBalloonProtocol.VIRTIO_BALLOON_PFN_SHIFT;
                runBytes = batch.runPages() << VirtioBalloonProtocol.VIRTIO_BALLOON_PFN_SHIFT;
            } else if (reader.remainingBytes() < Integer.BYTES) {
                return true;
            } else if (releaser.step()) {
                counters.inflatedPages.add(batch.fill(reader));
            } else {
                return false;
            }
        }
    }

    /** Releases what is RAM of the run; tells whether it is done with. */
    private boolean releaseRun() {
        while (runBytes > 0) {
            MemoryRegion region = memory.find(runGpa, VirtioBalloonProtocol.BALLOON_PAGE_BYTES);
            long done;
            if (region == null) {
                counters.invalidPages.increment();
                done = VirtioBalloonProtocol.BALLOON_PAGE_BYTES;
            } else {
                long offset = region.offsetOf(runGpa);
                // In whole balloon pages, as the first one is: a region may end within one.
                long room = (region.lengthBytes() - offset) & -VirtioBalloonProtocol.BALLOON_PAGE_BYTES;
                done = releaser.release(region.segment(), offset, Math.min(runBytes, room));
                if (done == 0) {
                    return false;
                }
            }
            runGpa += done;
            runBytes -= done;
        }
        return true;
    }
}

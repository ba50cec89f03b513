// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.virtio.balloon;

import java.util.Arrays;

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
    /** As many numbers as Linux puts into a request. */
    static final int BATCH_PAGES = 256;

    private final GuestMemory memory;
    private final PageReleaser releaser;
    private final BalloonCounters counters;
    private final ChainReader reader = new ChainReader();

    /** Sorted numbers of pages below 2^32. */
    private final long[] batch = new long[BATCH_PAGES];

    private int count;
    private int next;

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
            } else if (next < count) {
                takeRun();
            } else if (reader.remainingBytes() < Integer.BYTES) {
                return true;
            } else if (!releaser.step()) {
                return false;
            } else {
                takeBatch();
            }
        }
    }

    private void takeBatch() {
        count = (int) Math.min(BATCH_PAGES, reader.remainingBytes() / Integer.BYTES);
        for (int i = 0; i < count; i++) {
            batch[i] = reader.readU32();
        }
        // So few are sorted in place.
        Arrays.sort(batch, 0, count);
        next = 0;
        counters.inflatedPages.add(count);
    }

    /** Takes adjacent numbers off the batch, repeated ones included. */
    private void takeRun() {
        long first = batch[next];
        long last = first;
        next++;
        while (next < count && batch[next] <= last + 1) {
            last = batch[next];
            next++;
        }
        runGpa = first << VirtioBalloonProtocol.VIRTIO_BALLOON_PFN_SHIFT;
        runBytes = (last - first + 1) << VirtioBalloonProtocol.VIRTIO_BALLOON_PFN_SHIFT;
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

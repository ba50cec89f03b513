// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.virtio.balloon;

import org.jspecify.annotations.Nullable;

import dev.isthmus.virtio.DriverSignals;
import dev.isthmus.virtio.queue.ChainReader;
import dev.isthmus.virtio.queue.DescriptorChain;
import dev.isthmus.virtio.queue.Virtqueue;

/**
 * The statsq (virtio 1.2, section 5.5.6.3), which the device drives: it keeps the one buffer that the driver makes
 * available, and hands it back to ask for new statistics.
 *
 * <pre>
 *  driver: buffer with statistics ─→ device: reads and keeps it ─ request ─→ device: hands it back ─→ driver: fills it …
 * </pre>
 *
 * <p>Loop thread only; allocates nothing.
 */
final class StatisticsQueue extends BalloonQueue {
    /** Most entries that are read: far more than there are tags. */
    static final int ENTRIES_MAX = 256;

    private final LatestReport latest;
    private final BalloonCounters counters;
    private final ChainReader reader = new ChainReader();
    private final long[] values = new long[GuestMemoryStatistic.COUNT];

    /** What the next request hands back. */
    private @Nullable DescriptorChain kept;

    StatisticsQueue(
            int index, Virtqueue queue, DriverSignals driver, LatestReport latest, BalloonCounters counters) {
        super(index, queue, driver);
        this.latest = latest;
        this.counters = counters;
    }

    @Override
    void begin(DescriptorChain chain) {
        reader.reset(chain);
        int present = 0;
        for (int i = 0; i < ENTRIES_MAX && reader.remainingBytes() >= VirtioBalloonProtocol.STAT_BYTES; i++) {
            int tag = reader.readU16();
            long value = reader.readU64();
            // Unknown tags must be ignored, and the order is any (5.5.6.3.2).
            if (tag < GuestMemoryStatistic.COUNT) {
                values[tag] = value;
                present |= 1 << tag;
            }
        }
        if (present != 0) {
            latest.set(present, values);
            counters.statisticsReports.increment();
        }
    }

    @Override
    boolean proceed() {
        return true;
    }

    /** Keeps the buffer. Of a driver that gives more than one, which it must not, the older ones go back. */
    @Override
    void acknowledge(DescriptorChain chain) {
        DescriptorChain before = kept;
        if (before != null) {
            giveBack(before);
        }
        kept = chain;
    }

    /** Asks the driver for statistics, unless it is at that already. */
    void request() {
        DescriptorChain chain = kept;
        if (chain != null && !broken()) {
            kept = null;
            giveBack(chain);
            signalUsed();
        }
    }
}

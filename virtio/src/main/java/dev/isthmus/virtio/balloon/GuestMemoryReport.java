// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.virtio.balloon;

import java.util.OptionalLong;

/** One set of statistics, as a guest gave it: nothing in it is to be trusted. Immutable. */
public final class GuestMemoryReport {
    private final long sequence;
    private final int present;
    private final long[] values;

    /**
     * Takes over a set.
     *
     * @param sequence of the report, from 1
     * @param present bit n for tag n
     * @param values by tag; kept, not copied
     */
    GuestMemoryReport(long sequence, int present, long[] values) {
        this.sequence = sequence;
        this.present = present;
        this.values = values;
    }

    /** Returns the number of the report, from 1: another number means a newer one. */
    public long sequence() {
        return sequence;
    }

    /** Returns a value, unsigned; none where the guest does not give it. */
    public OptionalLong value(GuestMemoryStatistic statistic) {
        int tag = statistic.tag();
        return (present & (1 << tag)) == 0 ? OptionalLong.empty() : OptionalLong.of(values[tag]);
    }
}

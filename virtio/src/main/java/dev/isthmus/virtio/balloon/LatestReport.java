// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.virtio.balloon;

import org.jspecify.annotations.Nullable;

/**
 * The statistics that the guest gave last. One thread writes, any reads; writing allocates nothing, because the guest
 * decides how often that happens.
 */
final class LatestReport {
    private final long[] values = new long[GuestMemoryStatistic.COUNT];
    private int present;
    private long sequence;

    /** Takes a report: bit n of the mask for tag n. The array is copied. */
    synchronized void set(int newPresent, long[] newValues) {
        System.arraycopy(newValues, 0, values, 0, values.length);
        present = newPresent;
        sequence++;
    }

    /** Forgets the report: the guest that gave it is no more. Numbers go on. */
    synchronized void clear() {
        present = 0;
    }

    /** Returns the report, or null where there is none. */
    synchronized @Nullable GuestMemoryReport get() {
        return present == 0 ? null : new GuestMemoryReport(sequence, present, values.clone());
    }
}

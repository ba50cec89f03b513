// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.virtio;

/** A device that counts what it does. Counters only grow, from 0 when the device was made. */
public interface Statistics {
    /**
     * Tells all counters, each by its name. Any thread; what is told may lag behind a little, and counters need not fit
     * together.
     */
    void report(StatisticsSink sink);
}

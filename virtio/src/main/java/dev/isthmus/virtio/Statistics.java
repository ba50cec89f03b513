// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.virtio;

/** What a device has counted since it was made; resets of the device do not clear it. Any thread. */
public interface Statistics {
    /** Names each counter with its value, always in the same order. The values are not of one moment. */
    void report(StatisticsSink sink);
}

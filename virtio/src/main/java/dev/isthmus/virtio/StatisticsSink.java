// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.virtio;

/** What takes the counters of a {@link Statistics}. */
@FunctionalInterface
public interface StatisticsSink {
    /**
     * Takes a counter.
     *
     * @param name lower-case words with underscores and the unit, such as {@code read_bytes}
     * @param value from 0
     */
    void counter(String name, long value);
}

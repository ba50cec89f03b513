// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.virtio;

/** Takes what {@link Statistics} report. */
@FunctionalInterface
public interface StatisticsSink {
    /**
     * Takes a counter.
     *
     * @param name lower-case words with underscores, and the unit at the end where it is not a number of things, such as
     *     {@code receive_bytes}
     * @param value since the device was made
     */
    void counter(String name, long value);
}

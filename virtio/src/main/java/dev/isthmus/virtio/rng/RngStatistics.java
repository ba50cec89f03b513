// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.virtio.rng;

import dev.isthmus.virtio.Counter;
import dev.isthmus.virtio.Statistics;
import dev.isthmus.virtio.StatisticsSink;

/** What an entropy device counts. The loop thread counts; any thread reads. */
final class RngStatistics implements Statistics {
    final Counter requests = new Counter();
    final Counter bytes = new Counter();
    /** Without anything to write to. */
    final Counter refused = new Counter();
    /** How often a request waited for the rate. */
    final Counter throttled = new Counter();
    /** How often a request waited because the source had nothing. */
    final Counter starved = new Counter();

    @Override
    public void report(StatisticsSink sink) {
        sink.counter("requests", requests.get());
        sink.counter("bytes", bytes.get());
        sink.counter("refused", refused.get());
        sink.counter("throttled", throttled.get());
        sink.counter("starved", starved.get());
    }
}

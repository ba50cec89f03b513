// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.virtio.pmem;

import dev.isthmus.virtio.Counter;
import dev.isthmus.virtio.Statistics;
import dev.isthmus.virtio.StatisticsSink;

/** What a persistent memory device counts. The loop thread counts; any thread reads. */
final class PmemStatistics implements Statistics {
    final Counter requests = new Counter();
    /** Of the host's storage, each for all requests that waited for it. */
    final Counter flushes = new Counter();
    /** Requests that the host's storage failed. */
    final Counter failed = new Counter();
    /** Of no known type. */
    final Counter refused = new Counter();

    @Override
    public void report(StatisticsSink sink) {
        sink.counter("requests", requests.get());
        sink.counter("flushes", flushes.get());
        sink.counter("failed", failed.get());
        sink.counter("refused", refused.get());
    }
}

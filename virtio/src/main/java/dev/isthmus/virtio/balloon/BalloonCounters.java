// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.virtio.balloon;

import dev.isthmus.virtio.Counter;
import dev.isthmus.virtio.Statistics;
import dev.isthmus.virtio.StatisticsSink;

/** What a balloon counts. The loop thread counts; any thread reads. */
final class BalloonCounters implements Statistics {
    final Counter inflateRequests = new Counter();
    /** As many as were named, whatever they were. */
    final Counter inflatedPages = new Counter();

    final Counter deflateRequests = new Counter();
    final Counter deflatedPages = new Counter();
    final Counter reports = new Counter();
    final Counter reportedBytes = new Counter();
    /** That went back to the host. */
    final Counter releasedBytes = new Counter();
    /** That the host did not take. */
    final Counter failedBytes = new Counter();
    /** That are no whole page of the host's, or must keep their contents. */
    final Counter keptBytes = new Counter();
    /** That are no RAM. */
    final Counter invalidPages = new Counter();

    final Counter statisticsReports = new Counter();

    @Override
    public void report(StatisticsSink sink) {
        sink.counter("inflate_requests", inflateRequests.get());
        sink.counter("inflated_pages", inflatedPages.get());
        sink.counter("deflate_requests", deflateRequests.get());
        sink.counter("deflated_pages", deflatedPages.get());
        sink.counter("reports", reports.get());
        sink.counter("reported_bytes", reportedBytes.get());
        sink.counter("released_bytes", releasedBytes.get());
        sink.counter("failed_bytes", failedBytes.get());
        sink.counter("kept_bytes", keptBytes.get());
        sink.counter("invalid_pages", invalidPages.get());
        sink.counter("statistics_reports", statisticsReports.get());
    }
}

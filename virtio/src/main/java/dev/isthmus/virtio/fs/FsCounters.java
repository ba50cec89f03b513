// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.virtio.fs;

import dev.isthmus.fuse.FuseOutcome;
import dev.isthmus.fuse.FuseProtocol;
import dev.isthmus.virtio.Counter;
import dev.isthmus.virtio.Statistics;
import dev.isthmus.virtio.StatisticsSink;

/** What a file system device has done. Written by its loop thread, read by any. */
final class FsCounters implements Statistics {
    private final Counter requests = new Counter();
    private final Counter errors = new Counter();
    private final Counter reads = new Counter();
    private final Counter readBytes = new Counter();
    private final Counter writes = new Counter();
    private final Counter writeBytes = new Counter();

    /** Counts a request that has ended. Loop thread. */
    void count(FuseOutcome outcome) {
        requests.increment();
        if (outcome.error() != 0) {
            errors.increment();
        } else if (outcome.opcode() == FuseProtocol.FUSE_READ) {
            reads.increment();
            readBytes.add(outcome.payloadBytes());
        } else if (outcome.opcode() == FuseProtocol.FUSE_WRITE) {
            writes.increment();
            writeBytes.add(outcome.payloadBytes());
        }
    }

    @Override
    public void report(StatisticsSink sink) {
        sink.counter("requests", requests.get());
        sink.counter("errors", errors.get());
        sink.counter("reads", reads.get());
        sink.counter("read_bytes", readBytes.get());
        sink.counter("writes", writes.get());
        sink.counter("write_bytes", writeBytes.get());
    }
}

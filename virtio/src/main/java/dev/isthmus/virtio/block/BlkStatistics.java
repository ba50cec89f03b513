// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.virtio.block;

import dev.isthmus.block.BlockOperation;
import dev.isthmus.virtio.Counter;
import dev.isthmus.virtio.Statistics;
import dev.isthmus.virtio.StatisticsSink;

/** What a block device has done for its guest. The loop thread counts; any thread reads. */
final class BlkStatistics implements Statistics {
    private final Counter reads = new Counter();
    private final Counter readBytes = new Counter();
    private final Counter writes = new Counter();
    private final Counter writeBytes = new Counter();
    private final Counter flushes = new Counter();
    private final Counter discards = new Counter();
    private final Counter writeZeroes = new Counter();

    /** Requests that the host failed and the guest was told so. */
    final Counter failed = new Counter();

    /** Requests that the guest should not have made. */
    final Counter refused = new Counter();

    /** Counts a request that was carried out. */
    void count(BlockOperation operation, long lengthBytes) {
        switch (operation) {
            case READ -> {
                reads.increment();
                readBytes.add(lengthBytes);
            }
            case WRITE -> {
                writes.increment();
                writeBytes.add(lengthBytes);
            }
            case FLUSH -> flushes.increment();
            case DISCARD -> discards.increment();
            case WRITE_ZEROES -> writeZeroes.increment();
        }
    }

    @Override
    public void report(StatisticsSink sink) {
        sink.counter("reads", reads.get());
        sink.counter("read_bytes", readBytes.get());
        sink.counter("writes", writes.get());
        sink.counter("write_bytes", writeBytes.get());
        sink.counter("flushes", flushes.get());
        sink.counter("discards", discards.get());
        sink.counter("write_zeroes", writeZeroes.get());
        sink.counter("failed", failed.get());
        sink.counter("refused", refused.get());
    }
}

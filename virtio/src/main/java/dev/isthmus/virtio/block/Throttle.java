// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.virtio.block;

import dev.isthmus.block.BlockOperation;
import dev.isthmus.block.BlockRequest;
import dev.isthmus.block.RateLimits;
import dev.isthmus.device.LeakyBucket;

/**
 * A disk's rate limits and how much of them is used up ({@link RateLimits}). They outlive resets of the device: a guest
 * gains nothing by one.
 *
 * <p>Loop thread only; allocates nothing.
 */
final class Throttle {
    private final LeakyBucket operations = new LeakyBucket();
    private final LeakyBucket readOperations = new LeakyBucket();
    private final LeakyBucket writeOperations = new LeakyBucket();
    private final LeakyBucket bytes = new LeakyBucket();
    private final LeakyBucket readBytes = new LeakyBucket();
    private final LeakyBucket writeBytes = new LeakyBucket();
    private boolean limited;
    private long lastNanos;
    private boolean started;

    void setLimits(RateLimits limits) {
        operations.setRate(limits.operations());
        readOperations.setRate(limits.readOperations());
        writeOperations.setRate(limits.writeOperations());
        bytes.setRate(limits.bytes());
        readBytes.setRate(limits.readBytes());
        writeBytes.setRate(limits.writeBytes());
        limited = limits.limited();
        started &= limited;
    }

    /** Tells whether there is any limit at all. */
    boolean limited() {
        return limited;
    }

    /** Tells how long the next read or write has to wait. */
    long waitNanos(boolean write, long nowNanos) {
        leak(nowNanos);
        long all = Math.max(operations.waitNanos(), bytes.waitNanos());
        long kind = write
                ? Math.max(writeOperations.waitNanos(), writeBytes.waitNanos())
                : Math.max(readOperations.waitNanos(), readBytes.waitNanos());
        return Math.max(all, kind);
    }

    private void leak(long nowNanos) {
        // The clock may start anywhere.
        long nanos = started ? nowNanos - lastNanos : 0;
        started = true;
        lastNanos = nowNanos;
        if (nanos > 0) {
            operations.leak(nanos);
            readOperations.leak(nanos);
            writeOperations.leak(nanos);
            bytes.leak(nanos);
            readBytes.leak(nanos);
            writeBytes.leak(nanos);
        }
    }

    /** Takes note of a request that begins. */
    void account(BlockRequest request) {
        long lengthBytes = bytesOf(request);
        operations.fill(1);
        bytes.fill(lengthBytes);
        if (isWrite(request.operation())) {
            writeOperations.fill(1);
            writeBytes.fill(lengthBytes);
        } else {
            readOperations.fill(1);
            readBytes.fill(lengthBytes);
        }
    }

    static boolean isWrite(BlockOperation operation) {
        return operation != BlockOperation.READ;
    }

    /** A discard moves no data. */
    private static long bytesOf(BlockRequest request) {
        return switch (request.operation()) {
            case READ, WRITE -> request.lengthBytes();
            case WRITE_ZEROES -> request.ranges().totalBytes();
            case DISCARD, FLUSH -> 0;
        };
    }
}

// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.block;

import dev.isthmus.device.Rate;

/**
 * How much a disk may be used: operations and bytes a second, each for all requests, for reads, and for writes. A limit
 * of all goes without those of reads and writes, as with QEMU.
 *
 * <p>The model is QEMU's leaky bucket. What is done fills a bucket, which leaks at the average rate; a request begins
 * while the bucket is not over full, so that the average holds whatever the sizes of requests are. See {@link Rate} for
 * the buckets' sizes.
 *
 * <p>Reads and writes count by operation and byte, writing zeroes as a write does; a discard is an operation of the
 * writes, without bytes; a flush does not count.
 *
 * @param operations of reads and writes together
 * @param readOperations of reads
 * @param writeOperations of writes
 * @param bytes of reads and writes together
 * @param readBytes of reads
 * @param writeBytes of writes
 */
public record RateLimits(
        Rate operations, Rate readOperations, Rate writeOperations, Rate bytes, Rate readBytes, Rate writeBytes) {
    /** No limits. */
    public static final RateLimits NONE = new RateLimits(
            Rate.UNLIMITED, Rate.UNLIMITED, Rate.UNLIMITED, Rate.UNLIMITED, Rate.UNLIMITED, Rate.UNLIMITED);

    /** Checks that limits of all and of a kind don't come together; the message of a refusal is fit for users. */
    public RateLimits {
        if (operations.limited() && (readOperations.limited() || writeOperations.limited())) {
            throw new IllegalArgumentException("a limit of all operations excludes those of reads and writes");
        }
        if (bytes.limited() && (readBytes.limited() || writeBytes.limited())) {
            throw new IllegalArgumentException("a limit of all bytes excludes those of reads and writes");
        }
    }

    /** Limits reads and writes together to so many operations a second. */
    public static RateLimits ofOperations(Rate operations) {
        return NONE.withOperations(operations);
    }

    /** Limits reads and writes together to so many bytes a second. */
    public static RateLimits ofBytes(Rate bytes) {
        return NONE.withBytes(bytes);
    }

    /** Returns the same limits with another one of all operations. */
    public RateLimits withOperations(Rate newOperations) {
        return new RateLimits(newOperations, readOperations, writeOperations, bytes, readBytes, writeBytes);
    }

    /** Returns the same limits with another one of all bytes. */
    public RateLimits withBytes(Rate newBytes) {
        return new RateLimits(operations, readOperations, writeOperations, newBytes, readBytes, writeBytes);
    }

    /** Tells whether anything is limited. */
    public boolean limited() {
        return operations.limited()
                || readOperations.limited()
                || writeOperations.limited()
                || bytes.limited()
                || readBytes.limited()
                || writeBytes.limited();
    }
}

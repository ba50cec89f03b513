// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.device;

/**
 * One limit of how much a device may do, by the model of QEMU's leaky bucket: what is done fills a bucket, which leaks at
 * the average rate; more may begin while the bucket is not over full, so that the average holds whatever the sizes are.
 *
 * @param average units a second in the long run, up to 10^15; 0 for no limit
 * @param burst units a second for a while after a rest, at least the average; 0 for none: the bucket then holds a
 *     tenth of a second's average
 * @param burstSeconds how long after a long rest the burst may last, from 1 to 2^31 - 1: the bucket holds the burst
 *     of so many seconds, and where that is more than one, a second bucket keeps to the burst's rate
 */
public record Rate(long average, long burst, int burstSeconds) {
    /** No limit. */
    public static final Rate UNLIMITED = new Rate(0, 0, 1);

    private static final long MAX = 1_000_000_000_000_000L;

    /** Checks the ranges; the message of a refusal is fit for users. */
    public Rate {
        if (average < 0 || average > MAX || burst < 0 || burst > MAX) {
            throw new IllegalArgumentException("a rate is from 1 to 10^15");
        }
        if (burst != 0 && burst < average) {
            throw new IllegalArgumentException("a burst is at least as fast as the rate");
        }
        if (burst != 0 && average == 0) {
            throw new IllegalArgumentException("a burst needs a rate");
        }
        if (burstSeconds < 1) {
            throw new IllegalArgumentException("a burst lasts at least a second");
        }
        if (burstSeconds > 1 && burst == 0) {
            throw new IllegalArgumentException("the length of a burst needs the burst's rate");
        }
    }

    /** Limits to an average, without bursts. */
    public static Rate of(long average) {
        return new Rate(average, 0, 1);
    }

    /** Tells whether there is a limit. */
    public boolean limited() {
        return average != 0;
    }
}

// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.device;

/**
 * Keeps to one {@link Rate}: QEMU's leaky bucket (its util/throttle.c). Loop thread only; allocates nothing.
 *
 * <pre>
 *  limit                      bucket holds            leaks     second bucket        leaks
 *  average                    average / 10            average   none
 *  average, burst             burst                   average   none
 *  average, burst, seconds    burst * seconds         average   burst / 10           burst
 * </pre>
 */
public final class LeakyBucket {
    private static final double NANOS_PER_SECOND = 1e9;

    /** In {@code bucket_size} QEMU allows a tenth of a second where there is no burst. */
    private static final double TENTH = 0.1;

    private double average;
    private double burst;
    private double holds;
    private double burstHolds;
    private boolean twoBuckets;
    private double level;
    private double burstLevel;

    /** Makes an empty bucket without a limit. */
    public LeakyBucket() {}

    /** Sets another limit; what is in the bucket stays, up to what it holds now. */
    public void setRate(Rate rate) {
        average = rate.average();
        burst = rate.burst();
        twoBuckets = rate.burstSeconds() > 1;
        holds = rate.burst() == 0 ? average * TENTH : burst * rate.burstSeconds();
        burstHolds = burst * TENTH;
        level = average == 0 ? 0 : Math.min(level, holds);
        burstLevel = twoBuckets ? Math.min(burstLevel, burstHolds) : 0;
    }

    /** Lets time pass. */
    public void leak(long nanos) {
        double seconds = nanos / NANOS_PER_SECOND;
        level = Math.max(level - average * seconds, 0);
        burstLevel = Math.max(burstLevel - burst * seconds, 0);
    }

    /** Returns how many nanoseconds what comes next has to wait, 0 where it may begin now. */
    public long waitNanos() {
        if (average == 0) {
            return 0;
        }
        long wait = nanos(level - holds, average);
        return twoBuckets ? Math.max(wait, nanos(burstLevel - burstHolds, burst)) : wait;
    }

    private static long nanos(double extra, double rate) {
        // Less than what leaks in a nanosecond is a rounding error.
        double nanos = extra * NANOS_PER_SECOND / rate;
        return nanos < 1 ? 0 : (long) Math.ceil(nanos);
    }

    /** Takes note of what is done. */
    public void fill(long units) {
        if (average != 0) {
            level += (double) units;
            burstLevel += twoBuckets ? (double) units : 0;
        }
    }
}

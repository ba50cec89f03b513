// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.device;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

import dev.isthmus.block.RateLimits;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

/** The arithmetic of one limit, on a clock that is only added up. */
class LeakyBucketTest {
    private static final long SECOND = 1_000_000_000L;

    private static LeakyBucket bucket(long average, long burst, int seconds) {
        LeakyBucket bucket = new LeakyBucket();
        bucket.setRate(new Rate(average, burst, seconds));
        return bucket;
    }

    /** Begins units as fast as the bucket allows for some time; returns how many. */
    private static int run(LeakyBucket bucket, long nanos) {
        int units = 0;
        long left = nanos;
        while (true) {
            long wait = bucket.waitNanos();
            if (wait > left) {
                bucket.leak(left);
                return units;
            }
            bucket.leak(wait);
            left -= wait;
            bucket.fill(1);
            units++;
        }
    }

    @Test
    void averageHoldsAfterATenthOfASecondsStart() {
        LeakyBucket bucket = bucket(1000, 0, 1);

        assertEquals(1101, run(bucket, SECOND));
        assertEquals(10_000, run(bucket, 10 * SECOND));
    }

    @Test
    void firstRequestOverTheLimitWaitsForTheExcessToLeak() {
        LeakyBucket bucket = bucket(100, 0, 1);

        assertEquals(11, run(bucket, 0));
        assertEquals(SECOND / 100, bucket.waitNanos());
    }

    @Test
    void largeRequestPassesAndIsPaidForAfterwards() {
        LeakyBucket bucket = bucket(1 << 20, 0, 1);

        bucket.fill(4 << 20);

        assertEquals((4 * SECOND) - SECOND / 10, bucket.waitNanos());
    }

    @Test
    void burstOfASecondIsHadAtOnceAndEarnedAgainByRest() {
        LeakyBucket bucket = bucket(100, 500, 1);

        assertEquals(501, run(bucket, 0));
        assertEquals(100, run(bucket, SECOND));
        bucket.leak(100 * SECOND);
        assertEquals(501, run(bucket, 0));
    }

    @Test
    void longBurstKeepsToItsRateAndThenToTheAverage() {
        LeakyBucket bucket = bucket(100, 500, 10);

        // 5,000 fit, and 100 a second leak meanwhile: the burst lasts 12.5 s.
        assertEquals(551, run(bucket, SECOND));
        assertEquals(500, run(bucket, SECOND));
        run(bucket, 18 * SECOND);
        assertEquals(100, run(bucket, SECOND));
    }

    @Test
    void otherLimitHoldsAtOnceAndForgivesWhatItWouldNotHold() {
        LeakyBucket bucket = bucket(10, 0, 1);
        bucket.fill(1000);

        bucket.setRate(Rate.of(100));
        assertEquals(0, bucket.waitNanos());
        bucket.fill(1);
        assertEquals(SECOND / 100, bucket.waitNanos());

        bucket.setRate(Rate.UNLIMITED);
        bucket.fill(1L << 40);
        assertEquals(0, bucket.waitNanos());
    }

    @ParameterizedTest
    @CsvSource({"-1, 0, 1", "1000000000000001, 0, 1", "0, 1, 1", "10, 9, 1", "10, -1, 1", "10, 20, 0", "10, 0, 2"})
    void unfitRatesAreRefused(long average, long burst, int seconds) {
        assertThrows(IllegalArgumentException.class, () -> new Rate(average, burst, seconds));
    }

    @Test
    void limitOfAllExcludesThoseOfAKind() {
        Rate some = Rate.of(1);
        Rate none = Rate.UNLIMITED;

        assertThrows(IllegalArgumentException.class, () -> new RateLimits(some, some, none, none, none, none));
        assertThrows(IllegalArgumentException.class, () -> new RateLimits(none, none, none, some, none, some));
    }
}

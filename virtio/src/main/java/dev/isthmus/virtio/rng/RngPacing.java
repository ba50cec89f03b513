// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.virtio.rng;

import org.jspecify.annotations.Nullable;

import dev.isthmus.device.EventLoop;
import dev.isthmus.device.LeakyBucket;
import dev.isthmus.device.LoopTimer;
import dev.isthmus.device.Rate;

/**
 * When a request may be answered: the rate limit, and the wait for a source that has nothing. Lives as long as the device,
 * so that a guest gains nothing by a reset. Loop thread only; allocates nothing once it is open.
 */
final class RngPacing {
    /** How long a source that has nothing is left alone. */
    static final long RETRY_NANOS = 100_000_000L;

    /** A request takes no more of a rate than a tenth of a second's: the bucket may be over full by one request. */
    private static final long TENTH = 10;

    private final LeakyBucket bucket = new LeakyBucket();
    private Rate rate = Rate.UNLIMITED;
    private long lastNanos;
    private boolean started;
    private @Nullable EventLoop loop;
    private @Nullable LoopTimer timer;
    private @Nullable Runnable waiter;

    /** Takes up work on a loop, the same each time. */
    void open(EventLoop newLoop, Runnable newWaiter) {
        waiter = newWaiter;
        if (loop == null) {
            loop = newLoop;
            timer = newLoop.newTimer(this::due);
        }
    }

    /** Nobody waits any more. */
    void close() {
        waiter = null;
        if (timer != null) {
            timer.cancel();
        }
    }

    /** Sets another limit, for what waits as well. */
    void setRate(Rate newRate) {
        rate = newRate;
        bucket.setRate(newRate);
        started &= newRate.limited();
        due();
    }

    private void due() {
        if (waiter != null) {
            waiter.run();
        }
    }

    /** Tells whether a request may be answered now; where not, the waiter is told when it may. */
    boolean admits() {
        EventLoop clock = loop;
        LoopTimer alarm = timer;
        if (!rate.limited() || clock == null || alarm == null) {
            return true;
        }
        long now = clock.nanoTime();
        // The clock may start anywhere.
        long nanos = started ? now - lastNanos : 0;
        started = true;
        lastNanos = now;
        if (nanos > 0) {
            bucket.leak(nanos);
        }
        long wait = bucket.waitNanos();
        if (wait == 0) {
            return true;
        }
        alarm.arm(now + wait);
        return false;
    }

    /** Returns how much a request may have, at least 1. */
    long requestBytesMax() {
        return rate.limited() ? Math.max(1, rate.average() / TENTH) : Long.MAX_VALUE;
    }

    /** Takes note of bytes. */
    void account(long bytes) {
        bucket.fill(bytes);
    }

    /** Has the waiter told after a while, because the source has nothing. */
    void retryLater() {
        if (loop != null && timer != null) {
            timer.arm(loop.nanoTime() + RETRY_NANOS);
        }
    }
}

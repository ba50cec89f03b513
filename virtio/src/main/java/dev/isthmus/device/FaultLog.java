// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.device;

import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Logs what a guest or a disk gets wrong, at a rate that a hostile guest cannot push up: {@value #BURST} messages,
 * then one every {@value #INTERVAL_SECONDS} seconds with the number of those left out.
 *
 * <p>Any thread.
 */
public final class FaultLog {
    /** Messages that are logged at once. */
    static final int BURST = 10;

    /** Time that earns one more message. */
    static final int INTERVAL_SECONDS = 10;

    private static final long INTERVAL_NANOS = INTERVAL_SECONDS * 1_000_000_000L;

    /** Loaded with the first fault: making a logger costs start-up time. */
    private static final class LoggerHolder {
        static final Logger LOGGER = LoggerFactory.getLogger(FaultLog.class);
    }

    private final String subject;
    private int tokens = BURST;
    private long lastRefillNanos;
    private boolean started;
    private long suppressed;

    /**
     * Makes a log for one device.
     *
     * @param subject what the messages begin with, such as "virtio-blk"
     */
    public FaultLog(String subject) {
        this.subject = subject;
    }

    /**
     * Logs a fault, or counts it where there were too many.
     *
     * @param message what happened, in plain words
     */
    public void report(String message) {
        long omitted = admit(System.nanoTime());
        if (omitted < 0) {
            return;
        }
        if (omitted == 0) {
            LoggerHolder.LOGGER.warn("{}: {}", subject, message);
        } else {
            LoggerHolder.LOGGER.warn("{}: {} ({} more messages left out)", subject, message, omitted);
        }
    }

    /** Tells whether a message at this time may pass: how many were left out before it, or -1 where it may not. */
    synchronized long admit(long nowNanos) {
        if (!started) {
            started = true;
            lastRefillNanos = nowNanos;
        }
        long earned = (nowNanos - lastRefillNanos) / INTERVAL_NANOS;
        if (earned > 0) {
            tokens = (int) Math.min(BURST, tokens + earned);
            lastRefillNanos += earned * INTERVAL_NANOS;
        }
        if (tokens == 0) {
            suppressed++;
            return -1;
        }
        tokens--;
        long omitted = suppressed;
        suppressed = 0;
        return omitted;
    }
}

// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.machine.io;

/**
 * How long a loop looks for work by itself before it blocks: as long as that has been worth it. As QEMU's adaptive polling
 * (its iothread's poll-max-ns, poll-grow and poll-shrink, at their defaults).
 *
 * <p>Loop thread only.
 */
final class PollTime {
    /** A host's thread wakes up in about this time, so that looking for longer gains nothing. */
    static final long MAX_NANOS = 32_768;

    private static final long FIRST_NANOS = 4_000;
    private static final int GROWTH = 2;

    private long nanos;

    /** Returns how long to look, 0 for not at all. */
    long nanos() {
        return nanos;
    }

    /**
     * Learns from a wait.
     *
     * @param waitNanos how long nothing came, from when the loop began to look until it woke up
     */
    void waited(long waitNanos) {
        if (waitNanos > MAX_NANOS) {
            nanos = 0;
        } else if (waitNanos > nanos) {
            nanos = Math.min(MAX_NANOS, nanos == 0 ? FIRST_NANOS : nanos * GROWTH);
        }
    }
}

// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.device;

/** A one-shot timer of an {@link EventLoop}. Loop thread only, but for making it. */
public interface LoopTimer {
    /**
     * Arms the timer, replacing an earlier deadline.
     *
     * @param deadlineNanos when, on the clock of {@link EventLoop#nanoTime()}
     */
    void arm(long deadlineNanos);

    /** Disarms the timer; does nothing where it is not armed. */
    void cancel();
}

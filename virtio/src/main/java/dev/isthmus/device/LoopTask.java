// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.device;

/** A task of an {@link EventLoop} that may end many turns of the loop after it began. */
public interface LoopTask {
    /**
     * Begins the task. Loop thread; never waits.
     *
     * @param ended to be run when the task has ended, before this returns or later; loop thread
     */
    void begin(Runnable ended);
}

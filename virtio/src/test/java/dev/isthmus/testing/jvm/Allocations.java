// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.testing.jvm;

import java.lang.management.ManagementFactory;

import com.sun.management.ThreadMXBean;

/** Sees that code which runs all the time leaves nothing to the garbage collector. */
public final class Allocations {
    private static final int ROUNDS_MAX = 50;

    private Allocations() {}

    /**
     * Runs code in rounds until a round has allocated nothing on this thread.
     *
     * <p>The interpreter boxes what compiled code does not, and on a busy machine the compiler takes its time: what
     * counts is that it comes to nothing, and not after how many rounds.
     *
     * @param operations how many operations a round has, 1,000 or more. Less than a byte for each is nothing: asking
     *     for the number allocates a little itself
     * @throws AssertionError if the last of many rounds still allocates
     */
    public static void assertNoneOnceWarm(int operations, Runnable round) {
        ThreadMXBean threads = (ThreadMXBean) ManagementFactory.getThreadMXBean();
        long allocatedBytes = Long.MAX_VALUE;
        for (int i = 0; i < ROUNDS_MAX && allocatedBytes >= operations; i++) {
            long before = threads.getCurrentThreadAllocatedBytes();
            round.run();
            allocatedBytes = threads.getCurrentThreadAllocatedBytes() - before;
        }
        if (allocatedBytes >= operations) {
            throw new AssertionError(operations + " operations allocated " + allocatedBytes + " bytes");
        }
    }
}

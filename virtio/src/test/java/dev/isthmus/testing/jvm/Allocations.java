// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.testing.jvm;

import java.lang.management.ManagementFactory;
import java.util.function.Predicate;

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
        assertNoneOnceWarm(operations, round, thread -> thread == Thread.currentThread());
    }

    /**
     * Does the same for other threads: those that do the work of the rounds.
     *
     * @param workers which of the threads that are alive count
     */
    public static void assertNoneOnceWarm(int operations, Runnable round, Predicate<Thread> workers) {
        ThreadMXBean threads = (ThreadMXBean) ManagementFactory.getThreadMXBean();
        long allocatedBytes = Long.MAX_VALUE;
        for (int i = 0; i < ROUNDS_MAX && allocatedBytes >= operations; i++) {
            long[] ids = Thread.getAllStackTraces().keySet().stream()
                    .filter(workers)
                    .mapToLong(Thread::threadId)
                    .toArray();
            if (ids.length == 0 && i > 0) {
                throw new AssertionError("None of the threads runs");
            }
            long before = sum(threads.getThreadAllocatedBytes(ids));
            round.run();
            // In the first round threads start.
            allocatedBytes = i == 0 ? Long.MAX_VALUE : sum(threads.getThreadAllocatedBytes(ids)) - before;
        }
        if (allocatedBytes >= operations) {
            throw new AssertionError(operations + " operations allocated " + allocatedBytes + " bytes");
        }
    }

    private static long sum(long[] numbers) {
        long sum = 0;
        for (long number : numbers) {
            sum += number;
        }
        return sum;
    }
}

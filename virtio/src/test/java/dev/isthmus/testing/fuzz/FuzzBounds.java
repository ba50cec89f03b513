// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.testing.fuzz;

import java.lang.management.ManagementFactory;

import com.sun.management.ThreadMXBean;
import org.jspecify.annotations.Nullable;

/** What one input may cost: nobody's input may keep a thread busy or fill the heap. */
public final class FuzzBounds {
    /** Of the processor, so that a busy machine does not count. */
    private static final long CPU_NANOS_MAX = 5_000_000_000L;

    private static final ThreadMXBean THREADS = (ThreadMXBean) ManagementFactory.getThreadMXBean();

    private FuzzBounds() {}

    /**
     * Runs something, which must not throw nor cost more than this. Where it seems to, it is run once more: the first
     * time, classes may have been loaded, compiled and instrumented meanwhile, on the same thread.
     *
     * @param allocatedBytesMax what it may allocate in all; what it may keep is limited by the heap of the process
     */
    public static void check(long allocatedBytesMax, Runnable work) {
        if (excess(allocatedBytesMax, work) == null) {
            return;
        }
        String excess = excess(allocatedBytesMax, work);
        if (excess != null) {
            throw new AssertionError(excess);
        }
    }

    private static @Nullable String excess(long allocatedBytesMax, Runnable work) {
        long allocated = THREADS.getCurrentThreadAllocatedBytes();
        long nanos = THREADS.getCurrentThreadCpuTime();
        work.run();
        long nanosTaken = THREADS.getCurrentThreadCpuTime() - nanos;
        long allocatedMore = THREADS.getCurrentThreadAllocatedBytes() - allocated;
        if (nanosTaken > CPU_NANOS_MAX) {
            return "took " + nanosTaken / 1_000_000 + " ms of the processor";
        }
        return allocatedMore > allocatedBytesMax ? "allocated " + allocatedMore + " bytes" : null;
    }
}

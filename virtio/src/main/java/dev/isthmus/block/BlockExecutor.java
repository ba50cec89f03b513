// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.block;

/**
 * Carries out block requests off the loop thread: disk workers, or an engine of the kernel's.
 *
 * <p>Workers call {@link BlockRequest#run}. An asynchronous engine reads the request's fields instead, does the I/O its
 * own way, and calls {@link BlockRequest#complete}.
 */
public interface BlockExecutor {
    /**
     * Takes a request. Any thread; never blocks, and refuses none: the number in flight is bounded by the sizes of the
     * queues that they came from. The request is completed exactly once, on any thread, even when the executor is being
     * shut down. The caller must not touch the request until then.
     */
    void submit(BlockRequest request);

    /**
     * Begins what was submitted and is still held back, so that a batch costs one system call or one wake-up. Whoever
     * submits calls it after the last request of a batch, on the same thread; without it, a request may never begin.
     */
    default void dispatch() {}
}

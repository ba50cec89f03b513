// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.virtio.pmem;

/** Has flushes of persistent memory carried out off the loop thread. */
@FunctionalInterface
public interface PmemExecutor {
    /**
     * Takes a task, and runs or refuses it, exactly once, on any thread, even while it is being shut down. Any thread;
     * never blocks. A device has one task at a time.
     */
    void submit(PmemTask task);
}

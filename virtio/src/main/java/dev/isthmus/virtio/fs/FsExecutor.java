// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.virtio.fs;

/** Has the requests to a shared folder carried out off the loop thread. */
@FunctionalInterface
public interface FsExecutor {
    /**
     * Takes a task, and runs or refuses it, exactly once, on any thread, even while it is being shut down. Any thread;
     * never blocks. The number of tasks is bounded by the sizes of the queues that they come from.
     */
    void submit(FsTask task);
}

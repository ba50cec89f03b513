// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.virtio.pmem;

/** Work on persistent memory that may block; done once by {@link #run}, or not at all by {@link #refuse}. */
public abstract sealed class PmemTask implements Runnable permits FlushTask {
    PmemTask() {}

    /** Does the work on the calling thread, which must not touch the task afterwards. */
    @Override
    public abstract void run();

    /** Says that the work is not going to be done. Any thread; does not block. */
    public abstract void refuse();
}

// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.machine.pmem;

import java.util.function.Consumer;

import dev.isthmus.machine.io.WorkerPool;
import dev.isthmus.virtio.pmem.PmemExecutor;
import dev.isthmus.virtio.pmem.PmemTask;

/**
 * The thread that flushes one mapped image. Where the host allows no thread, flushes fail.
 *
 * <p>Role DISK_WORKER; {@link #submit} is for any thread.
 */
public final class PmemWorkers extends WorkerPool<PmemTask> implements PmemExecutor {
    /**
     * Makes a pool; no thread runs before the first flush.
     *
     * @param namePrefix what the thread's name begins with
     * @param failureHandler is told of what a flush throws beside its failure: a bug, or the end of the heap
     */
    public PmemWorkers(String namePrefix, Consumer<Throwable> failureHandler) {
        // A device has one flush at a time.
        super(namePrefix, 1, failureHandler);
    }

    @Override
    protected void run(PmemTask task) {
        // Completes the task whatever happens.
        task.run();
    }

    @Override
    protected void refuse(PmemTask task) {
        task.refuse();
    }
}

// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.machine.fs;

import java.util.function.Consumer;

import dev.isthmus.machine.io.WorkerPool;
import dev.isthmus.virtio.fs.FsExecutor;
import dev.isthmus.virtio.fs.FsTask;

/**
 * The threads that work on one shared folder. Where the host allows no thread at all, requests end without an answer.
 *
 * <p>Role FOLDER_WORKER; {@link #submit} is for any thread.
 */
public final class FolderWorkers implements FsExecutor, AutoCloseable {
    /** As many as a guest keeps busy through the page cache, where most requests are done at once. */
    public static final int DEFAULT_THREADS = 4;

    private final Pool pool;

    /**
     * Makes a pool; no thread runs yet.
     *
     * @param namePrefix what the threads' names begin with
     * @param maxThreads at most so many, at least 1
     * @param failureHandler is told of what a request throws beside its failure: a bug, or the end of the heap
     */
    public FolderWorkers(String namePrefix, int maxThreads, Consumer<Throwable> failureHandler) {
        this.pool = new Pool(namePrefix, maxThreads, failureHandler);
    }

    /** Takes a task, which is run or refused exactly once. Any thread; never blocks. */
    @Override
    public void submit(FsTask task) {
        pool.submit(task);
    }

    /**
     * Waits until all submitted tasks have ended, then for the threads. What is submitted later is refused. Idempotent; not
     * on a worker.
     */
    @Override
    public void close() {
        pool.close();
    }

    private static final class Pool extends WorkerPool<FsTask> {
        Pool(String namePrefix, int maxThreads, Consumer<Throwable> failureHandler) {
            super(namePrefix, maxThreads, failureHandler);
        }

        @Override
        protected void run(FsTask task) {
            // Completes the task whatever happens.
            task.run();
        }

        @Override
        protected void refuse(FsTask task) {
            task.refuse();
        }
    }
}

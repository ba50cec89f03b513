// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.machine.block;

import java.util.function.Consumer;

import dev.isthmus.block.BlockExecutor;
import dev.isthmus.block.BlockRequest;
import dev.isthmus.block.BlockStatus;
import dev.isthmus.machine.io.WorkerPool;

/**
 * The threads that do one disk's I/O, where it may block. Where the host allows no thread at all, requests end with an
 * error.
 *
 * <p>Role DISK_WORKER; {@link #submit} is for any thread.
 */
public final class DiskWorkers implements BlockExecutor, AutoCloseable {
    /** As many as a disk keeps busy through the page cache, where most requests are done at once; a request a thread. */
    public static final int DEFAULT_THREADS = 4;

    /** As many as a disk past the page cache has: each waits for the storage, which wants many requests at a time. */
    public static final int DIRECT_THREADS = 32;

    private final Pool pool;

    /**
     * Makes a pool; no thread runs yet.
     *
     * @param namePrefix what the threads' names begin with
     * @param maxThreads at most so many, at least 1
     * @param failureHandler is told of what a request throws beside its failure: a bug, or the end of the heap
     */
    public DiskWorkers(String namePrefix, int maxThreads, Consumer<Throwable> failureHandler) {
        this.pool = new Pool(namePrefix, maxThreads, failureHandler);
    }

    /** Takes a request, which is run or ended with an error exactly once. Any thread; never blocks. */
    @Override
    public void submit(BlockRequest request) {
        pool.submit(request);
    }

    /**
     * Waits until all submitted requests have ended, then for the threads. What is submitted later is refused. Idempotent;
     * not on a worker.
     */
    @Override
    public void close() {
        pool.close();
    }

    /** Returns how many threads have nothing to do now. */
    public int idleThreads() {
        return pool.idleThreads();
    }

    private static final class Pool extends WorkerPool<BlockRequest> {
        Pool(String namePrefix, int maxThreads, Consumer<Throwable> failureHandler) {
            super(namePrefix, maxThreads, failureHandler);
        }

        @Override
        protected void run(BlockRequest request) {
            // Completes the request whatever happens.
            request.run();
        }

        @Override
        protected void refuse(BlockRequest request) {
            request.complete(BlockStatus.IO_ERROR);
        }
    }
}

// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.machine.io;

import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Consumer;

import org.jspecify.annotations.Nullable;
import org.slf4j.LoggerFactory;

import dev.isthmus.machine.HostThreads;
import dev.isthmus.machine.VmException;

/**
 * Threads that do what may block, one request at a time each.
 *
 * <p>Threads start with the requests that need them, up to a limit, and live until {@link #close}, which first lets them
 * finish all that has been submitted. They are never interrupted. Where the host allows no thread at all, requests are
 * refused.
 *
 * <p>{@link #submit} is for any thread.
 *
 * @param <R> the requests
 */
public abstract class WorkerPool<R> implements AutoCloseable {
    private final String namePrefix;
    private final int maxThreads;
    private final Consumer<Throwable> failureHandler;

    // All below guarded by lock.
    private final Object lock = new Object();
    private final ArrayDeque<R> waiting = new ArrayDeque<>();
    private final List<Thread> threads = new ArrayList<>();
    private int idleThreads;
    private boolean closing;

    /** The host has refused a thread, which is said once. */
    private boolean refused;

    /**
     * Makes a pool; no thread runs yet.
     *
     * @param namePrefix what the threads' names begin with
     * @param maxThreads at most so many, at least 1
     * @param failureHandler is told of what a request throws beside its failure: a bug, or the end of the heap
     */
    protected WorkerPool(String namePrefix, int maxThreads, Consumer<Throwable> failureHandler) {
        this.namePrefix = namePrefix;
        this.maxThreads = maxThreads;
        this.failureHandler = failureHandler;
    }

    /** Carries a request out on a worker, and completes it whatever happens. */
    protected abstract void run(R request);

    /** Ends a request that is not going to be carried out. Any thread. */
    protected abstract void refuse(R request);

    /** Takes a request, which is run or refused exactly once. Any thread; never blocks. */
    public void submit(R request) {
        synchronized (lock) {
            // A thread that was notified counts as idle until it runs: it takes one request, not all that come meanwhile.
            if (!closing && (waiting.size() < idleThreads || threads.size() == maxThreads || startThread())) {
                waiting.add(request);
                lock.notify();
                return;
            }
        }
        refuse(request);
    }

    /** Returns whether there is a thread to take the next request: where the host allows no more, an earlier one will. */
    private boolean startThread() {
        Thread thread = Thread.ofPlatform()
                .name(namePrefix + threads.size())
                .daemon(true)
                .unstarted(new Worker());
        try {
            HostThreads.start(thread);
        } catch (VmException.HostFault e) {
            if (!refused) {
                refused = true;
                LoggerFactory.getLogger(getClass())
                        .warn("Requests find too few threads: {} {}", e.getMessage(), e.remedy());
            }
            return !threads.isEmpty();
        }
        threads.add(thread);
        return true;
    }

    private @Nullable R take() {
        synchronized (lock) {
            while (waiting.isEmpty() && !closing) {
                idleThreads++;
                try {
                    lock.wait();
                } catch (InterruptedException _) {
                    // Nobody has reason to interrupt a worker; the queue is what it goes by.
                } finally {
                    idleThreads--;
                }
            }
            return waiting.poll();
        }
    }

    /**
     * Waits until all submitted requests have ended, then for the threads. What is submitted later is refused. Idempotent;
     * not on a worker.
     */
    @Override
    public void close() {
        List<Thread> ending;
        synchronized (lock) {
            closing = true;
            lock.notifyAll();
            ending = List.copyOf(threads);
        }
        for (Thread thread : ending) {
            Uninterruptibly.join(thread);
        }
    }

    /** Returns how many threads have nothing to do now. */
    public int idleThreads() {
        synchronized (lock) {
            return idleThreads;
        }
    }

    private final class Worker implements Runnable {
        @Override
        public void run() {
            R request = take();
            while (request != null) {
                try {
                    WorkerPool.this.run(request);
                } catch (Throwable thrown) {
                    failureHandler.accept(thrown);
                }
                request = take();
            }
        }
    }
}

// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.device;

/**
 * The event loop that owns a device: file descriptors, timers and bottom halves, all called on one thread.
 *
 * <p>The model is QEMU's AioContext. Registration and closing of watches and timers happen on the loop's own thread;
 * {@link #post}, {@link BottomHalf#schedule()} and {@link #inLoop()} may be called from any thread.
 */
public interface EventLoop {
    /** Tells whether the caller runs on the loop's thread; entry points assert it. */
    boolean inLoop();

    /**
     * Runs a task once on the loop, in the order of posting. Any thread. Allocates: not for hot paths.
     *
     * @throws java.util.concurrent.RejectedExecutionException if the loop has been stopped
     */
    void post(Runnable task);

    /**
     * Runs a task on the loop and waits until it has finished; runs it at once where the caller is the loop itself.
     * With {@link #callAndAwait} the only way in which a vCPU thread may wait for the loop (activate and reset).
     *
     * @throws java.util.concurrent.RejectedExecutionException if the loop has been stopped
     */
    void call(Runnable task);

    /**
     * Begins a task on the loop and waits until it has ended. Only the caller waits: the loop goes on with everything
     * else meanwhile. Any thread but the loop's.
     *
     * @throws java.util.concurrent.RejectedExecutionException if the loop has been stopped, or stops before the task has
     *     ended
     * @throws IllegalStateException if the caller is the loop, which would wait for itself
     */
    void callAndAwait(LoopTask task);

    /** Makes a bottom half: a callback that is cheap to schedule from any thread. Any thread. */
    BottomHalf newBottomHalf(Runnable callback);

    /** Makes a timer, not armed. Any thread. */
    LoopTimer newTimer(Runnable callback);

    /**
     * Watches a file descriptor, level-triggered. Loop thread only.
     *
     * @param fd the descriptor, which stays the caller's
     * @param interest {@link FdWatch#READABLE}, {@link FdWatch#WRITABLE}, both or 0
     * @param callback called with what is ready; errors and hang-ups count as both
     */
    FdWatch watch(int fd, int interest, FdWatch.Callback callback);

    /**
     * Has the loop look for work by itself while it is busy, and for a little while after that. Loop thread only, and not
     * while a poller is being called.
     */
    void addPoller(LoopPoller poller);

    /**
     * Ends what {@link #addPoller} began; the poller is not called any more, {@link LoopPoller#end} included. Does nothing
     * for one that was not added. Loop thread only.
     */
    void removePoller(LoopPoller poller);

    /** Returns the loop's clock in nanoseconds, monotonic; a test's loop has a clock of its own. */
    long nanoTime();
}

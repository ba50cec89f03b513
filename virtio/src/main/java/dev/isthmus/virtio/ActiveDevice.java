// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.virtio;

import dev.isthmus.virtio.queue.Virtqueue;

/**
 * A device that a driver is using: exists from DRIVER_OK to the next reset, and holds what only makes sense then.
 *
 * <p>All methods are called on the loop thread of its {@link Activation}, and none of them waits: what takes as long as
 * the host's storage or network does is told by a callback, on the same thread.
 *
 * <pre>
 *  queue state   in                          out
 *  stopped       activate; stopping ended    startQueue
 *  running       startQueue                  stopQueue, close
 *  stopping      stopQueue, close            the last request in flight has ended
 * </pre>
 */
public interface ActiveDevice {
    /** Begins to use a queue, which was stopped. Buffers may be available in it already. */
    void startQueue(int queueIndex, Virtqueue queue);

    /**
     * Handles an available buffer notification for a queue. Spurious ones and ones for queues that do not run do nothing.
     * Does bounded work, and goes on later where there is more.
     */
    void queueNotified(int queueIndex);

    /** Takes no more buffers from any queue, because the device needs a reset (2.1.2): notified or looking by itself. */
    void takeNoMore();

    /**
     * Stops using a queue, which runs: takes nothing more from it, hands its requests in flight back as they end, and
     * then drops it.
     *
     * @param stopped run once nothing touches the queue or its buffers any more, before this returns or later
     */
    void stopQueue(int queueIndex, Runnable stopped);

    /**
     * Stops all queues, those that are stopping already among them, and releases what activation took. Called once.
     * Signals nothing to the driver from now on.
     *
     * @param closed run once nothing touches queues or buffers any more, before this returns or later; the callbacks of
     *     {@link #stopQueue} have run by then
     */
    void close(Runnable closed);
}

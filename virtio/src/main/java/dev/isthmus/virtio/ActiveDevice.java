// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.virtio;

import dev.isthmus.virtio.queue.Virtqueue;

/**
 * A device that a driver is using: exists from DRIVER_OK to the next reset, and holds what only makes sense then.
 *
 * <p>All methods are called on the loop thread of its {@link Activation}.
 *
 * <pre>
 *  queue state   in                          out
 *  stopped       activate, stopQueue         startQueue
 *  running       startQueue                  stopQueue, close
 * </pre>
 */
public interface ActiveDevice extends AutoCloseable {
    /** Begins to use a queue, which was stopped. Buffers may be available in it already. */
    void startQueue(int queueIndex, Virtqueue queue);

    /**
     * Handles an available buffer notification for a queue. Spurious ones and ones for stopped queues do nothing. Does
     * bounded work, and goes on later where there is more.
     */
    void queueNotified(int queueIndex);

    /**
     * Stops using a queue: waits until its requests in flight have ended, hands them back, and drops the queue. Does
     * nothing where it is stopped.
     */
    void stopQueue(int queueIndex);

    /** Stops all queues and releases what activation took. Signals nothing to the driver afterwards. */
    @Override
    void close();
}

// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.virtio.queue;

import org.jspecify.annotations.Nullable;

/**
 * The device's side of a virtqueue, whatever its ring format.
 *
 * <p>Only the loop thread that owns the device calls these methods. None blocks, none allocates once the queue is
 * warm, and each does work bounded by the queue's size.
 *
 * <p>A device serves a queue like this:
 * <pre>{@code
 * queue.disableNotifications();
 * do {
 *     while (queue.pop() is a chain) … queue.push(chain, writtenBytes) now or later
 * } while (queue.enableNotifications());
 * if (queue.needsNotification()) interrupt();
 * }</pre>
 */
public sealed interface Virtqueue permits SplitQueue, PackedQueue {
    /** Returns the number of descriptors. */
    int size();

    /**
     * Takes the next available buffer. After a malformed one the queue stays broken and gives the same answer.
     *
     * @return null where no buffer is available
     */
    @Nullable PopOutcome pop();

    /** Tells whether {@link #pop} would give something, a chain or a fault, without taking it. */
    boolean hasAvailable();

    /**
     * Hands a buffer back to the driver as used. The chain must not be touched afterwards.
     *
     * @param chain what {@link #pop} of this queue returned
     * @param writtenBytes how many bytes were written without a gap from the start of the device-writable part; may
     *     be an underestimate (2.7.8.2)
     * @throws IllegalStateException if the chain is not out, or more was written than fits
     */
    default void push(DescriptorChain chain, long writtenBytes) {
        fill(chain, writtenBytes);
        show();
    }

    /**
     * As {@link #push}, but hides the buffer from the driver until {@link #show}, for buffers that the driver must see
     * together: a packet that is spread over several.
     *
     * @param chain what {@link #pop} of this queue returned
     * @param writtenBytes as for {@link #push}
     * @throws IllegalStateException if the chain is not out, or more was written than fits
     */
    void fill(DescriptorChain chain, long writtenBytes);

    /** Shows the driver all buffers of {@link #fill} at once; nothing where there are none. */
    void show();

    /**
     * Tells whether the driver wants a used buffer notification for what was pushed since the last call, and forgets
     * it. Ask once after a batch.
     */
    boolean needsNotification();

    /** Advises the driver that available buffer notifications are not needed for now. */
    void disableNotifications();

    /**
     * Asks the driver for a notification at the next available buffer.
     *
     * @return true where buffers came meanwhile, for which no notification may follow: look again
     */
    boolean enableNotifications();

    /** Returns how many buffers were popped and not pushed yet. */
    int inFlight();
}

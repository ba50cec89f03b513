// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.virtio.rng;

import dev.isthmus.virtio.queue.QueueLayout;

/**
 * Choices for an entropy device that do not come from its source.
 *
 * @param queueSizeMax largest Queue Size: a power of 2 up to 32768
 * @param packed whether drivers may choose packed queues
 */
public record VirtioRngOptions(int queueSizeMax, boolean packed) {
    /** Linux has one request at a time. */
    public static final int DEFAULT_QUEUE_SIZE = 8;

    /** The default size, split queues. */
    public static final VirtioRngOptions DEFAULT = new VirtioRngOptions(DEFAULT_QUEUE_SIZE, false);

    /** Checks the ranges; the message of a refusal is fit for users. */
    public VirtioRngOptions {
        if (queueSizeMax < 1
                || queueSizeMax > QueueLayout.QUEUE_SIZE_LIMIT
                || Integer.bitCount(queueSizeMax) != 1) {
            throw new IllegalArgumentException("an entropy device's queue size is a power of 2 up to 32768");
        }
    }
}

// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.virtio.console;

import dev.isthmus.virtio.queue.QueueLayout;

/**
 * Choices for a console device that do not belong to one port.
 *
 * @param queueSizeMax largest Queue Size: a power of 2 from 2 to 32768
 * @param packed whether drivers may choose packed queues
 */
public record VirtioConsoleOptions(int queueSizeMax, boolean packed) {
    /** As QEMU's. */
    public static final int DEFAULT_QUEUE_SIZE = 128;

    private static final int QUEUE_SIZE_MIN = 2;

    /** Checks the ranges; the message of a refusal is fit for users. */
    public VirtioConsoleOptions {
        if (queueSizeMax < QUEUE_SIZE_MIN
                || queueSizeMax > QueueLayout.QUEUE_SIZE_LIMIT
                || Integer.bitCount(queueSizeMax) != 1) {
            throw new IllegalArgumentException("a console device's queue size is a power of 2 from 2 to 32768");
        }
    }

    /** Makes the defaults. */
    public VirtioConsoleOptions() {
        this(DEFAULT_QUEUE_SIZE, false);
    }
}

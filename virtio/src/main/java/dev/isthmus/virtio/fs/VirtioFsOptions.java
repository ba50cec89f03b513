// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.virtio.fs;

import java.nio.charset.StandardCharsets;

import dev.isthmus.virtio.VirtioDevice;
import dev.isthmus.virtio.queue.QueueLayout;

/**
 * Choices for a file system device that do not come from its folder.
 *
 * @param tag what the guest mounts: 1 to 36 bytes of UTF-8, none of them zero
 * @param requestQueues number of request queues, 1 to 63
 * @param queueSizeMax largest Queue Size: a power of 2 from 8 to 32768
 * @param packed whether drivers may choose packed queues
 */
public record VirtioFsOptions(String tag, int requestQueues, int queueSizeMax, boolean packed) {
    /** Enough for requests of a MiB, page by page. */
    public static final int DEFAULT_QUEUE_SIZE = 1024;

    /** Headers and arguments of a request take some descriptors; some must be left for data. */
    private static final int QUEUE_SIZE_MIN = 8;

    /** Checks the ranges; the message of a refusal is fit for users. */
    public VirtioFsOptions {
        int tagBytes = tag.getBytes(StandardCharsets.UTF_8).length;
        if (tagBytes == 0 || tagBytes > VirtioFsProtocol.TAG_BYTES || tag.indexOf('\0') >= 0) {
            throw new IllegalArgumentException("a shared folder's tag has 1 to 36 bytes, none of them zero");
        }
        if (requestQueues < 1 || requestQueues >= VirtioDevice.QUEUE_COUNT_LIMIT) {
            throw new IllegalArgumentException("a shared folder has 1 to 63 request queues");
        }
        if (queueSizeMax < QUEUE_SIZE_MIN
                || queueSizeMax > QueueLayout.QUEUE_SIZE_LIMIT
                || Integer.bitCount(queueSizeMax) != 1) {
            throw new IllegalArgumentException("a shared folder's queue size is a power of 2 from 8 to 32768");
        }
    }

    /** Returns one request queue of the default size, with a tag. */
    public static VirtioFsOptions withTag(String tag) {
        return new VirtioFsOptions(tag, 1, DEFAULT_QUEUE_SIZE, false);
    }

    /** Returns the configuration space. */
    byte[] config() {
        byte[] config = new byte[VirtioFsProtocol.CONFIG_BYTES];
        byte[] utf8 = tag.getBytes(StandardCharsets.UTF_8);
        System.arraycopy(utf8, 0, config, 0, utf8.length);
        for (int i = 0; i < Integer.BYTES; i++) {
            config[VirtioFsProtocol.NUM_REQUEST_QUEUES + i] = (byte) (requestQueues >>> (8 * i));
        }
        return config;
    }
}

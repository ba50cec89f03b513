// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.virtio.pmem;

import dev.isthmus.virtio.queue.QueueLayout;

/**
 * Where a persistent memory device is, and its choices.
 *
 * @param startGpa where the guest sees the memory: a multiple of {@link #ALIGNMENT_BYTES}
 * @param sizeBytes how much it is: a multiple of {@link #ALIGNMENT_BYTES}, not 0
 * @param queueSizeMax largest Queue Size: a power of 2 from 2 to 32768
 * @param packed whether drivers may choose packed queues
 */
public record VirtioPmemOptions(long startGpa, long sizeBytes, int queueSizeMax, boolean packed) {
    /** Linux gives memory of devices page structures by so much at a time. */
    public static final long ALIGNMENT_BYTES = 2 << 20;

    /** As QEMU's. */
    public static final int DEFAULT_QUEUE_SIZE = 128;

    /** A request takes two descriptors. */
    private static final int QUEUE_SIZE_MIN = 2;

    /** Checks the ranges; the message of a refusal is fit for users. */
    public VirtioPmemOptions {
        if (startGpa < 0
                || sizeBytes <= 0
                || startGpa > Long.MAX_VALUE - sizeBytes
                || startGpa % ALIGNMENT_BYTES != 0
                || sizeBytes % ALIGNMENT_BYTES != 0) {
            throw new IllegalArgumentException("persistent memory begins and ends at a multiple of 2 MiB");
        }
        if (queueSizeMax < QUEUE_SIZE_MIN
                || queueSizeMax > QueueLayout.QUEUE_SIZE_LIMIT
                || Integer.bitCount(queueSizeMax) != 1) {
            throw new IllegalArgumentException("persistent memory's queue size is a power of 2 from 2 to 32768");
        }
    }

    /** Makes options for a device with a split queue of the default size. */
    public VirtioPmemOptions(long startGpa, long sizeBytes) {
        this(startGpa, sizeBytes, DEFAULT_QUEUE_SIZE, false);
    }

    /** Returns the configuration space. */
    byte[] config() {
        byte[] config = new byte[VirtioPmemProtocol.CONFIG_BYTES];
        for (int i = 0; i < Long.BYTES; i++) {
            config[i] = (byte) (startGpa >>> (8 * i));
            config[Long.BYTES + i] = (byte) (sizeBytes >>> (8 * i));
        }
        return config;
    }
}

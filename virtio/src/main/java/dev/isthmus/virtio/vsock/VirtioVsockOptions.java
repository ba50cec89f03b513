// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.virtio.vsock;

import dev.isthmus.virtio.queue.QueueLayout;

/**
 * Choices for a socket device.
 *
 * @param guestCid the guest's context ID, 3 to 0xfffffffe
 * @param queueSizeMax largest Queue Size: a power of 2 from 4 to 1024, which is as many pieces as the kernel takes at once
 * @param connectionsMax most connections at a time, 1 to 65536; further ones are refused
 * @param bufferBytes how much of the guest's data may wait for a program on the host, for a connection: a power of 2 from
 *     16 KiB to 16 MiB
 * @param buffersBytes how much may wait for all connections together; once little of it is left, new connections get less
 *     than {@code bufferBytes}, and then none. Memory is taken only for what does wait
 * @param packed whether drivers may choose packed queues
 */
public record VirtioVsockOptions(
        long guestCid, int queueSizeMax, int connectionsMax, int bufferBytes, long buffersBytes, boolean packed) {
    /** As Linux's own devices. */
    public static final int DEFAULT_QUEUE_SIZE = 256;

    /** As Firecracker. */
    public static final int DEFAULT_CONNECTIONS = 1023;

    /** As Linux's default for its own sockets. */
    public static final int DEFAULT_BUFFER_BYTES = 256 << 10;

    /** Enough for 192 connections with whole buffers, and 320 with smaller ones. */
    public static final long DEFAULT_BUFFERS_BYTES = 64L << 20;

    private static final int QUEUE_SIZE_MIN = 4;
    private static final int CONNECTIONS_LIMIT = 1 << 16;
    private static final int BUFFER_BYTES_LIMIT = 16 << 20;

    /** Checks the ranges; the message of a refusal is fit for users. */
    public VirtioVsockOptions {
        if (guestCid < VirtioVsockProtocol.GUEST_CID_MIN || guestCid > VirtioVsockProtocol.GUEST_CID_MAX) {
            throw new IllegalArgumentException("a guest's CID is from 3 to 4294967294");
        }
        if (queueSizeMax < QUEUE_SIZE_MIN
                || queueSizeMax > Math.min(VsockConnection.ELEMENTS_MAX, QueueLayout.QUEUE_SIZE_LIMIT)
                || Integer.bitCount(queueSizeMax) != 1) {
            throw new IllegalArgumentException("a socket device's queue size is a power of 2 from 4 to 1024");
        }
        if (connectionsMax < 1 || connectionsMax > CONNECTIONS_LIMIT) {
            throw new IllegalArgumentException("a socket device has 1 to 65536 connections");
        }
        if (bufferBytes < BufferPool.CHUNK_BYTES
                || bufferBytes > BUFFER_BYTES_LIMIT
                || Integer.bitCount(bufferBytes) != 1) {
            throw new IllegalArgumentException("a connection's buffer is a power of 2 from 16 KiB to 16 MiB");
        }
        if (buffersBytes < bufferBytes) {
            throw new IllegalArgumentException("all connections together have at least one connection's buffer");
        }
    }

    /** Makes options for a guest, with the defaults. */
    public VirtioVsockOptions(long guestCid) {
        this(
                guestCid,
                DEFAULT_QUEUE_SIZE,
                DEFAULT_CONNECTIONS,
                DEFAULT_BUFFER_BYTES,
                DEFAULT_BUFFERS_BYTES,
                false);
    }

    /** Returns the same options with another largest Queue Size. */
    public VirtioVsockOptions withQueueSizeMax(int newQueueSizeMax) {
        return new VirtioVsockOptions(
                guestCid, newQueueSizeMax, connectionsMax, bufferBytes, buffersBytes, packed);
    }

    /** Returns the same options with another number of connections. */
    public VirtioVsockOptions withConnectionsMax(int newConnectionsMax) {
        return new VirtioVsockOptions(
                guestCid, queueSizeMax, newConnectionsMax, bufferBytes, buffersBytes, packed);
    }

    /** Returns the same options with other buffers, for a connection and for all together. */
    public VirtioVsockOptions withBuffers(int newBufferBytes, long newBuffersBytes) {
        return new VirtioVsockOptions(
                guestCid, queueSizeMax, connectionsMax, newBufferBytes, newBuffersBytes, packed);
    }

    /** Returns the same options with or without packed queues. */
    public VirtioVsockOptions withPacked(boolean newPacked) {
        return new VirtioVsockOptions(
                guestCid, queueSizeMax, connectionsMax, bufferBytes, buffersBytes, newPacked);
    }
}

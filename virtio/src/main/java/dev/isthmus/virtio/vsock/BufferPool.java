// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.virtio.vsock;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;

/**
 * Memory for data that waits, in chunks, for all connections of a device. Room is promised when a connection opens, and
 * memory taken when it is needed; there is never more of it than was promised at a time.
 *
 * <p>Loop thread only; allocates only when more waits than ever before.
 */
final class BufferPool {
    static final int CHUNK_BYTES = 16 << 10;

    /** The part of what is left that one connection may have, unless that is less than a chunk. */
    private static final int SHARE = 64;

    private final long totalBytes;
    private long promisedBytes;
    private MemorySegment[] free = new MemorySegment[0];
    private int freeCount;
    private int chunkCount;

    BufferPool(long totalBytes) {
        this.totalBytes = totalBytes;
    }

    /**
     * Promises room to a connection.
     *
     * @param wantedBytes a power of 2, a chunk or more
     * @return how much, a power of 2, which is less than wanted where little is left; 0 where nothing is
     */
    int promise(int wantedBytes) {
        long leftBytes = totalBytes - promisedBytes;
        int bytes = wantedBytes;
        while (bytes > CHUNK_BYTES && bytes > Math.max(leftBytes / SHARE, wantedBytesAlone(wantedBytes))) {
            bytes /= 2;
        }
        if (bytes > leftBytes) {
            return 0;
        }
        promisedBytes += bytes;
        return bytes;
    }

    /** A pool that is no larger than a few connections' buffers gives the first one all the same. */
    private long wantedBytesAlone(int wantedBytes) {
        return promisedBytes == 0 ? wantedBytes : 0;
    }

    /** Takes back what {@link #promise} gave; its memory was given back. */
    void takeBack(int bytes) {
        promisedBytes -= bytes;
    }

    /** Takes a chunk within what was promised. */
    MemorySegment take() {
        if (freeCount > 0) {
            return free[--freeCount];
        }
        chunkCount++;
        if (chunkCount > free.length) {
            // Room for all chunks, so that giving back never allocates. They are all out: nothing is to be copied.
            free = new MemorySegment[Math.max(16, 2 * chunkCount)];
        }
        return Arena.ofAuto().allocate(CHUNK_BYTES);
    }

    /** Gives a chunk back. */
    void give(MemorySegment chunk) {
        free[freeCount++] = chunk;
    }

    /** Returns how many bytes are promised. */
    long promisedBytes() {
        return promisedBytes;
    }

    /** Returns how many bytes of memory are out. */
    long takenBytes() {
        return (long) (chunkCount - freeCount) * CHUNK_BYTES;
    }
}

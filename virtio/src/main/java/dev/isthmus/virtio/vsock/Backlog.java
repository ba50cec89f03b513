// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.virtio.vsock;

import java.lang.foreign.MemorySegment;

import org.jspecify.annotations.Nullable;

import dev.isthmus.memory.ScatterList;
import dev.isthmus.memory.ScatterView;

/**
 * What a guest has sent and its program on the host does not take yet: a ring of chunks, which are there only where there
 * are bytes.
 *
 * <pre>
 *  chunk    0         1         2         3
 *      ├─────────┼─────────┼─────────┼─────────┤
 *           tail ┘         └ none    └ head      head and tail count on; their place is modulo the capacity
 * </pre>
 *
 * <p>Loop thread only.
 */
final class Backlog {
    private final BufferPool pool;
    private final @Nullable MemorySegment[] chunks;
    private long head;
    private long tail;

    /**
     * Makes an empty one.
     *
     * @param capacityBytes a multiple of a chunk
     */
    Backlog(BufferPool pool, int capacityBytes) {
        this.pool = pool;
        this.chunks = new MemorySegment[capacityBytes / BufferPool.CHUNK_BYTES];
    }

    int bytes() {
        return (int) (tail - head);
    }

    boolean isEmpty() {
        return tail == head;
    }

    /** Returns how many bytes fit. */
    int room() {
        return chunks.length * BufferPool.CHUNK_BYTES - bytes();
    }

    /** Adds a part of other memory, which fits. */
    void append(ScatterView source, int skipBytes, int lengthBytes) {
        long skip = skipBytes;
        int left = lengthBytes;
        for (int i = 0; left > 0; i++) {
            long elementBytes = source.lengthBytes(i);
            if (skip >= elementBytes) {
                skip -= elementBytes;
                continue;
            }
            int part = (int) Math.min(left, elementBytes - skip);
            append(source.segment(i), source.offset(i) + skip, part);
            left -= part;
            skip = 0;
        }
    }

    private void append(MemorySegment source, long offset, int lengthBytes) {
        int done = 0;
        while (done < lengthBytes) {
            int slot = slot(tail);
            MemorySegment chunk = chunks[slot];
            if (chunk == null) {
                chunk = pool.take();
                chunks[slot] = chunk;
            }
            int inChunk = inChunk(tail);
            int part = Math.min(lengthBytes - done, BufferPool.CHUNK_BYTES - inChunk);
            MemorySegment.copy(source, offset + done, chunk, inChunk, part);
            tail += part;
            done += part;
        }
    }

    /** Lists all that waits, in order. */
    void listTo(ScatterList target) {
        target.clear();
        long position = head;
        while (position < tail) {
            MemorySegment chunk = chunks[slot(position)];
            int inChunk = inChunk(position);
            long part = Math.min(tail - position, BufferPool.CHUNK_BYTES - inChunk);
            if (chunk == null) {
                throw new IllegalStateException("bytes without a chunk");
            }
            target.add(chunk, inChunk, part);
            position += part;
        }
    }

    /** Removes bytes from the front. */
    void remove(int lengthBytes) {
        long newHead = head + lengthBytes;
        while (head < newHead) {
            int part = (int) Math.min(newHead - head, BufferPool.CHUNK_BYTES - inChunk(head));
            int slot = slot(head);
            head += part;
            // The tail may have come round to the same chunk.
            boolean wrapped = tail - head > (long) (chunks.length - 1) * BufferPool.CHUNK_BYTES;
            if (inChunk(head) == 0 && !wrapped) {
                giveBack(slot);
            }
        }
        if (head == tail) {
            giveBack(slot(head));
            head = 0;
            tail = 0;
        }
    }

    /** Removes all. */
    void clear() {
        remove(bytes());
    }

    private void giveBack(int slot) {
        MemorySegment chunk = chunks[slot];
        if (chunk != null) {
            chunks[slot] = null;
            pool.give(chunk);
        }
    }

    private int slot(long position) {
        return (int) (position / BufferPool.CHUNK_BYTES % chunks.length);
    }

    private static int inChunk(long position) {
        return (int) (position % BufferPool.CHUNK_BYTES);
    }
}

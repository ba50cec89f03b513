// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.machine.block;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.ArrayDeque;

/**
 * Buffers that direct I/O takes a detour through where memory or range do not fit: a few, aligned to pages, made when
 * first needed. Who finds none left waits for one.
 *
 * <p>Role DISK_WORKER, several at once.
 */
final class BouncePool implements AutoCloseable {
    /** Enough that a request of a usual size goes in one piece. */
    static final int BUFFER_BYTES = 1 << 18;

    private static final int BUFFERS = 4;
    private static final int PAGE_BYTES = 4096;

    private final Arena arena = Arena.ofShared();

    // Guarded by this.
    private final ArrayDeque<MemorySegment> free = new ArrayDeque<>(BUFFERS);
    private int made;

    /** Takes a buffer of {@link #BUFFER_BYTES}; waits where all are in use. */
    synchronized MemorySegment take() {
        boolean interrupted = false;
        while (free.isEmpty() && made == BUFFERS) {
            try {
                wait();
            } catch (InterruptedException e) {
                // A buffer comes back all the same.
                interrupted = true;
            }
        }
        if (interrupted) {
            Thread.currentThread().interrupt();
        }
        if (free.isEmpty()) {
            MemorySegment buffer = arena.allocate(BUFFER_BYTES, PAGE_BYTES);
            // Only one that there is counts: who waits for it gets it.
            made++;
            return buffer;
        }
        return free.pop();
    }

    synchronized void giveBack(MemorySegment buffer) {
        free.push(buffer);
        notify();
    }

    /** Frees the buffers, which are all back. */
    @Override
    public void close() {
        arena.close();
    }
}

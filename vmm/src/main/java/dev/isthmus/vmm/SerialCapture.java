// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.vmm;

import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.ReentrantLock;

import org.jspecify.annotations.Nullable;

/**
 * What the guest has sent over its serial line: written by the VM's event loop, read and awaited by any thread.
 *
 * <p>Positions count bytes since the VM started. The last 2 to 4 MiB are kept; a reader that
 * falls farther behind finds a later start. A lock of its own, held for copying and searching only.
 */
final class SerialCapture {
    /** The most that is kept; half of it stays at least. */
    static final int KEPT_BYTES = 4 << 20;

    private static final int INITIAL_BYTES = 1 << 12;

    private final ReentrantLock lock = new ReentrantLock();
    private final Condition changed = lock.newCondition();

    // All guarded by lock.
    private byte[] bytes = new byte[INITIAL_BYTES];
    private int length;

    /** Position of bytes[0]. */
    private long start;

    /** Where the next {@link #await} begins to search. */
    private long cursor;

    private boolean ended;

    /** Takes all that remains in a buffer. */
    void append(ByteBuffer output) {
        lock.lock();
        try {
            int count = output.remaining();
            makeRoom(count);
            output.get(bytes, length, count);
            length += count;
            changed.signalAll();
        } finally {
            lock.unlock();
        }
    }

    /** There will be no more output: who waits for it need not. */
    void end() {
        lock.lock();
        try {
            ended = true;
            changed.signalAll();
        } finally {
            lock.unlock();
        }
    }

    /** Tells whether {@link #end} was called. */
    boolean hasEnded() {
        lock.lock();
        try {
            return ended;
        } finally {
            lock.unlock();
        }
    }

    /** Returns how many bytes there were so far. */
    long endPosition() {
        lock.lock();
        try {
            return start + length;
        } finally {
            lock.unlock();
        }
    }

    /** Returns what is kept, as UTF-8. */
    String text() {
        lock.lock();
        try {
            return new String(bytes, 0, length, StandardCharsets.UTF_8);
        } finally {
            lock.unlock();
        }
    }

    /** Returns what is kept. */
    byte[] toByteArray() {
        lock.lock();
        try {
            return Arrays.copyOf(bytes, length);
        } finally {
            lock.unlock();
        }
    }

    /**
     * Waits for bytes behind those that the last call found.
     *
     * @return everything from there up to and with the bytes sought, or null after the time or the output has ended
     */
    byte @Nullable [] await(byte[] sought, long timeoutNanos) throws InterruptedException {
        lock.lockInterruptibly();
        try {
            long remainingNanos = timeoutNanos;
            long searchFrom = cursor;
            while (true) {
                searchFrom = Math.max(searchFrom, start);
                long found = indexOf(sought, searchFrom);
                if (found >= 0) {
                    long from = Math.max(cursor, start);
                    cursor = found + sought.length;
                    return Arrays.copyOfRange(bytes, (int) (from - start), (int) (cursor - start));
                }
                // All that is here was searched but a beginning of the bytes sought at its end.
                searchFrom = Math.max(searchFrom, start + length - sought.length + 1);
                if (ended || remainingNanos <= 0) {
                    return null;
                }
                remainingNanos = changed.awaitNanos(remainingNanos);
            }
        } finally {
            lock.unlock();
        }
    }

    /**
     * Waits for bytes at a position and copies them.
     *
     * @param position the first byte wanted
     * @return those that are there, at least one, or null when the output has ended before
     */
    @Nullable Chunk awaitFrom(long position, int limitBytes) throws InterruptedException {
        lock.lockInterruptibly();
        try {
            while (position >= start + length) {
                if (ended) {
                    return null;
                }
                changed.await();
            }
            long from = Math.max(position, start);
            int offset = (int) (from - start);
            int count = Math.min(limitBytes, length - offset);
            return new Chunk(from, Arrays.copyOfRange(bytes, offset, offset + count));
        } finally {
            lock.unlock();
        }
    }

    /** Some output and its position. */
    record Chunk(long position, byte[] bytes) {
        long end() {
            return position + bytes.length;
        }
    }

    private void makeRoom(int count) {
        if (count <= bytes.length - length) {
            return;
        }
        if (length + count > KEPT_BYTES) {
            // Forget all but the last half: a move every so often instead of one for every byte.
            int forgotten = Math.max(0, length - KEPT_BYTES / 2);
            System.arraycopy(bytes, forgotten, bytes, 0, length - forgotten);
            length -= forgotten;
            start += forgotten;
        }
        if (count > bytes.length - length) {
            bytes = Arrays.copyOf(bytes, Math.max(Math.min(bytes.length * 2, KEPT_BYTES), length + count));
        }
    }

    private long indexOf(byte[] sought, long from) {
        int last = length - sought.length;
        for (int i = (int) (from - start); i <= last; i++) {
            if (Arrays.equals(bytes, i, i + sought.length, sought, 0, sought.length)) {
                return start + i;
            }
        }
        return -1;
    }
}

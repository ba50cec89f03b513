// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.kvm.linux;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Arrays;
import java.util.Objects;

import org.jspecify.annotations.Nullable;

import dev.isthmus.kvm.generated.Linux;

/**
 * Pieces of native memory for one {@link HostFile#preadv} or {@link HostFile#pwritev}, or a call of
 * {@link VectorIo} ({@code struct iovec[]}), to be filled and used again.
 *
 * <p>One thread at a time. Allocates nothing after its construction.
 */
public final class IoVectors {
    /** The most pieces that the kernel takes (UIO_MAXIOV). */
    public static final int MAX_CAPACITY = 1024;

    private final ByteBuffer vectors;
    private final long address;

    /** Keeps the pieces from being freed. */
    private final @Nullable MemorySegment[] pieces;

    private int first;
    private int end;
    private long remainingBytes;

    /**
     * No pieces yet.
     *
     * @param capacity how many there can be, 1 to {@link #MAX_CAPACITY}
     */
    public IoVectors(int capacity) {
        if (capacity < 1 || capacity > MAX_CAPACITY) {
            throw new IllegalArgumentException("capacity " + capacity + " is not in 1 to " + MAX_CAPACITY);
        }
        MemorySegment memory =
                Arena.ofAuto().allocate((long) capacity * Linux.SIZEOF_iovec(), Long.BYTES);
        vectors = memory.asByteBuffer().order(ByteOrder.nativeOrder());
        address = memory.address();
        pieces = new MemorySegment[capacity];
    }

    /** Forgets all pieces. */
    public void clear() {
        Arrays.fill(pieces, 0, end, null);
        first = 0;
        end = 0;
        remainingBytes = 0;
    }

    /**
     * Adds a piece after the others.
     *
     * @throws IndexOutOfBoundsException if there is no room for it
     */
    public void add(MemorySegment piece) {
        long pieceAddress = NativeMemory.addressOf(piece);
        pieces[end] = piece;
        set(end, pieceAddress, piece.byteSize());
        end++;
        remainingBytes = Math.addExact(remainingBytes, piece.byteSize());
    }

    /**
     * Adds a part of a piece of memory after the others, as {@link #add(MemorySegment)} does with all of it.
     *
     * @param offset first byte within the memory
     * @param lengthBytes how much
     */
    public void add(MemorySegment memory, long offset, long lengthBytes) {
        Objects.checkFromIndexSize(offset, lengthBytes, memory.byteSize());
        long address = NativeMemory.addressOf(memory) + offset;
        pieces[end] = memory;
        set(end, address, lengthBytes);
        end++;
        remainingBytes = Math.addExact(remainingBytes, lengthBytes);
    }

    /** How many bytes are left to transfer. */
    public long remainingBytes() {
        return remainingBytes;
    }

    /** How many pieces are left. */
    public int count() {
        return end - first;
    }

    /** Where a piece is described, which {@link #add} added as number {@code index} since {@link #clear}. */
    public long address(int index) {
        return address + (long) index * Linux.SIZEOF_iovec();
    }

    /** Where the first piece left is described. */
    long address() {
        return address + (long) first * Linux.SIZEOF_iovec();
    }

    /** Leaves out what has been transferred, at most {@link #remainingBytes}. */
    void advance(long lengthBytes) {
        remainingBytes -= lengthBytes;
        long left = lengthBytes;
        while (first < end) {
            int offset = first * Linux.SIZEOF_iovec();
            long pieceBytes = vectors.getLong(offset + Linux.OFFSETOF_iovec_iov_len());
            if (left < pieceBytes) {
                long pieceAddress = vectors.getLong(offset + Linux.OFFSETOF_iovec_iov_base());
                set(first, pieceAddress + left, pieceBytes - left);
                return;
            }
            left -= pieceBytes;
            first++;
        }
    }

    private void set(int index, long pieceAddress, long lengthBytes) {
        int offset = index * Linux.SIZEOF_iovec();
        vectors.putLong(offset + Linux.OFFSETOF_iovec_iov_base(), pieceAddress);
        vectors.putLong(offset + Linux.OFFSETOF_iovec_iov_len(), lengthBytes);
    }
}

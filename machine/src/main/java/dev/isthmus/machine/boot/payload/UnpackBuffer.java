// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.machine.boot.payload;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteBuffer;

/**
 * Takes unpacked data, outside of the Java heap. Grows with what arrives rather than trusting the size announced, so
 * that a small file that claims to be huge costs little. One thread at a time.
 */
@SuppressWarnings("MustBeClosedChecker") // The arena is this object's own, closed with it.
public final class UnpackBuffer implements AutoCloseable {
    /** Kernels shrink to a fifth or so: with this much there is no growing for an honest one. */
    private static final int START_FACTOR = 12;

    private static final int START_MIN_BYTES = 64 << 10;

    private final long limitBytes;
    private Arena arena;
    private MemorySegment segment;
    private long lengthBytes;

    /**
     * Makes an empty buffer.
     *
     * @param payloadBytes size of the compressed data
     * @param limitBytes how much it may unpack to, below 2 GiB
     */
    public UnpackBuffer(long payloadBytes, long limitBytes) {
        this.limitBytes = limitBytes;
        arena = Arena.ofShared();
        segment = arena.allocate(Math.min(limitBytes, Math.max(START_MIN_BYTES, payloadBytes * START_FACTOR)));
    }

    /** Returns how much the data may unpack to. */
    public long limitBytes() {
        return limitBytes;
    }

    /** Returns how much has been unpacked. */
    public long lengthBytes() {
        return lengthBytes;
    }

    /** Returns what has been unpacked, valid until this is closed. */
    public MemorySegment content() {
        return segment.asSlice(0, lengthBytes);
    }

    /** Appends bytes. */
    void put(byte[] source, int offset, int count) throws MalformedPayloadException {
        if (count > limitBytes - lengthBytes) {
            throw tooLong();
        }
        while (count > segment.byteSize() - lengthBytes) {
            grow();
        }
        MemorySegment.copy(source, offset, segment, ValueLayout.JAVA_BYTE, lengthBytes, count);
        lengthBytes += count;
    }

    /** Returns free room to be filled, at least one byte of it, before {@link #filled} says how much was. */
    ByteBuffer room() throws MalformedPayloadException {
        if (lengthBytes == limitBytes) {
            throw tooLong();
        }
        if (lengthBytes == segment.byteSize()) {
            grow();
        }
        return segment.asSlice(lengthBytes).asByteBuffer();
    }

    /** Appends what was filled into {@link #room}. */
    void filled(int count) {
        lengthBytes += count;
    }

    /** Returns what to throw where there is more to append than the limit allows. */
    MalformedPayloadException tooLong() {
        return new MalformedPayloadException("data unpacks to more than " + limitBytes + " bytes");
    }

    private void grow() {
        Arena largerArena = Arena.ofShared();
        MemorySegment larger = largerArena.allocate(Math.min(limitBytes, 2 * segment.byteSize()));
        MemorySegment.copy(segment, 0, larger, 0, lengthBytes);
        arena.close();
        arena = largerArena;
        segment = larger;
    }

    /** Frees the memory. Idempotent. */
    @Override
    public void close() {
        if (arena.scope().isAlive()) {
            arena.close();
        }
    }
}

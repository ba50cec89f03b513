// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.virtio.queue;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;

import dev.isthmus.memory.ScatterList;

/**
 * Reads the device-readable bytes of a chain in order, wherever the driver split them (2.7.4.1).
 *
 * <p>Reusable; allocates nothing. Each byte is read once from guest memory. The caller asks {@link #remainingBytes}
 * first: reading past the end is its bug and throws {@link IndexOutOfBoundsException}. Owned by one thread.
 */
public final class ChainReader extends ChainCursor {
    private static final ValueLayout.OfInt U32 = ValueLayout.JAVA_INT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
    private static final ValueLayout.OfLong U64 =
            ValueLayout.JAVA_LONG_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);

    /** Makes a reader at the end of nothing. */
    public ChainReader() {}

    /** Starts at the first device-readable byte of a chain. */
    public void reset(DescriptorChain chain) {
        start(chain.readable());
    }

    /** Returns how many bytes were read or skipped. */
    public long positionBytes() {
        return passedBytes();
    }

    /** Reads an unsigned byte, 0 to 255. */
    public int readU8() {
        return Byte.toUnsignedInt(nextByte());
    }

    /** Reads a little-endian 16-bit value, zero-extended. */
    public int readU16() {
        return (int) assemble(2);
    }

    /** Reads a little-endian 32-bit value, zero-extended. */
    public long readU32() {
        if (contiguousBytes() < 4) {
            return assemble(4);
        }
        long value = Integer.toUnsignedLong(segment().get(U32, offset()));
        advance(4);
        return value;
    }

    /** Reads a little-endian 64-bit value. */
    public long readU64() {
        if (contiguousBytes() < 8) {
            return assemble(8);
        }
        long value = segment().get(U64, offset());
        advance(8);
        return value;
    }

    /** Reads bytes into an array. */
    public void read(byte[] target, int targetOffset, int lengthBytes) {
        require(lengthBytes);
        int done = 0;
        while (done < lengthBytes) {
            int part = (int) Math.min(lengthBytes - done, contiguousBytes());
            MemorySegment.copy(segment(), ValueLayout.JAVA_BYTE, offset(), target, targetOffset + done, part);
            advance(part);
            done += part;
        }
    }

    /** Passes over bytes. */
    public void skip(long lengthBytes) {
        require(lengthBytes);
        long left = lengthBytes;
        while (left > 0) {
            long part = Math.min(left, contiguousBytes());
            advance(part);
            left -= part;
        }
    }

    /** Appends the bytes that are left to a list, without reading them, and passes over them. */
    public void drainTo(ScatterList target) {
        target.addSlice(list(), passedBytes(), remainingBytes());
        skip(remainingBytes());
    }

    private long assemble(int bytes) {
        require(bytes);
        long value = 0;
        for (int i = 0; i < bytes; i++) {
            value |= (long) Byte.toUnsignedInt(nextByte()) << (8 * i);
        }
        return value;
    }

    private byte nextByte() {
        require(1);
        byte value = segment().get(ValueLayout.JAVA_BYTE, offset());
        advance(1);
        return value;
    }
}

// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.virtio.queue;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/**
 * Writes the device-writable bytes of a chain in order, wherever the driver split them (2.7.4.1).
 *
 * <p>Reusable; allocates nothing. The caller asks {@link #remainingBytes} first: writing past the end is its bug and
 * throws {@link IndexOutOfBoundsException}. Owned by one thread.
 */
public final class ChainWriter extends ChainCursor {
    /** Makes a writer at the end of nothing. */
    public ChainWriter() {}

    /** Starts at the first device-writable byte of a chain. */
    public void reset(DescriptorChain chain) {
        start(chain.writable());
    }

    /** Returns how many bytes were written: the used length for {@link Virtqueue#push}. */
    public long writtenBytes() {
        return passedBytes();
    }

    /** Writes the low 8 bits of a value. */
    public void writeU8(int value) {
        nextByte((byte) value);
    }

    /** Writes the low 16 bits of a value, little-endian. */
    public void writeU16(int value) {
        spread(value, 2);
    }

    /** Writes the low 32 bits of a value, little-endian. */
    public void writeU32(long value) {
        spread(value, 4);
    }

    /** Writes 64 bits, little-endian. */
    public void writeU64(long value) {
        spread(value, 8);
    }

    /** Writes bytes of an array. */
    public void write(byte[] source, int sourceOffset, int lengthBytes) {
        require(lengthBytes);
        int done = 0;
        while (done < lengthBytes) {
            int part = (int) Math.min(lengthBytes - done, contiguousBytes());
            MemorySegment.copy(source, sourceOffset + done, segment(), ValueLayout.JAVA_BYTE, offset(), part);
            advance(part);
            done += part;
        }
    }

    private void spread(long value, int bytes) {
        require(bytes);
        for (int i = 0; i < bytes; i++) {
            nextByte((byte) (value >>> (8 * i)));
        }
    }

    private void nextByte(byte value) {
        require(1);
        segment().set(ValueLayout.JAVA_BYTE, offset(), value);
        advance(1);
    }
}

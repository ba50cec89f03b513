// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.virtio.queue;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Objects;

import dev.isthmus.memory.ScatterList;
import dev.isthmus.memory.ScatterView;

/**
 * Writes the device-writable bytes of a chain in order, wherever the driver split them (2.7.4.1).
 *
 * <p>Reusable; allocates nothing. The caller asks {@link #remainingBytes} first: writing past the end is its bug and
 * throws {@link IndexOutOfBoundsException}. Owned by one thread.
 */
public final class ChainWriter {
    private ScatterView list = new ScatterList();
    private int element;
    private long elementPosition;
    private long remainingBytes;

    /** Makes a writer at the end of nothing. */
    public ChainWriter() {}

    /** Starts at the first device-writable byte of a chain. */
    public void reset(DescriptorChain chain) {
        list = chain.writable();
        element = 0;
        elementPosition = 0;
        remainingBytes = list.totalBytes();
    }

    /** Returns how many bytes still fit. */
    public long remainingBytes() {
        return remainingBytes;
    }

    /** Returns how many bytes were written: the used length for {@link Virtqueue#push}. */
    public long writtenBytes() {
        return list.totalBytes() - remainingBytes;
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
        Objects.checkFromIndexSize(0, lengthBytes, remainingBytes);
        int done = 0;
        while (done < lengthBytes) {
            int part = (int) Math.min(lengthBytes - done, list.lengthBytes(element) - elementPosition);
            MemorySegment.copy(
                    source, sourceOffset + done, list.segment(element), ValueLayout.JAVA_BYTE, here(), part);
            advance(part);
            done += part;
        }
    }

    private void spread(long value, int bytes) {
        Objects.checkFromIndexSize(0, bytes, remainingBytes);
        for (int i = 0; i < bytes; i++) {
            nextByte((byte) (value >>> (8 * i)));
        }
    }

    private void nextByte(byte value) {
        Objects.checkIndex(0L, remainingBytes);
        list.segment(element).set(ValueLayout.JAVA_BYTE, here(), value);
        advance(1);
    }

    private long here() {
        return list.offset(element) + elementPosition;
    }

    private void advance(long bytes) {
        elementPosition += bytes;
        remainingBytes -= bytes;
        if (elementPosition == list.lengthBytes(element)) {
            element++;
            elementPosition = 0;
        }
    }
}

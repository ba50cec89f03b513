// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.virtio.queue;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;
import java.util.Objects;

import dev.isthmus.memory.ScatterList;
import dev.isthmus.memory.ScatterView;

/**
 * Reads the device-readable bytes of a chain in order, wherever the driver split them (2.7.4.1: the device must not
 * make assumptions about the arrangement of descriptors).
 *
 * <p>Reusable; allocates nothing. Each byte is read once from guest memory. The caller asks {@link #remainingBytes}
 * first: reading past the end is its bug and throws {@link IndexOutOfBoundsException}. Owned by one thread.
 */
public final class ChainReader {
    private static final ValueLayout.OfInt U32 = ValueLayout.JAVA_INT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
    private static final ValueLayout.OfLong U64 =
            ValueLayout.JAVA_LONG_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);

    private ScatterView list = new ScatterList();
    private int element;
    private long elementPosition;
    private long remainingBytes;

    /** Makes a reader at the end of nothing. */
    public ChainReader() {}

    /** Starts at the first device-readable byte of a chain. */
    public void reset(DescriptorChain chain) {
        list = chain.readable();
        element = 0;
        elementPosition = 0;
        remainingBytes = list.totalBytes();
    }

    /** Returns how many bytes are left. */
    public long remainingBytes() {
        return remainingBytes;
    }

    /** Returns how many bytes were read or skipped. */
    public long positionBytes() {
        return list.totalBytes() - remainingBytes;
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
        long value = Integer.toUnsignedLong(list.segment(element).get(U32, here()));
        advance(4);
        return value;
    }

    /** Reads a little-endian 64-bit value. */
    public long readU64() {
        if (contiguousBytes() < 8) {
            return assemble(8);
        }
        long value = list.segment(element).get(U64, here());
        advance(8);
        return value;
    }

    /** Reads bytes into an array. */
    public void read(byte[] target, int targetOffset, int lengthBytes) {
        Objects.checkFromIndexSize(0, lengthBytes, remainingBytes);
        int done = 0;
        while (done < lengthBytes) {
            int part = (int) Math.min(lengthBytes - done, contiguousBytes());
            MemorySegment.copy(
                    list.segment(element), ValueLayout.JAVA_BYTE, here(), target, targetOffset + done, part);
            advance(part);
            done += part;
        }
    }

    /** Passes over bytes. */
    public void skip(long lengthBytes) {
        Objects.checkFromIndexSize(0L, lengthBytes, remainingBytes);
        long left = lengthBytes;
        while (left > 0) {
            long part = Math.min(left, contiguousBytes());
            advance(part);
            left -= part;
        }
    }

    /** Appends the bytes that are left to a list, without reading them, and passes over them. */
    public void drainTo(ScatterList target) {
        target.addSlice(list, positionBytes(), remainingBytes);
        skip(remainingBytes);
    }

    private long assemble(int bytes) {
        Objects.checkFromIndexSize(0, bytes, remainingBytes);
        long value = 0;
        for (int i = 0; i < bytes; i++) {
            value |= (long) Byte.toUnsignedInt(nextByte()) << (8 * i);
        }
        return value;
    }

    private byte nextByte() {
        Objects.checkIndex(0L, remainingBytes);
        byte value = list.segment(element).get(ValueLayout.JAVA_BYTE, here());
        advance(1);
        return value;
    }

    private long contiguousBytes() {
        return remainingBytes == 0 ? 0 : list.lengthBytes(element) - elementPosition;
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

// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.machine.acpi;

import java.util.Arrays;

/** A growing array of little-endian values. Not thread-safe. */
final class ByteSink {
    private byte[] bytes;
    private int length;

    ByteSink(int initialCapacityBytes) {
        bytes = new byte[initialCapacityBytes];
    }

    int length() {
        return length;
    }

    ByteSink u8(int value) {
        ensureRoom(1);
        bytes[length++] = (byte) value;
        return this;
    }

    ByteSink u16(int value) {
        return u8(value).u8(value >>> 8);
    }

    ByteSink u32(long value) {
        return u16((int) value).u16((int) (value >>> 16));
    }

    ByteSink u64(long value) {
        return u32(value).u32(value >>> 32);
    }

    /** Appends a string's characters, which must be ASCII, without an end mark. */
    ByteSink ascii(String text) {
        for (int i = 0; i < text.length(); i++) {
            char c = text.charAt(i);
            if (c == 0 || c > 0x7f) {
                throw new IllegalArgumentException("Not ASCII");
            }
            u8(c);
        }
        return this;
    }

    ByteSink zeros(int count) {
        ensureRoom(count);
        length += count;
        return this;
    }

    ByteSink append(byte[] source) {
        ensureRoom(source.length);
        System.arraycopy(source, 0, bytes, length, source.length);
        length += source.length;
        return this;
    }

    /** Overwrites one byte that was written before. */
    void set8(int offset, int value) {
        bytes[offset] = (byte) value;
    }

    /** Overwrites four bytes that were written before. */
    void set32(int offset, int value) {
        set8(offset, value);
        set8(offset + 1, value >>> 8);
        set8(offset + 2, value >>> 16);
        set8(offset + 3, value >>> 24);
    }

    /** Makes room for bytes in the middle, moving up what follows. Their content is unspecified. */
    void insert(int offset, int count) {
        ensureRoom(count);
        System.arraycopy(bytes, offset, bytes, offset + count, length - offset);
        length += count;
    }

    /** Returns the sum of a range's bytes modulo 256. */
    int sum(int offset, int count) {
        int sum = 0;
        for (int i = offset; i < offset + count; i++) {
            sum += bytes[i];
        }
        return sum & 0xff;
    }

    byte[] toByteArray() {
        return Arrays.copyOf(bytes, length);
    }

    private void ensureRoom(int count) {
        if (bytes.length - length < count) {
            bytes = Arrays.copyOf(bytes, Math.max(bytes.length * 2, length + count));
        }
    }
}

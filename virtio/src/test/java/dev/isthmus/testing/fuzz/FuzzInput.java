// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.testing.fuzz;

import java.util.Arrays;
import java.util.List;

/** A fuzzer's input as a stream of little-endian numbers, which goes on with zeroes behind its end. Not thread-safe. */
public final class FuzzInput {
    private final byte[] bytes;
    private int position;

    /** Starts at the first byte. */
    public FuzzInput(byte[] bytes) {
        this.bytes = bytes;
    }

    /** Tells whether there is anything left. */
    public boolean hasMore() {
        return position < bytes.length;
    }

    /** Takes 8 bits, zero-extended. */
    public int u8() {
        return position < bytes.length ? Byte.toUnsignedInt(bytes[position++]) : 0;
    }

    /** Takes 16 bits, zero-extended. */
    public int u16() {
        return u8() | u8() << 8;
    }

    /** Takes 32 bits, zero-extended. */
    public long u32() {
        return u16() | (long) u16() << 16;
    }

    /** Takes 64 bits. */
    public long u64() {
        return u32() | u32() << 32;
    }

    /** Takes a bit, of a byte. */
    public boolean bit() {
        return (u8() & 1) != 0;
    }

    /** Takes a number below a bound, which is at most 65536. */
    public int below(int bound) {
        return (bound <= 256 ? u8() : u16()) % bound;
    }

    /** Takes one of some values. */
    public <T> T one(List<T> values) {
        return values.get(below(values.size()));
    }

    /** Takes so many bytes, or as many as are left. */
    public byte[] bytes(int count) {
        int end = Math.min(bytes.length, position + count);
        byte[] taken = Arrays.copyOfRange(bytes, position, end);
        position = end;
        return taken;
    }

    /** Takes all that is left. */
    public byte[] rest() {
        return bytes(bytes.length - position);
    }
}

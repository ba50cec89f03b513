// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.machine.boot.payload;

/** Little-endian values in byte arrays. */
final class Bytes {
    private Bytes() {}

    static int u16(byte[] bytes, int offset) {
        return (bytes[offset] & 0xff) | (bytes[offset + 1] & 0xff) << 8;
    }

    static long u32(byte[] bytes, int offset) {
        return (u16(bytes, offset) | (long) u16(bytes, offset + 2) << 16) & 0xffff_ffffL;
    }

    static long u64(byte[] bytes, int offset) {
        return u32(bytes, offset) | u32(bytes, offset + 4) << 32;
    }
}

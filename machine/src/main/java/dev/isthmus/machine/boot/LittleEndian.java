// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.machine.boot;

/**
 * Little-endian fields of byte arrays. Plain shifts: boot structures are built in arrays and copied to the guest in
 * one go, as each access through a memory layout would link method handles before the guest's first instruction.
 */
final class LittleEndian {
    private LittleEndian() {}

    static int u16(byte[] bytes, int offset) {
        return (bytes[offset] & 0xff) | (bytes[offset + 1] & 0xff) << 8;
    }

    static long u32(byte[] bytes, int offset) {
        return (u16(bytes, offset) | (long) u16(bytes, offset + 2) << 16) & 0xffff_ffffL;
    }

    static long u64(byte[] bytes, int offset) {
        return u32(bytes, offset) | u32(bytes, offset + 4) << 32;
    }

    static void put16(byte[] bytes, int offset, int value) {
        bytes[offset] = (byte) value;
        bytes[offset + 1] = (byte) (value >>> 8);
    }

    static void put32(byte[] bytes, int offset, long value) {
        put16(bytes, offset, (int) value);
        put16(bytes, offset + 2, (int) (value >>> 16));
    }

    static void put64(byte[] bytes, int offset, long value) {
        put32(bytes, offset, value);
        put32(bytes, offset + 4, value >>> 32);
    }
}

// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.machine.pci;

/** Numbers in bytes, the least significant first, as everything on PCI is. */
final class LittleEndian {
    private LittleEndian() {}

    /** Returns a number of 1 to 8 bytes, zero-extended. */
    static long get(byte[] bytes, int offset, int sizeBytes) {
        long value = 0;
        for (int i = 0; i < sizeBytes; i++) {
            value |= (long) Byte.toUnsignedInt(bytes[offset + i]) << (Byte.SIZE * i);
        }
        return value;
    }

    /** Sets a number of 1 to 8 bytes. */
    static void put(byte[] bytes, int offset, int sizeBytes, long value) {
        for (int i = 0; i < sizeBytes; i++) {
            bytes[offset + i] = (byte) (value >>> (Byte.SIZE * i));
        }
    }
}

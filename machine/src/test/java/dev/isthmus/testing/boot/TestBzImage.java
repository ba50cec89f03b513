// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.testing.boot;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Arrays;

/**
 * Makes bzImages around a payload, with the setup header of a Linux 6.1 kernel (boot protocol 2.15) and nothing to
 * run in their real-mode and protected-mode code.
 */
public final class TestBzImage {
    /** {@code setup_sects} unless changed. */
    public static final int SETUP_SECTORS = 4;

    /** {@code payload_offset} unless changed. */
    public static final int PAYLOAD_OFFSET = 64;

    private static final int SECTOR_BYTES = 512;

    private final ByteBuffer head;

    /** Starts an image for a kernel that needs memory up to {@code prefGpa + initBytes}. */
    public TestBzImage(long prefGpa, long initBytes) {
        head = ByteBuffer.allocate((SETUP_SECTORS + 1) * SECTOR_BYTES + PAYLOAD_OFFSET)
                .order(ByteOrder.LITTLE_ENDIAN);
        put8(0x1f1, SETUP_SECTORS);
        put16(0x1fe, 0xaa55);
        put16(0x200, 0x6aeb);
        put32(0x202, 0x5372_6448);
        put16(0x206, 0x020f);
        put8(0x211, 1);
        put32(0x214, 0x10_0000);
        put32(0x22c, 0x7fff_ffff);
        put32(0x230, 0x20_0000);
        put8(0x234, 1);
        put8(0x235, 0x15);
        // XLF_KERNEL_64, XLF_CAN_BE_LOADED_ABOVE_4G.
        put16(0x236, 3);
        put32(0x238, 2047);
        put32(0x248, PAYLOAD_OFFSET);
        put64(0x258, prefGpa);
        put32(0x260, initBytes);
    }

    /** Sets a byte of the image's head. */
    public TestBzImage put8(int offset, int value) {
        head.put(offset, (byte) value);
        return this;
    }

    /** Sets 2 bytes of the image's head. */
    public TestBzImage put16(int offset, int value) {
        head.putShort(offset, (short) value);
        return this;
    }

    /** Sets 4 bytes of the image's head. */
    public TestBzImage put32(int offset, long value) {
        head.putInt(offset, (int) value);
        return this;
    }

    /** Sets 8 bytes of the image's head. */
    public TestBzImage put64(int offset, long value) {
        head.putLong(offset, value);
        return this;
    }

    /** Returns the image around a payload, whose last 4 bytes are its unpacked size, and sets payload_length to it. */
    public byte[] build(byte[] payload) {
        put32(0x24c, payload.length);
        return buildAsIs(payload);
    }

    /** Returns the image around a payload and leaves payload_length as it is. */
    public byte[] buildAsIs(byte[] payload) {
        byte[] image = Arrays.copyOf(head.array(), head.capacity() + payload.length);
        System.arraycopy(payload, 0, image, head.capacity(), payload.length);
        return image;
    }

    /** Appends the unpacked size, as Linux's build does for all compressions but gzip. */
    public static byte[] withSize(byte[] packed, long unpackedBytes) {
        return ByteBuffer.allocate(packed.length + 4)
                .order(ByteOrder.LITTLE_ENDIAN)
                .put(packed)
                .putInt((int) unpackedBytes)
                .array();
    }
}

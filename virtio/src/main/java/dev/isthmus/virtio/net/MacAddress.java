// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.virtio.net;

/**
 * The address of a network interface (IEEE 802).
 *
 * @param value 48 bits, the first byte on the wire in the highest 8
 */
public record MacAddress(long value) {
    /** Size on the wire. */
    public static final int BYTES = 6;

    /** All interfaces. */
    static final long BROADCAST = 0xffff_ffff_ffffL;

    /** In the first byte on the wire, the bit of addresses of many interfaces. */
    private static final long GROUP_BIT = 1L << 40;

    /** Checks the range. */
    public MacAddress {
        if ((value & ~BROADCAST) != 0) {
            throw new IllegalArgumentException("a MAC address has 48 bits");
        }
    }

    /**
     * Reads an address such as 52:54:00:12:34:56.
     *
     * @throws IllegalArgumentException if it is not written so; the message is fit for users
     */
    public static MacAddress parse(String text) {
        long value = 0;
        boolean sound = text.length() == 3 * BYTES - 1;
        for (int i = 0; sound && i < text.length(); i++) {
            if (i % 3 == 2) {
                sound = text.charAt(i) == ':';
            } else {
                int digit = text.charAt(i) < 128 ? Character.digit(text.charAt(i), 16) : -1;
                sound = digit >= 0;
                value = value << 4 | digit;
            }
        }
        if (!sound) {
            throw new IllegalArgumentException("a MAC address is written as 52:54:00:12:34:56");
        }
        return new MacAddress(value);
    }

    /** Tells whether many interfaces have it: broadcast is one of those. */
    public boolean multicast() {
        return isMulticast(value);
    }

    static boolean isMulticast(long value) {
        return (value & GROUP_BIT) != 0;
    }

    /** Reads an address from an array. */
    static long read(byte[] bytes, int offset) {
        long value = 0;
        for (int i = 0; i < BYTES; i++) {
            value = value << 8 | Byte.toUnsignedLong(bytes[offset + i]);
        }
        return value;
    }

    /** Writes an address to an array. */
    static void write(long value, byte[] bytes, int offset) {
        for (int i = 0; i < BYTES; i++) {
            bytes[offset + i] = (byte) (value >>> (8 * (BYTES - 1 - i)));
        }
    }

    @Override
    public String toString() {
        StringBuilder text = new StringBuilder();
        for (int shift = 44; shift >= 0; shift -= 4) {
            text.append(Character.forDigit((int) (value >>> shift) & 15, 16));
            if (shift % 8 == 0 && shift != 0) {
                text.append(':');
            }
        }
        return text.toString();
    }
}

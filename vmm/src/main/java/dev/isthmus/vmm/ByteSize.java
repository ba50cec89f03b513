// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.vmm;

import dev.isthmus.machine.VmException;

/**
 * Sizes as QEMU's {@code -m} reads them: a number with a suffix B, K, M, G or T (powers of 1024, in either case);
 * MiB without one. Fractions ({@code 1.5G}) and hexadecimal numbers ({@code 0x80}, which take K, M, G or T) are fine.
 */
public final class ByteSize {
    private static final String MIB_REMEDY = "Give a size like 512M or 2G; a plain number counts MiB.";
    private static final String BYTE_REMEDY = "Give a size like 512M or 20G; a plain number counts bytes.";
    private static final int MIB_SHIFT = 20;
    private static final int TIB_SHIFT = 40;
    private static final int EIB_SHIFT = 60;

    private ByteSize() {}

    /**
     * Reads a size.
     *
     * @param text for example {@code 128M}
     * @return bytes, not negative; a fraction of a byte is dropped
     * @throws VmException.Configuration if it is no size, or 8 EiB or more
     */
    public static long parse(String text) {
        return parse(text, MIB_SHIFT, TIB_SHIFT, MIB_REMEDY);
    }

    /**
     * Reads a size of a disk, as qemu-img does: a number without a suffix counts bytes, and P and E are suffixes, too.
     *
     * @param text for example {@code 20G}
     * @return bytes, not negative; a fraction of a byte is dropped
     * @throws VmException.Configuration if it is no size, or 8 EiB or more
     */
    public static long parseBytes(String text) {
        return parse(text, 0, EIB_SHIFT, BYTE_REMEDY);
    }

    private static long parse(String text, int plainShift, int maxShift, String remedy) {
        boolean hexadecimal = text.startsWith("0x") || text.startsWith("0X");
        int radix = hexadecimal ? 16 : 10;
        int start = hexadecimal ? 2 : 0;
        int at = start;
        long whole = 0;
        while (at < text.length() && asciiDigit(text.charAt(at), radix) >= 0) {
            int digit = asciiDigit(text.charAt(at), radix);
            if (whole > (Long.MAX_VALUE - digit) / radix) {
                throw tooLarge(text, remedy);
            }
            whole = whole * radix + digit;
            at++;
        }
        if (at == start) {
            throw invalid(text, remedy);
        }
        int fractionStart = at;
        int fractionEnd = at;
        if (!hexadecimal && at < text.length() && text.charAt(at) == '.') {
            fractionStart = ++at;
            while (at < text.length() && asciiDigit(text.charAt(at), 10) >= 0) {
                at++;
            }
            fractionEnd = at;
            if (fractionEnd == fractionStart) {
                throw invalid(text, remedy);
            }
        }
        int shift = plainShift;
        if (at < text.length()) {
            shift = suffixShift(text.charAt(at++));
        }
        if (at != text.length() || shift < 0 || shift > maxShift) {
            throw invalid(text, remedy);
        }
        if (whole > Long.MAX_VALUE >> shift) {
            throw tooLarge(text, remedy);
        }
        return (whole << shift) + fractionBytes(text, fractionStart, fractionEnd, shift);
    }

    /** Writes a size for a human to read: in the largest unit that leaves a whole number. */
    public static String format(long bytes) {
        String[] units = {" bytes", " KiB", " MiB", " GiB", " TiB"};
        int unit = 0;
        long number = bytes;
        while (unit < units.length - 1 && number != 0 && number % 1024 == 0) {
            number /= 1024;
            unit++;
        }
        return number + units[unit];
    }

    /** The part behind the point. A double's 53 bits suffice for a TiB, which needs 40; beyond, QEMU has no more either. */
    private static long fractionBytes(String text, int start, int end, int shift) {
        // Digits beyond these change no byte of a TiB.
        int last = Math.min(end, start + 18);
        double fraction = 0;
        for (int i = last - 1; i >= start; i--) {
            fraction = (fraction + (text.charAt(i) - '0')) / 10;
        }
        // So many nines that they were rounded to one are still less than one.
        return Math.min((long) (fraction * (1L << shift)), (1L << shift) - 1);
    }

    private static int asciiDigit(char c, int radix) {
        return c < 0x80 ? Character.digit(c, radix) : -1;
    }

    private static int suffixShift(char suffix) {
        switch (suffix) {
            case 'B', 'b':
                return 0;
            case 'K', 'k':
                return 10;
            case 'M', 'm':
                return MIB_SHIFT;
            case 'G', 'g':
                return 30;
            case 'T', 't':
                return TIB_SHIFT;
            case 'P', 'p':
                return 50;
            case 'E', 'e':
                return EIB_SHIFT;
            default:
                return -1;
        }
    }

    private static VmException invalid(String text, String remedy) {
        return new VmException.Configuration("'" + text + "' is not a size", remedy);
    }

    private static VmException tooLarge(String text, String remedy) {
        return new VmException.Configuration("the size '" + text + "' is too large", remedy);
    }
}

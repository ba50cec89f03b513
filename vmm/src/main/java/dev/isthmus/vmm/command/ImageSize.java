// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.vmm.command;

import java.math.BigDecimal;
import java.util.Locale;

import dev.isthmus.machine.VmException;

/** Sizes as qemu-img reads and prints them: bytes without a suffix, otherwise powers of 1024. */
final class ImageSize {
    private static final String SUFFIXES = "BKMGTPE";

    private ImageSize() {}

    /**
     * Reads a size.
     *
     * @param text for example {@code 512M}, {@code 1.5G} or {@code 65536}
     * @return bytes, not negative
     * @throws VmException.Configuration if it is none, or 8 EiB or more
     */
    static long parse(String text) {
        int end = text.length();
        int shift = 0;
        if (end > 0) {
            int suffix = SUFFIXES.indexOf(Character.toUpperCase(text.charAt(end - 1)));
            if (suffix >= 0) {
                shift = 10 * suffix;
                end--;
            }
        }
        String number = text.substring(0, end);
        if (!number.matches("[0-9]{1,30}(\\.[0-9]{1,30})?")) {
            throw new VmException.Configuration(
                    "'" + text + "' is not a size", "Give one like 512M or 20G; a plain number counts bytes.");
        }
        BigDecimal bytes = new BigDecimal(number).multiply(BigDecimal.valueOf(1L << shift));
        if (bytes.compareTo(BigDecimal.valueOf(Long.MAX_VALUE)) >= 0) {
            throw new VmException.Configuration("'" + text + "' is too large", "Sizes end below 8E.");
        }
        return bytes.longValue();
    }

    /** Returns a size for people, such as "1.5 GiB". */
    static String format(long bytes) {
        if (bytes < 1024) {
            return bytes + " B";
        }
        int unit = (63 - Long.numberOfLeadingZeros(bytes)) / 10;
        double value = (double) bytes / (1L << (10 * unit));
        String number = value >= 100
                ? String.format(Locale.ROOT, "%.0f", value)
                : String.format(Locale.ROOT, "%.3g", value).replaceAll("\\.?0+$", "");
        return number + " " + SUFFIXES.charAt(unit) + "iB";
    }
}

// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.vmm.command;

import java.math.BigDecimal;
import java.math.MathContext;
import java.math.RoundingMode;

/** Sizes as qemu-img prints them: three digits, in powers of 1024. */
final class ImageSize {
    private static final String UNITS = "KMGTPE";

    /** From here on the next unit is taken: 1000 of one never show. */
    private static final double LARGEST = 1000.0 / 1024;

    private ImageSize() {}

    /** Returns a size for people, such as "1.5 GiB". */
    static String format(long bytes) {
        int unit = bytes == 0 ? 0 : Math.getExponent(bytes / LARGEST) / 10;
        String number = new BigDecimal((double) bytes / (1L << (10 * unit)))
                .round(new MathContext(3, RoundingMode.HALF_EVEN))
                .stripTrailingZeros()
                .toPlainString();
        return unit == 0 ? number + " B" : number + " " + UNITS.charAt(unit - 1) + "iB";
    }
}

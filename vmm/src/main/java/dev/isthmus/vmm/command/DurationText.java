// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.vmm.command;

import java.time.Duration;

import dev.isthmus.machine.VmException;

/** Durations such as {@code 500ms}, {@code 30s}, {@code 5m}, {@code 1m30s}, {@code 2h}; a plain number counts seconds. */
final class DurationText {
    private static final String REMEDY = "Give a time like 30s, 5m, 1m30s or 500ms.";

    /** The longest: ten years, which no sum or deadline overflows. */
    private static final long MAX_MILLIS = 10L * 365 * 24 * 3600 * 1000;

    private static final String[] UNITS = {"h", "m", "s", "ms"};
    private static final long[] UNIT_MILLIS = {3_600_000, 60_000, 1000, 1};

    private DurationText() {}

    /**
     * Reads a duration.
     *
     * @return one millisecond to ten years
     * @throws VmException.Configuration if it is none, is zero, or has its units out of order
     */
    static Duration parse(String text) {
        long millis = 0;
        int at = 0;
        int nextUnit = 0;
        while (at < text.length()) {
            int start = at;
            long number = 0;
            while (at < text.length() && text.charAt(at) >= '0' && text.charAt(at) <= '9') {
                number = Math.min(number * 10 + (text.charAt(at) - '0'), MAX_MILLIS + 1);
                at++;
            }
            int unitStart = at;
            while (at < text.length() && text.charAt(at) >= 'a' && text.charAt(at) <= 'z') {
                at++;
            }
            int unit = unit(text.substring(unitStart, at), start == 0 && at == text.length());
            if (unitStart == start || unit < nextUnit) {
                throw new VmException.Configuration("'" + text + "' is not a duration", REMEDY);
            }
            nextUnit = unit + 1;
            // Neither factor exceeds 2^39.
            millis = Math.min(millis + Math.min(number, MAX_MILLIS + 1) * UNIT_MILLIS[unit], MAX_MILLIS + 1);
        }
        if (millis == 0 || millis > MAX_MILLIS) {
            throw new VmException.Configuration(
                    "'" + text + "' is not a duration from one millisecond to ten years", REMEDY);
        }
        return Duration.ofMillis(millis);
    }

    /** Writes a duration in the same notation: {@code 1m30s}. */
    static String format(Duration duration) {
        StringBuilder text = new StringBuilder();
        long millis = duration.toMillis();
        for (int i = 0; i < UNITS.length; i++) {
            long number = millis / UNIT_MILLIS[i];
            if (number > 0) {
                text.append(number).append(UNITS[i]);
            }
            millis %= UNIT_MILLIS[i];
        }
        return text.toString();
    }

    /** Returns the index of a unit, or -1; a number alone counts seconds. */
    private static int unit(String name, boolean alone) {
        for (int i = 0; i < UNITS.length; i++) {
            if (UNITS[i].equals(name)) {
                return i;
            }
        }
        return name.isEmpty() && alone ? 2 : -1;
    }
}

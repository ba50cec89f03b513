// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.vmm.command;

import dev.isthmus.device.Rate;
import dev.isthmus.machine.VmException;
import dev.isthmus.vmm.ByteSize;

/** Rate limits among the parts of an option: {@code KEY}, {@code KEY-max} and {@code KEY-max-length}, as QEMU has them. */
final class RateOption {
    private RateOption() {}

    /** Reads a limit of things a second, of none where its keys do not occur. */
    static Rate count(String option, KeyValues parts, String key) {
        return rate(option, parts, key, false);
    }

    /** Reads a limit of bytes a second, of none where its keys do not occur. */
    static Rate bytes(String option, KeyValues parts, String key) {
        return rate(option, parts, key, true);
    }

    private static Rate rate(String option, KeyValues parts, String key, boolean bytes) {
        String average = parts.get(key);
        String burst = parts.get(key.concat("-max"));
        String length = parts.get(key.concat("-max-length"));
        if (average == null && burst == null && length == null) {
            return Rate.UNLIMITED;
        }
        try {
            return new Rate(
                    average == null ? 0 : amount(option, key, average, bytes),
                    burst == null ? 0 : amount(option, key.concat("-max"), burst, bytes),
                    length == null ? 1 : seconds(option, key.concat("-max-length"), length));
        } catch (IllegalArgumentException e) {
            String example = bytes ? "=10M," + key + "-max=50M," : "=500," + key + "-max=2000,";
            throw wrong(option, key + ": " + e.getMessage(), "For example " + key + example + key + "-max-length=10.");
        }
    }

    private static long amount(String option, String key, String text, boolean bytes) {
        if (!bytes) {
            int count = digits(text);
            if (count > 0) {
                return count;
            }
            String things = key.contains("iops") ? "operations" : "packets";
            throw wrong(
                    option,
                    key + "=" + text + " is not a number of " + things,
                    "Give a whole number, for example " + key + "=500.");
        }
        try {
            long amount = ByteSize.parseBytes(text);
            if (amount > 0) {
                return amount;
            }
        } catch (VmException.Configuration e) {
            // Said below.
        }
        throw wrong(
                option,
                key + "=" + text + " is not a number of bytes",
                "Give bytes a second, for example " + key + "=10M.");
    }

    private static int seconds(String option, String key, String text) {
        int seconds = digits(text);
        if (seconds > 0) {
            return seconds;
        }
        throw wrong(option, key + "=" + text + " is not a number of seconds", "Give whole seconds, at least 1.");
    }

    /** Returns a number of plain digits, or -1 where it is none or too large. */
    static int digits(String text) {
        for (int i = 0; i < text.length(); i++) {
            if (text.charAt(i) < '0' || text.charAt(i) > '9') {
                return -1;
            }
        }
        try {
            return Integer.parseInt(text);
        } catch (NumberFormatException e) {
            return -1;
        }
    }

    private static VmException wrong(String option, String cause, String remedy) {
        return new VmException.Configuration(option + ": " + cause, remedy);
    }
}

// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.vmm.command;

import java.util.ArrayList;
import java.util.List;

import org.jspecify.annotations.Nullable;

import dev.isthmus.machine.VmException;

/**
 * The value of an option with parts, in QEMU's notation: {@code key=value,key=value}, a comma in a value doubled.
 *
 * <p>The keys that an option knows are given; an error names the option, the key and those.
 */
final class KeyValues {
    private final String option;
    private final String[] known;
    private final String[] repeatable;
    private final @Nullable String[] values;

    /** Of repeatable keys all values, with their keys before them, in the order of the text. */
    private final List<String> repeated = new ArrayList<>();

    private KeyValues(String option, String[] known, String[] repeatable) {
        this.option = option;
        this.known = known;
        this.repeatable = repeatable;
        this.values = new @Nullable String[known.length];
    }

    /**
     * Reads an option's value.
     *
     * @param option the option's name, for messages
     * @param text the option's value
     * @param known the keys that may occur, each at most once
     * @throws VmException.Configuration if there is another key, a key twice, or a part without a value
     */
    static KeyValues parse(String option, String text, String... known) {
        return read(new KeyValues(option, known, new String[0]), text);
    }

    /** Reads an option's value as above, which may be empty, and has keys that may occur more than once. */
    static KeyValues parseAny(String option, String text, String[] known, String[] repeatable) {
        KeyValues result = new KeyValues(option, known, repeatable);
        return text.isEmpty() ? result : read(result, text);
    }

    private static KeyValues read(KeyValues result, String text) {
        for (String part : split(text)) {
            result.take(part);
        }
        return result;
    }

    /** Returns a key's value, or null where it does not occur. */
    @Nullable String get(String key) {
        for (int i = 0; i < known.length; i++) {
            if (known[i].equals(key)) {
                return values[i];
            }
        }
        throw new IllegalArgumentException(key);
    }

    /** Returns all values of a repeatable key. */
    List<String> all(String key) {
        List<String> found = new ArrayList<>();
        for (int i = 0; i < repeated.size(); i += 2) {
            if (repeated.get(i).equals(key)) {
                found.add(repeated.get(i + 1));
            }
        }
        return found;
    }

    /** Returns a key's value, which has to be there. */
    String require(String key) {
        String value = get(key);
        if (value == null) {
            throw new VmException.Configuration(option + " needs " + key + "=...", knownKeys());
        }
        return value;
    }

    /** Returns a key's value as {@code on} or {@code off}. */
    boolean getSwitch(String key, boolean otherwise) {
        String value = get(key);
        if (value == null) {
            return otherwise;
        }
        if (value.equals("on")) {
            return true;
        }
        if (value.equals("off")) {
            return false;
        }
        throw new VmException.Configuration(
                option + ": " + key + "=" + value + " is neither on nor off", "Give " + key + "=on or " + key + "=off.");
    }

    /** Returns a key's value as a whole number. */
    int getNumber(String key, int otherwise) {
        String value = get(key);
        if (value == null) {
            return otherwise;
        }
        try {
            return Integer.parseInt(value);
        } catch (NumberFormatException e) {
            throw new VmException.Configuration(
                    option + ": " + key + "=" + value + " is not a number", "Give a whole number, for example " + key + "=2.");
        }
    }

    private void take(String part) {
        int equals = part.indexOf('=');
        String key = equals < 0 ? part : part.substring(0, equals);
        for (int i = 0; i < known.length; i++) {
            if (known[i].equals(key)) {
                if (equals < 0 || equals == part.length() - 1) {
                    throw new VmException.Configuration(option + ": " + key + " has no value", knownKeys());
                }
                if (values[i] != null) {
                    throw new VmException.Configuration(
                            option + ": " + key + " is given twice", "Give it once; a comma in a value is written twice.");
                }
                values[i] = part.substring(equals + 1);
                return;
            }
        }
        for (String candidate : repeatable) {
            if (candidate.equals(key)) {
                if (equals < 0 || equals == part.length() - 1) {
                    throw new VmException.Configuration(option + ": " + key + " has no value", knownKeys());
                }
                repeated.add(key);
                repeated.add(part.substring(equals + 1));
                return;
            }
        }
        throw new VmException.Configuration(option + ": unknown key '" + key + "'", knownKeys());
    }

    private String knownKeys() {
        String more = repeatable.length == 0 ? "" : ", " + String.join(", ", repeatable);
        return "Known keys: " + String.join(", ", known) + more + "; a comma in a value is written twice.";
    }

    /** Splits at single commas; a pair of them stands for one in the text. */
    private static List<String> split(String text) {
        List<String> parts = new ArrayList<>();
        StringBuilder part = new StringBuilder();
        for (int i = 0; i < text.length(); i++) {
            char c = text.charAt(i);
            if (c != ',') {
                part.append(c);
            } else if (i + 1 < text.length() && text.charAt(i + 1) == ',') {
                part.append(c);
                i++;
            } else {
                parts.add(part.toString());
                part.setLength(0);
            }
        }
        parts.add(part.toString());
        return parts;
    }
}

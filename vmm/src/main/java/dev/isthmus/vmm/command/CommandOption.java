// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.vmm.command;

import org.jspecify.annotations.Nullable;

/**
 * One option of a command: the only description of it, which both ways of reading arguments use
 * ({@link ArgumentScanner}, {@link PicocliCommands}).
 *
 * @param name for example {@code --kernel}
 * @param shortName another name, such as {@code -U}, or null
 * @param valueLabel what its value is called in the help, or null for an option without a value
 * @param value what its value is
 * @param repeatable whether it may be given more than once
 * @param description the lines of the help
 */
record CommandOption(
        String name,
        @Nullable String shortName,
        @Nullable String valueLabel,
        Value value,
        boolean repeatable,
        String... description) {
    /** What shell completion can offer for a value. */
    enum Value {
        /** There is no value. */
        NONE,
        /** Any text. */
        TEXT,
        /** The path of a file. */
        FILE
    }

    static CommandOption text(String name, String valueLabel, String... description) {
        return new CommandOption(name, null, valueLabel, Value.TEXT, false, description);
    }

    static CommandOption repeatableText(String name, String valueLabel, String... description) {
        return new CommandOption(name, null, valueLabel, Value.TEXT, true, description);
    }

    static CommandOption file(String name, String valueLabel, String... description) {
        return new CommandOption(name, null, valueLabel, Value.FILE, false, description);
    }

    static CommandOption flag(String name, String... description) {
        return new CommandOption(name, null, null, Value.NONE, false, description);
    }

    /** Returns the same option with another name beside its own; {@link ArgumentScanner} does not know it. */
    CommandOption orShort(String newShortName) {
        return new CommandOption(name, newShortName, valueLabel, value, repeatable, description);
    }

    boolean hasValue() {
        return value != Value.NONE;
    }
}

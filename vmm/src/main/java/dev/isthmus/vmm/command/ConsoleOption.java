// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.vmm.command;

import org.jspecify.annotations.Nullable;

import dev.isthmus.machine.ConsoleConfig;
import dev.isthmus.machine.VmException;
import dev.isthmus.machine.serial.EscapeFilter;
import dev.isthmus.machine.serial.SerialConfig;

/** The values of {@code --console} and {@code --channel}, which are of one device. */
final class ConsoleOption {
    private static final String CHANNEL = "--channel";

    private static final String[] KEYS = {"name", "to"};

    private ConsoleOption() {}

    /**
     * Returns the device of all consoles and channels, or null where there are none.
     *
     * @param keys what Ctrl-a begins in a terminal
     */
    static @Nullable ConsoleConfig parse(Arguments arguments, EscapeFilter.Actions keys) {
        ConsoleConfig config = ConsoleConfig.EMPTY;
        for (String text : arguments.values(CommandOptions.CONSOLE)) {
            config = config.withConsole(RunCommand.connection(CommandOptions.CONSOLE, text, keys));
        }
        for (String text : arguments.values(CommandOptions.CHANNEL)) {
            KeyValues parts = KeyValues.parse(CHANNEL, text, KEYS);
            String to = parts.require("to");
            if (to.equals("stdio")) {
                throw new VmException.Configuration(
                        CHANNEL + ": the terminal is for consoles", "Give to=unix=PATH, to=file=PATH, to=pty or to=null.");
            }
            config = config.withChannel(
                    parts.require("name"), RunCommand.connection(CommandOptions.CHANNEL, to, keys));
        }
        return config.ports().isEmpty() ? null : config;
    }

    /** Returns the number of the console that is in the terminal, or -1. */
    static int atTerminal(ConsoleConfig config) {
        for (int i = 0; i < config.ports().size(); i++) {
            if (config.ports().get(i).connection() instanceof SerialConfig.Stdio) {
                return i;
            }
        }
        return -1;
    }
}

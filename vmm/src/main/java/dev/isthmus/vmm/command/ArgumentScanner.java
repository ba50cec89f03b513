// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.vmm.command;

import org.jspecify.annotations.Nullable;

/**
 * Reads well-formed arguments without picocli.
 *
 * <p>Picocli's classes are in a format too old for the AOT cache, so that reading ten arguments with it costs more
 * than the rest of the start-up together (60 of 110 ms). This scanner knows the plain cases only: full option names,
 * each with its value behind it or after an equals sign. It gives up on anything else (help, errors, values that look
 * like options), and picocli reads the same arguments from the beginning: all messages are picocli's. A test holds
 * the two to equal results.
 */
final class ArgumentScanner {
    private ArgumentScanner() {}

    /**
     * Reads the arguments of a command.
     *
     * @param args all arguments, the command's name first
     * @param options those of the command
     * @return what picocli would find, or null where it is to be asked
     */
    static @Nullable Arguments scan(String[] args, CommandOption[] options) {
        Arguments result = new Arguments(args[0]);
        for (int i = 1; i < args.length; i++) {
            String arg = args[i];
            int equals = arg.indexOf('=');
            CommandOption option = find(options, equals < 0 ? arg : arg.substring(0, equals));
            if (option == null || (result.has(option) && !option.repeatable())) {
                return null;
            }
            String value = "";
            if (option.hasValue()) {
                if (equals < 0 && ++i == args.length) {
                    return null;
                }
                value = equals < 0 ? args[i] : arg.substring(equals + 1);
                if (value.isEmpty() || value.charAt(0) == '-' || value.charAt(0) == '"' || value.charAt(0) == '\'') {
                    return null;
                }
            } else if (equals >= 0) {
                return null;
            }
            result.add(option, value);
        }
        return result;
    }

    private static @Nullable CommandOption find(CommandOption[] options, String name) {
        for (CommandOption option : options) {
            if (option.name().equals(name)) {
                return option;
            }
        }
        return null;
    }
}

// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.vmm.command;

import org.jspecify.annotations.Nullable;

import dev.isthmus.machine.serial.RawTerminal;

/**
 * Where the {@code isthmus} command starts.
 *
 * <p>The way from here to a guest's first instruction is paid at every start, so it is plain code: no lambdas, no
 * streams, no string concatenation, no logging, no picocli for arguments that {@link ArgumentScanner} can read.
 */
public final class Main {
    private Main() {}

    /** Runs the command and ends the process with one of the statuses that the help lists. */
    public static void main(String[] args) {
        StartupTrace.mark("main entered");
        int status;
        try {
            status = run(args);
        } catch (Throwable failure) {
            // Should a terminal have been left in raw mode, the message would look odd and the shell after it as well.
            RawTerminal.restoreAll();
            status = Messages.failure(failure, isVerbose(args));
        }
        StartupTrace.mark("everything closed");
        StartupTrace.print();
        System.out.flush();
        // Not System.exit: it asks for a System.Logger, which costs 10 ms, and there are no shutdown hooks to run.
        Runtime.getRuntime().halt(status);
    }

    /** Runs the command; returns the exit status. */
    static int run(String[] args) throws Exception {
        Arguments arguments = scan(args);
        return arguments == null ? PicocliCommands.run(args) : dispatch(arguments);
    }

    /** Runs the command that arguments are for. */
    static int dispatch(Arguments arguments) throws Exception {
        if (arguments.has(CommandOptions.VERBOSE)) {
            // slf4j-simple, which reads this when the first logger is made.
            System.setProperty("org.slf4j.simpleLogger.defaultLogLevel", "debug");
        } else {
            System.setProperty("org.slf4j.simpleLogger.defaultLogLevel", "warn");
            // A line for users, as those of Messages.
            System.setProperty("org.slf4j.simpleLogger.showThreadName", "false");
            System.setProperty("org.slf4j.simpleLogger.showLogName", "false");
            System.setProperty("org.slf4j.simpleLogger.warnLevelString", "isthmus: warning:");
            System.setProperty("org.slf4j.simpleLogger.errorLevelString", "isthmus: error:");
        }
        switch (arguments.command()) {
            case RunCommand.NAME:
                return RunCommand.run(arguments);
            case DemoCommand.NAME:
                return DemoCommand.run(arguments);
            case DoctorCommand.NAME:
                return DoctorCommand.run(arguments);
            default:
                return ImageCommand.run(arguments);
        }
    }

    private static @Nullable Arguments scan(String[] args) {
        if (args.length == 0) {
            return null;
        }
        switch (args[0]) {
            case RunCommand.NAME:
                return ArgumentScanner.scan(args, CommandOptions.RUN);
            case DemoCommand.NAME:
                return ArgumentScanner.scan(args, CommandOptions.DEMO);
            default:
                return null;
        }
    }

    /** Looks for the option by itself, because the failure may be one of reading the arguments. */
    private static boolean isVerbose(String[] args) {
        for (String arg : args) {
            if (arg.equals("--")) {
                return false;
            }
            if (arg.equals(CommandOptions.VERBOSE.name())) {
                return true;
            }
        }
        return false;
    }
}

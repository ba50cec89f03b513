// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.vmm.command;

import java.io.FileDescriptor;
import java.io.FileOutputStream;
import java.io.IOException;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.charset.StandardCharsets;

import dev.isthmus.machine.VmException;

/**
 * What the command says beside the guest's own output: single lines on standard error, each with the program's name.
 *
 * <p>Any thread; a line is written in one piece.
 */
final class Messages {
    private static final String PREFIX = "isthmus: ";

    /** Unbuffered; {@link System#err} would cost its encoder on the way to the first instruction. */
    private static final FileOutputStream STANDARD_ERROR = new FileOutputStream(FileDescriptor.err);

    private Messages() {}

    /** Prints one line. */
    static void line(String message) {
        write(PREFIX.concat(message).concat("\n"));
    }

    /** Writes over what the last call wrote, in one line. */
    static void progress(String text) {
        write("\r".concat(PREFIX).concat(text));
    }

    /** Prints lines as they are, such as a dump. */
    static void block(String text) {
        write(text.endsWith("\n") ? text : text.concat("\n"));
    }

    /**
     * Prints what went wrong: the cause and the remedy in one line, and the stack trace if asked for.
     *
     * @return the exit status
     */
    static int failure(Throwable thrown, boolean verbose) {
        Throwable failure = thrown instanceof OutOfMemoryError e ? VmException.HostFault.of(e) : thrown;
        StringBuilder line = new StringBuilder();
        if (failure instanceof VmException known) {
            line.append(known.getMessage());
            if (line.charAt(line.length() - 1) != '.') {
                line.append('.');
            }
            line.append(' ').append(known.remedy());
        } else {
            line.append("internal error: ").append(failure);
            if (!verbose) {
                line.append(". Please report it with the output under --verbose");
            }
        }
        line(line.toString().replace('\n', ' ').strip());
        if (verbose) {
            StringWriter trace = new StringWriter();
            failure.printStackTrace(new PrintWriter(trace));
            block(trace.toString());
        }
        return ExitStatus.of(failure);
    }

    private static void write(String text) {
        try {
            STANDARD_ERROR.write(text.getBytes(StandardCharsets.UTF_8));
        } catch (IOException e) {
            // Nobody reads standard error: there is no one to tell.
        }
    }
}

// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.machine.serial;

import java.nio.file.Path;

import org.jspecify.annotations.Nullable;

/** What a serial line is connected to on the host. */
public sealed interface SerialConfig {
    /** Nothing: output vanishes, there is no input. */
    record Null() implements SerialConfig {}

    /**
     * The standard input and output of this process, of whatever kind they are; of one VM at a time.
     *
     * @param escapes what Ctrl-a and a key do at a terminal in raw mode; null: all keys are the guest's
     * @param framed whether input reaches the guest framed as the demo guest's init expects it with
     *     {@code isthmus.tty=pipe}, so that it can tell its end. Else it comes as it is and just stops, and a terminal at
     *     standard input is in raw mode until the backend is closed
     */
    record Stdio(EscapeFilter.@Nullable Actions escapes, boolean framed) implements SerialConfig {
        /** Makes one without escape keys, whose input just stops. */
        public Stdio() {
            this(null, false);
        }
    }

    /** A pseudo-terminal made for the line; {@link SerialBackend#peerName} tells its path. */
    record Pty() implements SerialConfig {}

    /**
     * A file for the output, emptied first where it exists; no input.
     *
     * @param path its path
     */
    record ToFile(Path path) implements SerialConfig {}

    /**
     * A listening stream socket in the file system, for one client at a time.
     *
     * @param path its path, at most 107 bytes
     */
    record UnixSocket(Path path) implements SerialConfig {}

    /**
     * A backend of the caller's, such as a {@link StreamSerial}. Its owner becomes the machine, which closes it.
     *
     * @param backend not attached yet
     */
    record Custom(SerialBackend backend) implements SerialConfig {}
}

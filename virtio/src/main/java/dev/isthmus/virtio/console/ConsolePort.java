// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.virtio.console;

import java.nio.charset.StandardCharsets;

/**
 * A port as it is configured.
 *
 * @param backend the host's end, not attached yet
 * @param name how programs of the guest find it, at {@code /dev/virtio-ports/NAME} in Linux; may be empty
 * @param console whether it is a console, {@code hvc0} and so on in Linux, and no port for programs
 */
public record ConsolePort(ConsoleBackend backend, String name, boolean console) {
    /** With the message's header it fits every buffer that drivers use. */
    private static final int NAME_BYTES_MAX = 128;

    /** Checks the name; the message of a refusal is fit for users. */
    public ConsolePort {
        if (name.getBytes(StandardCharsets.UTF_8).length > NAME_BYTES_MAX) {
            throw new IllegalArgumentException("a port's name has at most 128 bytes");
        }
        for (int i = 0; i < name.length(); i++) {
            if (name.charAt(i) == '/' || Character.isISOControl(name.charAt(i))) {
                throw new IllegalArgumentException("a port's name has no slashes and no control characters");
            }
        }
    }

    /** Makes a console without a name. */
    public static ConsolePort console(ConsoleBackend backend) {
        return new ConsolePort(backend, "", true);
    }

    /** Makes a port for programs. */
    public static ConsolePort named(ConsoleBackend backend, String name) {
        return new ConsolePort(backend, name, false);
    }
}

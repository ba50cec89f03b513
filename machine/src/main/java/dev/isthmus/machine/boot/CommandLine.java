// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.machine.boot;

import java.nio.charset.StandardCharsets;

import dev.isthmus.machine.MachineLayout;
import dev.isthmus.machine.VmException;

/** The kernel's command line as bytes. */
final class CommandLine {
    /** Longest command line of a kernel that has no setup header: Linux's COMMAND_LINE_SIZE on x86, without its NUL. */
    static final int LINUX_MAX_BYTES = 2047;

    private CommandLine() {}

    /**
     * Encodes a command line.
     *
     * @param maxBytes longest command line that the kernel takes, the NUL not counted
     * @return UTF-8 with a NUL at its end
     * @throws VmException.Configuration if it is too long or has a NUL within
     */
    static byte[] encode(String text, int maxBytes) {
        byte[] bytes = text.getBytes(StandardCharsets.UTF_8);
        int limit = Math.min(maxBytes, MachineLayout.COMMAND_LINE_MAX_BYTES - 1);
        if (bytes.length > limit) {
            throw new VmException.Configuration(
                    "The kernel command line has " + bytes.length + " bytes, and the kernel takes at most " + limit,
                    "Shorten the command line.");
        }
        if (text.indexOf('\0') >= 0) {
            throw new VmException.Configuration(
                    "The kernel command line has a NUL character in it", "Remove the NUL character.");
        }
        byte[] terminated = new byte[bytes.length + 1];
        System.arraycopy(bytes, 0, terminated, 0, bytes.length);
        return terminated;
    }
}

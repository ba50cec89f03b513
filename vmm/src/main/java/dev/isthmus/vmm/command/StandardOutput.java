// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.vmm.command;

import dev.isthmus.machine.VmException;

/** Where results go that the user asked for; that they arrive is part of the command's success. */
final class StandardOutput {
    private StandardOutput() {}

    /**
     * Prints a text as it is.
     *
     * @throws VmException.HostFault where it can't be written
     */
    static void print(String text) {
        System.out.print(text);
        check();
    }

    /**
     * Sees to it that all that was printed is written.
     *
     * @throws VmException.HostFault where it could not be
     */
    static void check() {
        if (System.out.checkError()) {
            throw new VmException.HostFault(
                    "Can't write the result to standard output.", "Check that there is room, and somebody who reads it.");
        }
    }
}

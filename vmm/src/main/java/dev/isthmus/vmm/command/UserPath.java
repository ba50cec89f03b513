// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.vmm.command;

import java.nio.file.InvalidPathException;
import java.nio.file.Path;

import dev.isthmus.machine.VmException;

/** Names of files as the user gave them. */
final class UserPath {
    private UserPath() {}

    /**
     * Returns the path of a name.
     *
     * @throws VmException.Configuration where the name can't be one, as with letters that the locale does not have
     */
    static Path of(String name) {
        try {
            return Path.of(name);
        } catch (InvalidPathException e) {
            throw new VmException.Configuration(
                    "'".concat(name).concat("' can't be the name of a file: ").concat(e.getReason()),
                    "If it has letters beyond ASCII, choose a locale that has them, such as LC_ALL=C.UTF-8.",
                    e);
        }
    }
}

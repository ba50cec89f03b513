// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.machine.net;

import java.io.IOException;
import java.nio.file.FileSystems;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.UserPrincipal;
import java.nio.file.attribute.UserPrincipalNotFoundException;

import org.jspecify.annotations.Nullable;

import dev.isthmus.machine.VmException;

/**
 * Whom passt runs as. It refuses to be root: where this program is, passt becomes somebody else before it makes its socket.
 *
 * @param name the user, and perhaps the group after a colon; null where passt stays who this program is
 */
record PasstUser(@Nullable String name) {
    private static final String NOBODY = "nobody";
    private static final int ROOT = 0;

    static PasstUser of(@Nullable String runAs) {
        return new PasstUser(isRoot() ? (runAs == null ? NOBODY : runAs) : null);
    }

    private static boolean isRoot() {
        try {
            // The owner of a process's entry is its effective user.
            return (int) Files.getAttribute(Path.of("/proc/self"), "unix:uid") == ROOT;
        } catch (IOException e) {
            return false;
        }
    }

    /** Gives a folder to passt's user. */
    void give(Path folder) {
        String runAs = name;
        if (runAs == null) {
            return;
        }
        int colon = runAs.indexOf(':');
        String user = colon < 0 ? runAs : runAs.substring(0, colon);
        try {
            UserPrincipal owner =
                    FileSystems.getDefault().getUserPrincipalLookupService().lookupPrincipalByName(user);
            Files.setOwner(folder, owner);
        } catch (UserPrincipalNotFoundException e) {
            throw new VmException.Configuration(
                    "passt is to run as " + user + ", but there is no such user.",
                    "Name another user, or make that one (useradd --system " + user + ").",
                    e);
        } catch (IOException e) {
            throw new VmException.HostFault("Can't give " + folder + " to " + user + ": " + e.getMessage(), "", e);
        }
    }
}

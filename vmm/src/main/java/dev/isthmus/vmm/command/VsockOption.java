// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.vmm.command;

import dev.isthmus.machine.VmException;
import dev.isthmus.machine.VsockConfig;

/** The value of {@code --vsock}. What it can't be is refused in one line. */
final class VsockOption {
    private static final String NAME = "--vsock";

    private static final String[] KEYS = {"cid", "path", "packed", "id"};

    /** What guests have where nobody says: the first that is not taken. */
    private static final long DEFAULT_CID = 3;

    private VsockOption() {}

    static VsockConfig parse(String text) {
        KeyValues parts = KeyValues.parse(NAME, text, KEYS);
        String cid = parts.get("cid");
        return VsockConfig.of(cid == null ? DEFAULT_CID : cid(cid), UserPath.of(parts.require("path")))
                .withPacked(parts.getSwitch("packed", false))
                .withId(parts.get("id"));
    }

    private static long cid(String text) {
        try {
            return Integer.parseUnsignedInt(text) & 0xffff_ffffL;
        } catch (NumberFormatException e) {
            throw new VmException.Configuration(
                    NAME + ": cid=" + text + " is no context ID", "Give 3 to 4294967294, for example cid=3.", e);
        }
    }
}

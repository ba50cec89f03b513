// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.vmm.command;

import org.jspecify.annotations.Nullable;

import dev.isthmus.machine.BalloonConfig;
import dev.isthmus.machine.VmException;
import dev.isthmus.vmm.ByteSize;

/** The value of {@code --balloon}. What it can't be is refused in one line. */
final class BalloonOption {
    private static final String NAME = "--balloon";

    private static final String[] KEYS = {"size", "deflate-on-oom", "reporting", "packed", "id"};

    private BalloonOption() {}

    static BalloonConfig parse(String text) {
        KeyValues parts = KeyValues.parse(NAME, text, KEYS);
        return BalloonConfig.DEFAULT
                .withTargetBytes(size(parts.get("size")))
                .withDeflateOnOom(parts.getSwitch("deflate-on-oom", true))
                .withReporting(parts.getSwitch("reporting", false))
                .withPacked(parts.getSwitch("packed", false))
                .withId(parts.get("id"));
    }

    /** Reads a size; 0, which is no size of memory, is one of a balloon. */
    private static long size(@Nullable String text) {
        if (text == null || text.equals("0")) {
            return 0;
        }
        try {
            return ByteSize.parse(text);
        } catch (VmException.Configuration e) {
            throw new VmException.Configuration(NAME + ": size=" + text + ": " + e.getMessage(), e.remedy(), e);
        }
    }
}

// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.vmm.command;

import dev.isthmus.machine.RngConfig;
import dev.isthmus.machine.VmException;

/** The value of {@code --rng}. What it can't be is refused in one line. */
final class RngOption {
    private static final String NAME = "--rng";

    private static final String[] KEYS = {"bps", "bps-max", "bps-max-length", "packed", "id"};

    private RngOption() {}

    static RngConfig parse(String text) {
        int comma = text.indexOf(',');
        String source = comma < 0 ? text : text.substring(0, comma);
        if (!source.equals("host")) {
            throw new VmException.Configuration(
                    NAME + ": unknown source '" + source + "'", "Known: host, for example --rng host,bps=64K.");
        }
        KeyValues parts = KeyValues.parseAny(NAME, comma < 0 ? "" : text.substring(comma + 1), KEYS, new String[0]);
        return RngConfig.DEFAULT
                .withRate(RateOption.bytes(NAME, parts, "bps"))
                .withPacked(parts.getSwitch("packed", false))
                .withId(parts.get("id"));
    }
}

// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.vmm.command;

import org.jspecify.annotations.Nullable;

import dev.isthmus.fuse.CachePolicy;
import dev.isthmus.machine.FolderConfig;
import dev.isthmus.machine.VmException;
import dev.isthmus.machine.fs.FolderOwnership;

/** The value of {@code --fs}. What it can't be is refused in one line. */
final class FolderOption {
    private static final String NAME = "--fs";

    private static final String[] KEYS = {"path", "tag", "readonly", "owner", "cache", "queues", "packed", "id"};

    private FolderOption() {}

    static FolderConfig parse(String text) {
        KeyValues parts = KeyValues.parse(NAME, text, KEYS);
        return FolderConfig.of(UserPath.of(parts.require("path")), parts.require("tag"))
                .withReadOnly(parts.getSwitch("readonly", false))
                .withOwnership(ownership(parts.get("owner")))
                .withCache(cache(parts.get("cache")))
                .withQueues(parts.getNumber("queues", 1))
                .withPacked(parts.getSwitch("packed", false))
                .withId(parts.get("id"));
    }

    private static FolderOwnership ownership(@Nullable String text) {
        if (text == null || text.equals("root")) {
            return FolderOwnership.ROOT;
        }
        if (text.equals("guest")) {
            return FolderOwnership.GUEST;
        }
        int colon = text.indexOf(':');
        try {
            // Linux's user and group numbers have 32 bits, of which the last value means "none".
            long uid = Long.parseLong(text.substring(0, Math.max(0, colon)));
            long gid = Long.parseLong(text.substring(colon + 1));
            if (uid >= 0 && uid < 0xffff_ffffL && gid >= 0 && gid < 0xffff_ffffL) {
                return new FolderOwnership.Squashed((int) uid, (int) gid);
            }
        } catch (NumberFormatException e) {
            // Said below.
        }
        throw new VmException.Configuration(
                NAME + ": owner=" + text + " is no owner", "Give owner=root, owner=guest or owner=UID:GID, for example 1000:1000.");
    }

    private static CachePolicy cache(@Nullable String text) {
        if (text == null) {
            return CachePolicy.AUTO;
        }
        return switch (text) {
            case "never" -> CachePolicy.NEVER;
            case "auto" -> CachePolicy.AUTO;
            case "always" -> CachePolicy.ALWAYS;
            default -> throw new VmException.Configuration(
                    NAME + ": unknown cache '" + text + "'", "Known: never, auto, always.");
        };
    }
}

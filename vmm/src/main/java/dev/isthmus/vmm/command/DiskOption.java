// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.vmm.command;

import org.jspecify.annotations.Nullable;

import dev.isthmus.block.ImageFormat;
import dev.isthmus.block.RateLimits;
import dev.isthmus.machine.DiskCache;
import dev.isthmus.machine.DiskConfig;
import dev.isthmus.machine.DiskEngine;
import dev.isthmus.machine.DiskErrorPolicy;
import dev.isthmus.machine.VmException;
import dev.isthmus.machine.block.ImageLocking;

/** The value of {@code --disk}. What it can't be is refused in one line. */
final class DiskOption {
    private static final String NAME = "--disk";

    private static final String[] KEYS = {
        "path", "format", "readonly", "id", "serial", "aio", "queues", "packed", "locking", "cache", "discard", "on-error",
        "iops", "iops-max", "iops-max-length", "iops-rd", "iops-rd-max", "iops-rd-max-length",
        "iops-wr", "iops-wr-max", "iops-wr-max-length", "bps", "bps-max", "bps-max-length",
        "bps-rd", "bps-rd-max", "bps-rd-max-length", "bps-wr", "bps-wr-max", "bps-wr-max-length"
    };

    private DiskOption() {}

    static DiskConfig parse(String text) {
        KeyValues parts = KeyValues.parse(NAME, text, KEYS);
        return DiskConfig.of(UserPath.of(parts.require("path")))
                .withFormat(format(parts.get("format")))
                .withReadOnly(parts.getSwitch("readonly", false))
                .withId(parts.get("id"))
                .withSerial(parts.get("serial"))
                .withEngine(engine(parts.get("aio")))
                .withQueues(queues(parts.get("queues")))
                .withPacked(parts.getSwitch("packed", false))
                .withLocking(parts.getSwitch("locking", true) ? ImageLocking.AUTO : ImageLocking.OFF)
                .withCache(cache(parts.get("cache")))
                .withDiscard(discard(parts.get("discard")))
                .withErrorPolicy(errorPolicy(parts.get("on-error")))
                .withLimits(limits(parts));
    }

    private static String format(@Nullable String text) {
        if (text == null) {
            return DiskConfig.AUTO;
        }
        if (ImageFormat.ofName(text) == null) {
            throw unknown("format", text, DiskConfig.KNOWN_FORMATS);
        }
        return text;
    }

    private static DiskEngine engine(@Nullable String text) {
        if (text == null || text.equals("threads")) {
            return DiskEngine.THREADS;
        }
        if (text.equals("io_uring")) {
            return DiskEngine.IO_URING;
        }
        throw unknown("engine", text, "Known: aio=threads, aio=io_uring.");
    }

    private static int queues(@Nullable String text) {
        if (text == null) {
            return DiskConfig.QUEUES_BY_CPUS;
        }
        int queues = RateOption.digits(text);
        if (queues > 0) {
            return queues;
        }
        throw wrong("queues=" + text + " is not a number of queues", "Give 1 to 64, for example queues=2.");
    }

    private static DiskCache cache(@Nullable String text) {
        DiskCache cache = text == null ? DiskCache.WRITEBACK : DiskCache.ofName(text);
        if (cache == null) {
            throw unknown("cache", text, "Known: writeback, none, writethrough, directsync, unsafe.");
        }
        return cache;
    }

    /** Both our words and QEMU's. */
    private static boolean discard(@Nullable String text) {
        if (text == null || text.equals("on") || text.equals("unmap")) {
            return true;
        }
        if (text.equals("off") || text.equals("ignore")) {
            return false;
        }
        throw wrong("discard=" + text + " is neither on nor off", "Give discard=on (or unmap) or discard=off (or ignore).");
    }

    private static DiskErrorPolicy errorPolicy(@Nullable String text) {
        if (text == null || text.equals("report")) {
            return DiskErrorPolicy.REPORT;
        }
        if (text.equals("stop")) {
            return DiskErrorPolicy.STOP;
        }
        throw wrong("on-error=" + text + " is neither report nor stop", "Give on-error=report or on-error=stop.");
    }

    private static RateLimits limits(KeyValues parts) {
        try {
            return new RateLimits(
                    RateOption.count(NAME, parts, "iops"),
                    RateOption.count(NAME, parts, "iops-rd"),
                    RateOption.count(NAME, parts, "iops-wr"),
                    RateOption.bytes(NAME, parts, "bps"),
                    RateOption.bytes(NAME, parts, "bps-rd"),
                    RateOption.bytes(NAME, parts, "bps-wr"));
        } catch (IllegalArgumentException e) {
            throw wrong(String.valueOf(e.getMessage()), "Give iops or bps alone, or those of -rd and -wr.");
        }
    }

    private static VmException unknown(String what, @Nullable String text, String known) {
        return wrong("unknown " + what + " '" + text + "'", known);
    }

    private static VmException wrong(String cause, String remedy) {
        return new VmException.Configuration(NAME + ": " + cause, remedy);
    }
}

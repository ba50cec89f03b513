// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.vmm.command;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

import org.jspecify.annotations.Nullable;

import dev.isthmus.machine.HostCheck;
import dev.isthmus.vmm.ByteSize;

/** How much memory and how many open files guests can have here. None of it keeps a small VM from running. */
final class ResourceChecks {
    private static final Path MEMINFO = Path.of("/proc/meminfo");
    private static final Path LIMITS = Path.of("/proc/self/limits");
    private static final Path CGROUP = Path.of("/proc/self/cgroup");
    private static final Path CGROUP_ROOT = Path.of("/sys/fs/cgroup");

    /** A demo guest and this process. */
    private static final long COMFORTABLE_BYTES = 256L << 20;

    /** A VM takes about 20 descriptors, and one more with each disk. */
    private static final long COMFORTABLE_FILES = 256;

    private ResourceChecks() {}

    static List<HostCheck> all() {
        List<HostCheck> checks = new ArrayList<>();
        checks.add(memory());
        HostCheck cgroup = cgroup();
        if (cgroup != null) {
            checks.add(cgroup);
        }
        checks.add(hugePages());
        checks.add(openFiles());
        return checks;
    }

    private static HostCheck memory() {
        long available = meminfo("MemAvailable:") << 10;
        String detail = ByteSize.format(available >> 20 << 20) + " of " + ByteSize.format(meminfo("MemTotal:") >> 10 << 20)
                + " available";
        return available >= COMFORTABLE_BYTES
                ? HostCheck.ok("memory", detail)
                : HostCheck.note("memory", detail, "Give guests little (--memory), or free some.");
    }

    /** The tightest limit from our group up to the root; null where there is none. */
    private static @Nullable HostCheck cgroup() {
        String line = line(CGROUP, "0::");
        if (line == null) {
            return null;
        }
        long limit = Long.MAX_VALUE;
        for (Path group = Path.of(line.substring("0::".length())); group != null; group = group.getParent()) {
            Path file = CGROUP_ROOT.resolve(Path.of("/").relativize(group)).resolve("memory.max");
            String text = line(file, "");
            if (text != null && !text.equals("max")) {
                limit = Math.min(limit, number(text));
            }
        }
        if (limit == Long.MAX_VALUE) {
            return null;
        }
        return HostCheck.note(
                "memory limit (cgroup)",
                ByteSize.format(limit),
                "Guest memory counts against it, and the kernel kills what exceeds it: leave 100 MiB for the rest.");
    }

    private static HostCheck hugePages() {
        return HostCheck.ok("huge pages", meminfo("HugePages_Free:") + " of " + meminfo("HugePages_Total:") + " free");
    }

    private static HostCheck openFiles() {
        String line = line(LIMITS, "Max open files");
        if (line == null) {
            return HostCheck.note("open files", "limit unknown", "");
        }
        String limit = firstWord(line.substring("Max open files".length()));
        String detail = "limit " + limit;
        return limit.equals("unlimited") || number(limit) >= COMFORTABLE_FILES
                ? HostCheck.ok("open files", detail)
                : HostCheck.note("open files", detail, "Raise it for many VMs (ulimit -n).");
    }

    /** Returns a field of /proc/meminfo in its own unit (KiB, or pages), 0 where it is missing. */
    private static long meminfo(String field) {
        String line = line(MEMINFO, field);
        return line == null ? 0 : number(firstWord(line.substring(field.length())));
    }

    private static String firstWord(String text) {
        String trimmed = text.trim();
        int blank = trimmed.indexOf(' ');
        return blank < 0 ? trimmed : trimmed.substring(0, blank);
    }

    private static @Nullable String line(Path file, String start) {
        try {
            for (String line : Files.readAllLines(file)) {
                if (line.startsWith(start)) {
                    return line;
                }
            }
        } catch (IOException e) {
            // Not there on this host.
        }
        return null;
    }

    private static long number(String text) {
        try {
            return Long.parseLong(text);
        } catch (NumberFormatException e) {
            return 0;
        }
    }
}

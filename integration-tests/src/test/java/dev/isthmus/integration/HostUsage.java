// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.integration;

import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.stream.Stream;

/**
 * What this process has of the host.
 *
 * @param residentBytes memory
 * @param descriptors open files
 * @param threads of Java
 */
record HostUsage(long residentBytes, long descriptors, int threads) {

    static HostUsage now() throws IOException {
        long residentBytes = 0;
        for (String line : Files.readAllLines(Path.of("/proc/self/status"))) {
            if (line.startsWith("VmRSS:")) {
                residentBytes = Long.parseLong(line.replaceAll("\\D", "")) << 10;
            }
        }
        try (Stream<Path> descriptors = Files.list(Path.of("/proc/self/fd"))) {
            return new HostUsage(
                    residentBytes, descriptors.count(), ManagementFactory.getThreadMXBean().getThreadCount());
        }
    }

    /** Returns what the heap holds behind a collection. */
    static long heapBytes() {
        System.gc();
        return ManagementFactory.getMemoryMXBean().getHeapMemoryUsage().getUsed();
    }
}

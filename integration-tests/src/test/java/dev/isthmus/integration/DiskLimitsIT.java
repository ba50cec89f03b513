// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.integration;

import java.nio.file.Path;
import java.time.Duration;

import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

import dev.isthmus.block.RateLimits;
import dev.isthmus.device.Rate;
import dev.isthmus.machine.DiskConfig;
import dev.isthmus.machine.DiskEngine;
import dev.isthmus.machine.VirtioTransport;
import dev.isthmus.testing.kvm.RequiresKvm;
import dev.isthmus.vmm.Vm;

import static org.junit.jupiter.api.Assertions.assertTrue;

/** Rate limits as a driver that polls experiences them. */
@RequiresKvm
class DiskLimitsIT {
    private static final int OPERATIONS = 4000;
    private static final int BLOCK_BYTES = 4096;

    /** For the guest's start and end, and for what else the host does. */
    private static final Duration ALLOWANCE = Duration.ofSeconds(8);

    @TempDir
    Path folder;

    @ParameterizedTest
    @CsvSource({"THREADS, false", "IO_URING, true"})
    void requestsTakeTheTimeThatTheirRateSays(DiskEngine engine, boolean bytes) throws Exception {
        Path image = SparseFile.ofLength(folder.resolve("disk.img"), 1 << 20);
        RateLimits limits = bytes
                ? RateLimits.ofBytes(Rate.of(1000L * BLOCK_BYTES))
                : RateLimits.ofOperations(Rate.of(1000));
        DiskConfig disk = DiskConfig.raw(image).withEngine(engine).withLimits(limits);
        String command = "blk op=randread depth=32 bs=" + BLOCK_BYTES + " ops=" + OPERATIONS;

        long started = System.nanoTime();
        try (Vm vm = DriverGuest.running(VirtioTransport.PCI, command).disk(disk).start()) {
            DriverGuest.awaitSuccess(vm);
        }
        Duration taken = Duration.ofNanos(System.nanoTime() - started);

        // 1,000 a second, after a tenth of a second's start.
        Duration least = Duration.ofMillis(OPERATIONS - 101);
        assertTrue(taken.compareTo(least) >= 0, () -> "took " + taken);
        assertTrue(taken.compareTo(least.plus(ALLOWANCE)) < 0, () -> "took " + taken);
    }
}

// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.integration;

import java.io.RandomAccessFile;
import java.lang.management.ManagementFactory;
import java.nio.file.Path;

import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

import dev.isthmus.machine.DiskConfig;
import dev.isthmus.machine.DiskEngine;
import dev.isthmus.machine.VirtioTransport;
import dev.isthmus.testing.kvm.RequiresKvm;
import dev.isthmus.vmm.Vm;

import static org.junit.jupiter.api.Assertions.assertTrue;

/**
 * A guest that writes random values to all that a device of its own has, while another vCPU uses the disk next to it:
 * that one keeps working, and the host's process has lost nothing by it. The system property
 * {@code isthmus.attack.seconds} makes it longer.
 */
@RequiresKvm
class HostileDriverIT {
    private static final long SEED = 20261122;
    private static final int SECONDS = Integer.getInteger("isthmus.attack.seconds", 4);
    private static final long IMAGE_BYTES = 4 << 20;

    /** What the JVM may hold more of afterwards: classes and compiled code, which came to be meanwhile. */
    private static final long HEAP_GROWTH_MAX_BYTES = 32 << 20;

    @TempDir
    Path folder;

    private DiskConfig disk(String name, DiskEngine engine) throws Exception {
        Path image = folder.resolve(name);
        try (RandomAccessFile file = new RandomAccessFile(image.toFile(), "rw")) {
            file.setLength(IMAGE_BYTES);
        }
        return DiskConfig.raw(image).withEngine(engine);
    }

    private static long usedHeapBytes() {
        System.gc();
        return ManagementFactory.getMemoryMXBean().getHeapMemoryUsage().getUsed();
    }

    @ParameterizedTest
    @CsvSource({"PCI, IO_URING", "MMIO, THREADS"})
    void deviceUnderAttackLeavesItsNeighbourAndTheHostUnharmed(VirtioTransport transport, DiskEngine engine)
            throws Exception {
        String command = "attack depth=4 seed=" + SEED + " seconds=" + SECONDS + " tsc_khz=" + DriverGuest.tscKhz();
        long heapBefore = usedHeapBytes();

        String console;
        long heapDuring;
        try (Vm vm = DriverGuest.running(transport, command)
                .cpus(2)
                .disk(disk("used", engine))
                .disk(disk("attacked", engine))
                .start()) {
            console = DriverGuest.awaitSuccess(vm);
            heapDuring = usedHeapBytes();
        }

        assertTrue(DriverGuest.field(console, "result", "register_writes") > 0, console);
        assertTrue(DriverGuest.field(console, "result", "ops") > 0, console);
        assertTrue(heapDuring - heapBefore < HEAP_GROWTH_MAX_BYTES, () -> heapBefore + " bytes, then " + heapDuring);
    }
}

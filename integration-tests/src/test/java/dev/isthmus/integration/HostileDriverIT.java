// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.integration;

import java.nio.file.Path;
import java.time.Duration;

import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

import dev.isthmus.machine.DiskConfig;
import dev.isthmus.machine.DiskEngine;
import dev.isthmus.machine.VirtioTransport;
import dev.isthmus.testing.kvm.RequiresKvm;
import dev.isthmus.vmm.Vm;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

/**
 * A guest that for a minute writes random values to all that devices of its own have, one of them with packed queues, while
 * another vCPU uses the disk next to them and compares what it reads: that one keeps working, the attacked ones work again
 * after a reset, and the host's process neither grows nor keeps anything. The system property
 * {@code isthmus.attack.seconds} makes it shorter or longer.
 */
@RequiresKvm
class HostileDriverIT {
    private static final long SEED = 20261122;
    private static final int SECONDS = Integer.getInteger("isthmus.attack.seconds", 60);
    private static final long IMAGE_BYTES = 4 << 20;
    private static final int TARGETS = 2;
    private static final Duration PATIENCE = Duration.ofSeconds(60);

    /** What the JVM may hold more of afterwards: classes and compiled code, which came to be meanwhile. */
    private static final long HEAP_GROWTH_MAX_BYTES = 32 << 20;

    /**
     * What the process may grow by while the attack goes on: the JVM's heap by garbage, its code by compilation. It grows
     * by about 1 MiB where nothing else has run in it.
     */
    private static final long RESIDENT_GROWTH_MAX_BYTES = 128 << 20;

    /** Interrupts that attacked devices have vectors for, and files that the JVM happens to open. */
    private static final long DESCRIPTOR_GROWTH_MAX = 16;

    /** Disk workers, which start when there is work for them, and what the JVM starts for itself. */
    private static final int THREAD_GROWTH_MAX = 8;

    @TempDir
    Path folder;

    private DiskConfig disk(String name, DiskEngine engine, boolean packed) throws Exception {
        Path image = SparseFile.ofLength(folder.resolve(name), IMAGE_BYTES);
        return DiskConfig.raw(image).withEngine(engine).withQueues(2).withPacked(packed);
    }

    /** Waits for some seconds of the guest's time, each of which its second vCPU reports. */
    private static void awaitProgress(Vm vm, int seconds) throws Exception {
        for (int i = 0; i < seconds; i++) {
            vm.serial().awaitText("progress ops=", PATIENCE);
        }
    }

    @ParameterizedTest
    @CsvSource({"PCI, IO_URING", "MMIO, THREADS"})
    void devicesUnderAttackLeaveTheirNeighbourAndTheHostUnharmed(VirtioTransport transport, DiskEngine engine)
            throws Exception {
        String command = "attack depth=4 seed=" + SEED + " seconds=" + SECONDS + " targets=" + TARGETS + " tsc_khz="
                + DriverGuest.tscKhz();
        // Its compiler's process leaves a thread of the JDK's behind.
        DriverGuest.elf();
        HostUsage before = HostUsage.now();
        long heapBefore = HostUsage.heapBytes();

        String console;
        HostUsage early;
        HostUsage late;
        Duration taken;
        try (Vm vm = DriverGuest.running(transport, command)
                .cpus(2)
                .disk(disk("used", engine, false))
                .disk(disk("attacked", engine, true))
                .disk(disk("attacked too", engine, false))
                .start()) {
            long startedNanos = System.nanoTime();
            awaitProgress(vm, SECONDS / 4);
            early = HostUsage.now();
            awaitProgress(vm, SECONDS / 2);
            late = HostUsage.now();
            console = DriverGuest.awaitSuccess(vm);
            taken = Duration.ofNanos(System.nanoTime() - startedNanos);
        }
        long heapAfter = HostUsage.heapBytes();
        HostUsage after = HostUsage.now();

        assertTrue(DriverGuest.field(console, "result", "register_writes") > 0, console);
        assertTrue(DriverGuest.field(console, "result", "used") > 0, console);
        assertTrue(DriverGuest.field(console, "result", "packed_used") > 0, console);
        assertTrue(DriverGuest.field(console, "result", "ops") > 0, console);
        assertTrue(taken.toSeconds() >= SECONDS, () -> "attacked for " + taken);
        assertEquals(TARGETS, DriverGuest.field(console, "result", "recovered"), console);
        assertTrue(heapAfter - heapBefore < HEAP_GROWTH_MAX_BYTES, () -> heapBefore + " bytes, then " + heapAfter);
        String usage = before + " before, " + early + " early, " + late + " late, " + after + " after";
        assertTrue(late.residentBytes() - early.residentBytes() < RESIDENT_GROWTH_MAX_BYTES, usage);
        assertTrue(late.descriptors() - early.descriptors() <= DESCRIPTOR_GROWTH_MAX, usage);
        assertTrue(late.threads() - early.threads() <= THREAD_GROWTH_MAX, usage);
        assertTrue(after.descriptors() - before.descriptors() <= DESCRIPTOR_GROWTH_MAX, usage);
        assertTrue(after.threads() - before.threads() <= 2, usage);
    }
}

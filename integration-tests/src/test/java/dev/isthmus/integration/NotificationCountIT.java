// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.integration;

import java.nio.file.Path;

import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

import dev.isthmus.machine.DiskConfig;
import dev.isthmus.machine.VirtioTransport;
import dev.isthmus.testing.kvm.RequiresKvm;
import dev.isthmus.vmm.Vm;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

/**
 * Notifications that a driver on real KVM counts, in both directions and both ring formats (virtio 1.2, sections 2.7.7,
 * 2.7.10 and 2.8.10).
 */
@RequiresKvm
class NotificationCountIT {
    private static final int REQUESTS = 1000;
    private static final int IMAGE_BYTES = 4 << 20;

    @TempDir
    Path folder;

    private String run(VirtioTransport transport, String options) throws Exception {
        Path image = SparseFile.ofLength(folder.resolve("disk.img"), IMAGE_BYTES);
        DiskConfig disk = DiskConfig.raw(image).withQueues(1).withPacked(true);
        String command = "blk op=randread ops=" + REQUESTS + " " + options;
        try (Vm vm = DriverGuest.running(transport, command).disk(disk).start()) {
            return DriverGuest.awaitSuccess(vm);
        }
    }

    @ParameterizedTest
    @CsvSource({
        "PCI,  packed=0 event_idx=0",
        "PCI,  packed=0 event_idx=1",
        "PCI,  packed=1 event_idx=0",
        "MMIO, packed=1 event_idx=1",
    })
    void driverThatAsksEachTimeIsInterruptedOncePerRequest(VirtioTransport transport, String form) throws Exception {
        String console = run(transport, form + " depth=1 interrupts=1");

        assertEquals(REQUESTS, DriverGuest.field(console, "result", "ops"), console);
        assertEquals(REQUESTS, DriverGuest.field(console, "result", "interrupts"), console);
        assertTrue(DriverGuest.field(console, "result", "kicks") <= REQUESTS, console);
    }

    @ParameterizedTest
    @CsvSource({
        "PCI,  packed=0 event_idx=0",
        "MMIO, packed=0 event_idx=1",
        "MMIO, packed=1 event_idx=0",
        "PCI,  packed=1 event_idx=1",
    })
    void driverThatPollsAtDepthIsNeverInterruptedAndKicksLessOftenThanItAsks(VirtioTransport transport, String form)
            throws Exception {
        String console = run(transport, form + " depth=32");

        assertEquals(REQUESTS, DriverGuest.field(console, "result", "ops"), console);
        assertEquals(0, DriverGuest.field(console, "result", "interrupts"), console);
        long kicks = DriverGuest.field(console, "result", "kicks");
        assertTrue(kicks >= 1 && kicks < REQUESTS, console);
    }
}

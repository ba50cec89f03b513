// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.integration;

import java.nio.file.Path;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;

import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.extension.RegisterExtension;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

import dev.isthmus.machine.DiskConfig;
import dev.isthmus.machine.DiskEngine;
import dev.isthmus.machine.DiskErrorPolicy;
import dev.isthmus.machine.DiskFault;
import dev.isthmus.machine.MachineState;
import dev.isthmus.machine.VirtioTransport;
import dev.isthmus.testing.kvm.RequiresKvm;
import dev.isthmus.vmm.Vm;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

/** A host file system that fills up under a disk that stops the machine. */
@RequiresKvm
@Timeout(300)
class DiskStopIT {
    private static final int BLOCK_BYTES = 4096;
    private static final int BLOCKS = 1024;
    private static final long SEED = 11;

    @RegisterExtension
    final SmallFileSystem fileSystem = new SmallFileSystem("1m");

    private final BlockingQueue<DiskFault> faults = new LinkedBlockingQueue<>();

    private DiskFault awaitFault() throws InterruptedException {
        DiskFault fault = faults.poll(150, TimeUnit.SECONDS);
        assertNotNull(fault, "the machine was not paused");
        return fault;
    }

    @ParameterizedTest
    @EnumSource(DiskEngine.class)
    void guestStandsStillUntilThereIsRoomAndNeverNoticed(DiskEngine engine) throws Exception {
        Path image = SparseFile.ofLength(fileSystem.folder().resolve("disk.img"), (long) BLOCKS * BLOCK_BYTES);
        DiskConfig disk = DiskConfig.raw(image)
                .withId("data")
                .withEngine(engine)
                .withErrorPolicy(DiskErrorPolicy.STOP);
        String command = "blk op=write verify=1 depth=8 seed=" + SEED + " ops=" + BLOCKS;

        try (Vm vm = DriverGuest.running(VirtioTransport.PCI, command).disk(disk).start()) {
            vm.whenDiskFaults(faults::add);
            DiskFault fault = awaitFault();
            assertEquals("disk data", fault.disk());
            assertTrue(fault.noSpace(), fault.message());
            assertTrue(fault.message().contains("ENOSPC"), fault.message());
            assertEquals(MachineState.PAUSED, vm.state());
            assertEquals(fault, vm.diskFault());

            // Not enough: it goes on, and stops again.
            fileSystem.resize("2m");
            vm.resume();
            awaitFault();
            assertEquals(MachineState.PAUSED, vm.state());

            fileSystem.resize("16m");
            vm.resume();
            assertNull(vm.diskFault());
            DriverGuest.awaitSuccess(vm);
        }

        DriverGuest.assertWritten(image, BLOCK_BYTES, BLOCKS, SEED);
    }

    @ParameterizedTest
    @EnumSource(DiskEngine.class)
    void machineThatADiskHasStoppedCanBeClosedAsItIs(DiskEngine engine) throws Exception {
        Path image = SparseFile.ofLength(fileSystem.folder().resolve("disk.img"), (long) BLOCKS * BLOCK_BYTES);
        DiskConfig disk =
                DiskConfig.raw(image).withEngine(engine).withErrorPolicy(DiskErrorPolicy.STOP);

        try (Vm vm = DriverGuest.running(VirtioTransport.MMIO, "blk op=write verify=1 depth=8 ops=" + BLOCKS)
                .disk(disk)
                .start()) {
            vm.whenDiskFaults(faults::add);

            assertEquals("disk 0", awaitFault().disk());
        }
    }
}

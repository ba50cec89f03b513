// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.integration;

import java.nio.file.Path;

import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

import dev.isthmus.machine.DiskConfig;
import dev.isthmus.machine.DiskEngine;
import dev.isthmus.machine.VirtioTransport;
import dev.isthmus.testing.kvm.RequiresKvm;
import dev.isthmus.vmm.Vm;
import dev.isthmus.vmm.VmBuilder;

import static org.junit.jupiter.api.Assertions.assertEquals;

/** A driver that polls moves data through every transport, engine and form of queue, and both sides compare it. */
@RequiresKvm
class DriverGuestDiskIT {
    private static final int BLOCK_BYTES = 4096;
    private static final int BLOCKS = 512;
    private static final long SEED = 7;

    @TempDir
    Path folder;

    private Path image(String name) throws Exception {
        return SparseFile.ofLength(folder.resolve(name), (long) BLOCKS * BLOCK_BYTES);
    }

    private String run(VirtioTransport transport, int queues, DiskEngine engine, Path image, String command)
            throws Exception {
        DiskConfig disk = DiskConfig.raw(image).withEngine(engine).withQueues(queues).withPacked(true);
        String options = " verify=1 depth=8 seed=" + SEED + " queues=" + queues;
        try (Vm vm = DriverGuest.running(transport, command + options).disk(disk).start()) {
            return DriverGuest.awaitSuccess(vm);
        }
    }

    @ParameterizedTest
    @CsvSource({
        "PCI,  1, THREADS,  event_idx=1 indirect=1 segments=1",
        "PCI,  2, IO_URING, event_idx=1 indirect=0 segments=3",
        "MMIO, 1, IO_URING, event_idx=0 indirect=1 segments=8",
        "MMIO, 2, THREADS,  event_idx=0 indirect=0 segments=1",
        "PCI,  2, IO_URING, packed=1 event_idx=1 indirect=1 segments=2",
        "PCI,  1, THREADS,  packed=1 event_idx=0 indirect=0 segments=3 queue_size=61",
        "MMIO, 1, IO_URING, packed=1 event_idx=1 indirect=0 segments=1 queue_size=33",
    })
    void whatTheDriverWritesIsInTheImageAndReadsBack(
            VirtioTransport transport, int queues, DiskEngine engine, String form) throws Exception {
        Path image = image("disk.img");

        String console = run(transport, queues, engine, image, "blk op=write ops=" + BLOCKS + " " + form);

        assertEquals(BLOCKS, DriverGuest.field(console, "checked", "blocks"), console);
        DriverGuest.assertWritten(image, BLOCK_BYTES, BLOCKS, SEED);
    }

    @ParameterizedTest
    @CsvSource({
        "PCI,  2, THREADS,  randwrite",
        "PCI,  1, IO_URING, randread",
        "MMIO, 2, IO_URING, randwrite",
        "MMIO, 1, THREADS,  randread",
        "PCI,  2, THREADS,  randwrite packed=1",
        "MMIO, 1, IO_URING, randread packed=1 queue_size=50",
    })
    void randomRequestsAtDepthSeeTheLatestWriteOfEachBlock(
            VirtioTransport transport, int queues, DiskEngine engine, String operation) throws Exception {
        String console = run(transport, queues, engine, image("disk.img"), "blk op=" + operation + " ops=2000");

        assertEquals(2000, DriverGuest.field(console, "result", "ops"), console);
    }

    @ParameterizedTest
    @ValueSource(ints = {0, 30})
    void eachOfThirtyOneDisksOnTheBusIsFoundAndWorks(int device) throws Exception {
        String command = "blk op=write verify=1 depth=4 ops=" + BLOCKS + " device=" + device;
        VmBuilder builder = DriverGuest.running(VirtioTransport.PCI, command);
        for (int i = 0; i < VirtioTransport.PCI.maxDevices(); i++) {
            builder.disk(DiskConfig.raw(image("disk" + i)));
        }

        try (Vm vm = builder.start()) {
            String console = DriverGuest.awaitSuccess(vm);

            assertEquals(BLOCKS, DriverGuest.field(console, "checked", "blocks"), console);
        }
    }
}

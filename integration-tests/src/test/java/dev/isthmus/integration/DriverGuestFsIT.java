// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.integration;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.stream.Stream;

import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

import dev.isthmus.machine.FolderConfig;
import dev.isthmus.machine.VirtioTransport;
import dev.isthmus.testing.kvm.RequiresKvm;
import dev.isthmus.vmm.Vm;

import static org.junit.jupiter.api.Assertions.assertEquals;

/** A FUSE client that polls uses a folder of the host through every transport and form of queue, and both sides compare. */
@RequiresKvm
class DriverGuestFsIT {
    private static final int BLOCK_BYTES = 128 << 10;
    private static final int BLOCKS = 32;
    private static final long SEED = 9;

    @TempDir
    Path folder;

    private String run(VirtioTransport transport, String command) throws Exception {
        FolderConfig shared = FolderConfig.of(folder, "shared").withPacked(true);
        try (Vm vm = DriverGuest.running(transport, command).device(shared).start()) {
            return DriverGuest.awaitSuccess(vm);
        }
    }

    @ParameterizedTest
    @CsvSource({
        "PCI,  1, event_idx=1 indirect=1",
        "PCI,  8, event_idx=0 indirect=0",
        "PCI,  4, packed=1 event_idx=1 indirect=1",
        "MMIO, 8, event_idx=1 indirect=1",
        "MMIO, 1, packed=1 event_idx=0 indirect=0 queue_size=61",
    })
    void whatTheClientWritesIsInTheFileAndReadsBack(VirtioTransport transport, int depth, String form) throws Exception {
        String options = " file=written verify=1 seed=" + SEED + " depth=" + depth + " ops=" + BLOCKS + " bs=" + BLOCK_BYTES
                + " " + form;

        String written = run(transport, "fs op=write" + options);
        String read = run(transport, "fs op=read" + options);

        assertEquals(BLOCKS, DriverGuest.field(written, "result", "ops"), written);
        assertEquals(BLOCKS, DriverGuest.field(read, "result", "ops"), read);
        assertEquals(0, DriverGuest.field(read, "result", "mismatches"), read);
        DriverGuest.assertWritten(folder.resolve("written"), BLOCK_BYTES, BLOCKS, SEED);
    }

    @ParameterizedTest
    @CsvSource({"PCI, event_idx=1", "MMIO, packed=1 event_idx=0"})
    void namesAreLookedUpAndFilesComeAndGo(VirtioTransport transport, String form) throws Exception {
        Files.writeString(folder.resolve("there"), "for its attributes");

        String lookups = run(transport, "fs op=lookup file=there ops=200 " + form);
        String creations = run(transport, "fs op=create ops=198 " + form);

        assertEquals(200, DriverGuest.field(lookups, "result", "ops"), lookups);
        assertEquals(198, DriverGuest.field(creations, "result", "ops"), creations);
        try (Stream<Path> left = Files.list(folder)) {
            assertEquals(1, left.count());
        }
    }
}

// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.integration;

import java.nio.file.Path;
import java.time.Duration;
import java.util.List;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;

import dev.isthmus.machine.MachineLayout;
import dev.isthmus.testing.kvm.RequiresKvm;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

/** The command with a disk whose host file system fills up: what it tells its user, and what SIGUSR1 does. */
@RequiresKvm
class CommandDiskStopIT {
    /** As users start it. */
    private static final Path PROGRAM = Path.of("..", "vmm", "target", "isthmus", "bin", "isthmus");

    private static final Duration DEADLINE = Duration.ofMinutes(4);
    private static final int BLOCK_BYTES = 4096;
    private static final int BLOCKS = 1024;
    private static final long SEED = 12;

    /** Of a guest that has written 0 to the debug-exit port. */
    private static final int STATUS_DEBUG_EXIT_0 = 1;

    private static final String PAUSED = "the guest is paused: ";
    private static final String GOES_ON = "the guest goes on";

    @RegisterExtension
    final SmallFileSystem fileSystem = new SmallFileSystem("1m");

    @Test
    void guestThatADiskHasPausedGoesOnAfterSigusr1() throws Exception {
        Path image = SparseFile.ofLength(fileSystem.folder().resolve("disk.img"), (long) BLOCKS * BLOCK_BYTES);
        List<String> command = List.of(
                PROGRAM.toString(), "run",
                "--kernel", DriverGuest.elf().toString(),
                "--memory", "64M",
                "--debug-exit", "0x" + Integer.toHexString(MachineLayout.DEBUG_EXIT_PORT),
                "--cmdline", "blk op=write verify=1 depth=8 seed=" + SEED + " ops=" + BLOCKS,
                "--disk", "path=" + image + ",id=data,on-error=stop");

        try (ChildProgram program = ChildProgram.start(DEADLINE, command)) {
            String told = program.awaitLine(PAUSED);
            assertTrue(told.contains("disk data has no room on the host: "), told);
            assertTrue(told.contains("'kill -USR1 " + program.pid() + "'"), told);
            assertFalse(program.toString().contains("result"), program::toString);

            // Not enough: it goes on, and stops again.
            fileSystem.resize("2m");
            program.signal("USR1");
            program.awaitLine(GOES_ON);
            program.awaitLine(PAUSED);

            fileSystem.resize("16m");
            program.signal("USR1");
            program.awaitLine(GOES_ON);
            assertEquals(STATUS_DEBUG_EXIT_0, program.awaitEnd(), program::toString);
            assertEquals(BLOCKS, DriverGuest.field(program.toString(), "checked", "blocks"), program::toString);
        }
        DriverGuest.assertWritten(image, BLOCK_BYTES, BLOCKS, SEED);
    }

    @Test
    void guestThatADiskHasPausedEndsWithTheCommand() throws Exception {
        Path image = SparseFile.ofLength(fileSystem.folder().resolve("disk.img"), (long) BLOCKS * BLOCK_BYTES);
        List<String> command = List.of(
                PROGRAM.toString(), "run",
                "--kernel", DriverGuest.elf().toString(),
                "--memory", "64M",
                "--cmdline", "blk op=write depth=8 ops=" + BLOCKS,
                "--disk", "path=" + image + ",on-error=stop");

        try (ChildProgram program = ChildProgram.start(DEADLINE, command)) {
            assertTrue(program.awaitLine(PAUSED).contains("disk 0 has no room"), program::toString);
            program.signal("TERM");
            program.awaitLine("asked the guest to power off");
            program.signal("TERM");

            assertEquals(143, program.awaitEnd(), program::toString);
        }
    }
}

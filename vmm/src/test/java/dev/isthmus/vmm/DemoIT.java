// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.vmm;

import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.util.HexFormat;
import java.util.Random;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

import dev.isthmus.testing.kvm.RequiresKvm;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

/**
 * {@code isthmus demo} with the guest that comes with it, and input that is there long before the guest is. All of it
 * reaches the guest's command, once, as it is, and with its end.
 */
@RequiresKvm
@Timeout(600)
class DemoIT {
    /** More than a pipe, our own queues, the guest's driver or its terminal could hold. */
    private static final int INPUT_BYTES = 80_000;

    @TempDir
    private Path directory;

    @Test
    void pipedBytesOfAnyKindAndNumberReachTheCommandAndItsStatusComesBack() throws Exception {
        byte[] input = new byte[INPUT_BYTES];
        new Random(9).nextBytes(input);
        String hash = HexFormat.of().formatHex(MessageDigest.getInstance("SHA-256").digest(input));
        // Whoever reads on behind the end finds the end again.
        String script = "sha256sum; cat; exit 5";

        try (CommandProcess command = CommandProcess.start("demo", "--", "sh", "-c", script)) {
            command.write(input);
            command.closeInput();

            assertEquals(5, command.status(), command::toString);
            assertEquals(hash + "  -\n", command.output());
            assertEquals("", command.errors());
        }
    }

    @Test
    void filesArriveOnceAndDevNullIsEmpty() throws Exception {
        Path file = Files.writeString(directory.resolve("input"), "hello\nworld");
        // Side by side: each boots Linux.
        try (CommandProcess fromFile = CommandProcess.start(
                        CommandProcess.builder("demo", "--", "cat").redirectInput(file.toFile()));
                CommandProcess fromNothing = CommandProcess.start(CommandProcess.builder("demo", "--", "wc", "-c")
                        .redirectInput(Path.of("/dev/null").toFile()))) {
            assertEquals(0, fromFile.status(), fromFile::toString);
            assertEquals("hello\nworld", fromFile.output());
            assertEquals(0, fromNothing.status(), fromNothing::toString);
            assertEquals("0", fromNothing.output().strip());
        }
    }

    @Test
    void timeoutEndsAGuestThatHasNotComeToItsInput() throws Exception {
        try (CommandProcess command = CommandProcess.start("demo", "--timeout", "1s")) {
            command.write(new byte[INPUT_BYTES]);

            assertEquals(124, command.status(), command::toString);
            assertTrue(command.errors().contains("--timeout 1s"), command::toString);
        }
    }
}

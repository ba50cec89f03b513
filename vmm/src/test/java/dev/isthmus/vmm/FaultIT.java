// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.vmm;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

import dev.isthmus.testing.kvm.RequiresKvm;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

/** What the command does where the host fails it (status 6), and where it fails itself (status 8). */
@RequiresKvm
@Timeout(300)
class FaultIT {
    /** No JVM starts with so few threads; about 16 are enough for all, and more on a larger host. */
    private static final int FEWEST_THREADS = 8;

    private static final int MOST_THREADS = 64;

    /** The java launcher's own status. */
    private static final int JVM_DID_NOT_START = 1;

    @TempDir
    private Path directory;

    @Test
    void memoryThatTheHostDoesNotGiveIsStatus6() throws Exception {
        CommandProcess command = CommandProcess.run(limited(
                "ulimit -v 100000000", "run", "--kernel", Guests.powerOff(directory).toString(), "--memory", "200G"));

        assertEquals(6, command.status(), command::toString);
        assertOneLine(command, "204800 MiB");
        assertOneLine(command, "Free memory on the host");
    }

    @Test
    void kernelFileThatIsCutOffBeforeTheGuestResetsIsStatus6() throws Exception {
        Path kernel = Guests.resetAfterInput(directory);
        try (CommandProcess command = CommandProcess.start("run", "--kernel", kernel.toString(), "--memory", "32M")) {
            command.awaitOutput("ready\n");
            Files.write(kernel, new byte[100]);
            command.write("now");

            assertEquals(6, command.status(), command::toString);
            assertOneLine(command, kernel + ": has become shorter");
        }
    }

    @Test
    void howeverFewThreadsTheHostAllowsTheCommandEndsAndSaysWhy() throws Exception {
        Assumptions.assumeTrue("root".equals(System.getProperty("user.name")), "becoming another user takes root");
        String kernel = Guests.debugExit(directory, 42).toString();
        int hostFaults = 0;
        int status = JVM_DID_NOT_START;
        for (int threads = FEWEST_THREADS; status != 85; threads++) {
            assertTrue(threads <= MOST_THREADS, "the command needs more threads than it should");
            CommandProcess command = CommandProcess.run(withThreads(
                    threads, "run", "--kernel", kernel, "--memory", "32M", "--debug-exit", "0xf4", "--serial", "null"));
            status = command.status();
            if (status == 6) {
                hostFaults++;
                assertOneLine(command, "Raise the limit of processes");
            } else {
                assertTrue(status == 85 || status == JVM_DID_NOT_START, status + " with " + threads + " threads: " + command);
            }
        }
        assertTrue(hostFaults > 0, "no number of threads was too small for the guest alone");
    }

    @ParameterizedTest
    @CsvSource({"'--serial file=/dev/full', ''", "'--serial stdio', /dev/full"})
    void serialOutputThatCanNotBeWrittenIsSaidOnceAndTheGuestGoesOn(String options, String output) throws Exception {
        List<String> args = new ArrayList<>(List.of(
                "run", "--kernel", Guests.listening(directory).toString(), "--memory", "32M"));
        args.addAll(List.of(options.split(" ", -1)));
        ProcessBuilder builder = CommandProcess.builder(args.toArray(new String[0]));
        if (!output.isEmpty()) {
            builder.redirectOutput(Path.of(output).toFile());
        }
        try (CommandProcess command = CommandProcess.start(builder)) {
            command.awaitError("output is dropped from here on");
            command.awaitError("ENOSPC");
            command.signal("TERM");

            assertEquals(143, command.status(), command::toString);
            assertTrue(command.errors().startsWith("isthmus: warning: "), command::toString);
        }
    }

    @ParameterizedTest
    @CsvSource({
        "dev.isthmus.machine.platform.DebugExit, write, true", // on a vCPU's thread
        "dev.isthmus.machine.serial.NullSerial, transmit, false", // on the event loop's, so the guest must not end first
        "dev.isthmus.machine.boot.KernelLoader, open, false", // on the main thread, before the guest runs
    })
    void bugOfOursIsStatus8InOneLine(String className, String method, boolean guestEnds) throws Exception {
        String kernel = guestEnds ? talking() : Guests.listening(directory).toString();

        CommandProcess command = CommandProcess.run(broken(
                className, method, "run", "--kernel", kernel, "--memory", "32M", "--debug-exit", "0xf4", "--serial", "null"));

        assertEquals(8, command.status(), command::toString);
        assertOneLine(command, "internal error: ");
        assertOneLine(command, BrokenClass.MESSAGE);
        assertOneLine(command, "Please report it with the output under --verbose");
    }

    @Test
    void bugOfOursUnderVerboseShowsWhereItIs() throws Exception {
        CommandProcess command = CommandProcess.run(broken(
                "dev.isthmus.machine.platform.DebugExit", "write",
                "run", "--kernel", talking(), "--memory", "32M", "--debug-exit", "0xf4", "--serial", "null", "--verbose"));

        assertEquals(8, command.status(), command::toString);
        assertTrue(command.errors().contains("at dev.isthmus.machine"), command::toString);
    }

    /** A guest that sends a text and then writes to the debug-exit port. */
    private String talking() throws Exception {
        return Guests.talking(directory).toString();
    }

    private ProcessBuilder broken(String className, String method, String... args) throws Exception {
        Path patch = Files.createDirectory(directory.resolve("patch"));
        ProcessBuilder builder = CommandProcess.builder(args).redirectInput(Path.of("/dev/null").toFile());
        builder.environment().put("JDK_JAVA_OPTIONS", BrokenClass.patch(patch, "dev.isthmus.machine", className, method));
        return builder;
    }

    /** The command behind a limit that a shell sets. */
    private static ProcessBuilder limited(String limit, String... args) {
        List<String> line = new ArrayList<>(List.of("sh", "-c", limit + " && exec \"$@\"", "sh"));
        line.addAll(CommandProcess.builder(args).command());
        return new ProcessBuilder(line);
    }

    /** The command as a user of its own, for whom the limit counts, with the right to read and write any file. */
    private static ProcessBuilder withThreads(int threads, String... args) {
        List<String> line = new ArrayList<>(List.of(
                "setpriv", "--reuid=54321", "--inh-caps=+dac_override", "--ambient-caps=+dac_override",
                "prlimit", "--nproc=" + threads + ":" + threads));
        line.addAll(CommandProcess.builder(args).command());
        return new ProcessBuilder(line);
    }

    private static void assertOneLine(CommandProcess command, String named) {
        String errors = command.errors();
        assertTrue(errors.contains(named), errors);
        assertTrue(errors.startsWith("isthmus: "), errors);
        assertEquals(1, errors.lines().count(), errors);
        assertFalse(errors.contains("\tat "), errors);
    }
}

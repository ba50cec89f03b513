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
import org.junit.jupiter.params.provider.ValueSource;

import dev.isthmus.machine.Machine;
import dev.isthmus.testing.kvm.RequiresKvm;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

/** The command from outside: exit statuses, streams, signals, messages. */
@RequiresKvm
@Timeout(300)
class CommandIT {
    @TempDir
    private Path directory;

    @ParameterizedTest
    @CsvSource({"0, 1", "42, 85", "127, 255", "128, 1"})
    void debugExitGivesItsOddStatus(int value, int status) throws Exception {
        CommandProcess command =
                CommandProcess.run(run(Guests.debugExit(directory, value), "--debug-exit", "0xf4", "--serial", "null"));

        assertEquals(status, command.status(), command::toString);
        assertEquals("", command.output() + command.errors());
    }

    @Test
    void powerOffIsStatus0() throws Exception {
        CommandProcess command = CommandProcess.run(run(Guests.powerOff(directory)));

        assertEquals(0, command.status(), command::toString);
        assertEquals("", command.errors());
    }

    @Test
    void resetIsStatus0WhereItEndsTheGuest() throws Exception {
        CommandProcess command = CommandProcess.run(run(Guests.reset(directory), "--no-reboot"));

        assertEquals(0, command.status(), command::toString);
    }

    @Test
    void cpuFlagsThatTheHostDoesNotHeedAreNamedInOneLine() throws Exception {
        CommandProcess command = CommandProcess.run(run(Guests.powerOff(directory), "--cpu", "host,-umip"));

        assertEquals(0, command.status(), command::toString);
        if (Machine.hostInterpretsKernelCode()) {
            assertOneLine(command, "does not heed -umip");
        } else {
            assertEquals("", command.errors());
        }
    }

    @Test
    void panicIsStatus34WithADump() throws Exception {
        CommandProcess command = CommandProcess.run(run(Guests.panic(directory)));

        assertEquals(34, command.status(), command::toString);
        assertTrue(command.errors().contains("panicked"), command::toString);
        assertTrue(command.errors().contains("rip"), command::toString);
    }

    @Test
    void tripleFaultIsStatus36WithADump() throws Exception {
        CommandProcess command = CommandProcess.run(run(Guests.tripleFault(directory), "--no-reboot"));

        assertEquals(36, command.status(), command::toString);
        assertTrue(command.errors().contains("0f 0b"), command::toString);
    }

    @Test
    void guestThatKvmCanNotContinueIsStatus38WithADump() throws Exception {
        CommandProcess command = CommandProcess.run(run(Guests.lost(directory)));

        assertEquals(38, command.status(), command::toString);
        assertTrue(command.errors().contains("d0000000"), command::toString);
    }

    @Test
    void timeoutIsStatus124AndSaysSo() throws Exception {
        CommandProcess command = CommandProcess.run(run(Guests.deaf(directory), "--timeout", "300ms"));

        assertEquals(124, command.status(), command::toString);
        assertTrue(command.errors().contains("--timeout 300ms"), command::toString);
    }

    @Test
    void hostThatCanNotIsStatus4InOneLineWithARemedy() throws Exception {
        Assumptions.assumeTrue("root".equals(System.getProperty("user.name")), "hiding /dev/kvm takes root");
        List<String> line = new ArrayList<>(List.of(
                "unshare", "--mount", "sh", "-c", "mount --bind /dev/null /dev/kvm && exec \"$@\"", "sh"));
        line.addAll(CommandProcess.builder(run(Guests.powerOff(directory))).command());

        CommandProcess command = CommandProcess.run(new ProcessBuilder(line));

        assertEquals(4, command.status(), command::toString);
        assertOneLine(command, "/dev/kvm");
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', value = {
        "run --kernel /nowhere/vmlinux|/nowhere/vmlinux",
        "run --kernel /etc/passwd|/etc/passwd",
        "run --kernel /etc|/etc",
        "run|no kernel given",
        "run --kernel /etc/passwd --memory lots|'lots'",
        "run --kernle x|--kernle",
        "run --kernel|--kernel",
        "frobnicate|frobnicate",
        "completion fish|fish",
    })
    void wrongUsageIsStatus2InOneLine(String line, String named) throws Exception {
        CommandProcess command = CommandProcess.run(line.split(" ", -1));

        assertEquals(2, command.status(), command::toString);
        assertOneLine(command, named);
    }

    @Test
    void diskThatIsMissingIsStatus2() throws Exception {
        CommandProcess command =
                CommandProcess.run(run(Guests.powerOff(directory), "--disk", "path=" + directory.resolve("none.img")));

        assertEquals(2, command.status(), command::toString);
        assertOneLine(command, "none.img");
    }

    @Test
    void verboseShowsTheStackTraceBelowTheLine() throws Exception {
        CommandProcess command = CommandProcess.run("run", "--kernel", "/nowhere/vmlinux", "--verbose");

        assertEquals(2, command.status(), command::toString);
        assertTrue(command.errors().contains("\tat "), command::toString);
    }

    @Test
    void noArgumentsIsStatus2WithTheUsage() throws Exception {
        CommandProcess command = CommandProcess.run();

        assertEquals(2, command.status(), command::toString);
        assertTrue(command.errors().contains("Usage: isthmus"), command::toString);
    }

    @ParameterizedTest
    @ValueSource(strings = {"--version", "--help", "run --help", "demo --help", "doctor --help", "completion bash"})
    void whatAsksForTextGetsItOnStandardOutput(String line) throws Exception {
        CommandProcess command = CommandProcess.run(line.split(" ", -1));

        assertEquals(0, command.status(), command::toString);
        assertTrue(command.output().contains("isthmus"), command::toString);
        assertEquals("", command.errors());
    }

    @ParameterizedTest
    @CsvSource({"pci, PCI 00:01.0", "mmio, 0xfeb00000"})
    void dryRunShowsWhatWasResolvedWithoutKvm(String transport, String place) throws Exception {
        Path disk = Files.write(directory.resolve("disk.img"), new byte[4096]);

        CommandProcess command = CommandProcess.run(
                "run", "--kernel", Guests.powerOff(directory).toString(), "--dry-run", "--memory", "4G", "--cmdline", "quiet",
                "--transport", transport, "--disk", "path=" + disk + ",readonly=on");

        assertEquals(0, command.status(), command::toString);
        for (String expected : List.of(
                "(pvh)", "quiet", "4 GiB", "0x0-0xbfffffff RAM", "0x100000000-0x13fffffff RAM", place, "read-only")) {
            assertTrue(command.output().contains(expected), () -> expected + " is missing in\n" + command);
        }
    }

    @Test
    void doctorFindsThatThisHostCan() throws Exception {
        CommandProcess command = CommandProcess.run("doctor");

        assertEquals(0, command.status(), command::toString);
        assertTrue(command.output().contains("created, ran one instruction and closed"), command::toString);
        assertTrue(command.output().endsWith("This host can run VMs.\n"), command::toString);
    }

    @Test
    void pipesCarryTheSerialLineBothWays() throws Exception {
        try (CommandProcess command = CommandProcess.start(run(Guests.echoLine(directory)))) {
            command.awaitOutput("# ");
            command.write("hello, world\n");

            assertEquals(0, command.status(), command::toString);
            assertEquals("# hello, world\n", command.output());
        }
    }

    @Test
    void filesCarryTheSerialLineBothWays() throws Exception {
        Path input = Files.writeString(directory.resolve("in"), "from a file\n");
        Path output = directory.resolve("out");
        ProcessBuilder builder = CommandProcess.builder(run(Guests.echoLine(directory)))
                .redirectInput(input.toFile())
                .redirectOutput(output.toFile());

        CommandProcess command = CommandProcess.run(builder);

        assertEquals(0, command.status(), command::toString);
        assertEquals("# from a file\n", Files.readString(output));
    }

    @Test
    void pseudoTerminalOfTheSerialLineIsNamedAndWorks() throws Exception {
        try (CommandProcess command = CommandProcess.start(run(Guests.echoLine(directory), "--serial", "pty"))) {
            command.awaitError("the serial line is at /dev/pts/");
            String line = command.errors().lines().filter(text -> text.contains("/dev/pts/")).findFirst().orElseThrow();
            Files.writeString(Path.of(line.substring(line.indexOf("/dev/pts/"))), "typed\n");

            assertEquals(0, command.status(), command::toString);
            assertEquals("", command.output());
        }
    }

    @Test
    void endOfInputDoesNotEndTheGuest() throws Exception {
        try (CommandProcess command = CommandProcess.start(run(Guests.listening(directory)))) {
            command.closeInput();
            command.awaitOutput("ready\n");
            command.signal("TERM");

            assertEquals(143, command.status(), command::toString);
        }
    }

    @ParameterizedTest
    @CsvSource({"TERM, 143", "INT, 130", "HUP, 129"})
    void firstSignalPressesThePowerButton(String signal, int status) throws Exception {
        try (CommandProcess command = CommandProcess.start(
                CommandProcess.withDefaultSignals(run(Guests.listening(directory))))) {
            command.awaitOutput("ready\n");
            command.signal(signal);

            assertEquals(status, command.status(), command::toString);
            assertTrue(command.errors().contains("asked the guest to power off"), command::toString);
        }
    }

    @Test
    void secondSignalStopsAGuestThatDoesNotListen() throws Exception {
        try (CommandProcess command = CommandProcess.start(run(Guests.deaf(directory)))) {
            command.awaitOutput("ready\n");
            command.signal("TERM");
            command.awaitError("power off");
            command.signal("TERM");

            assertEquals(143, command.status(), command::toString);
        }
    }

    @Test
    void theJvmTakesTheLaunchersPlace() throws Exception {
        try (CommandProcess command = CommandProcess.start(run(Guests.deaf(directory)))) {
            command.awaitOutput("ready\n");

            Path executable = Files.readSymbolicLink(Path.of("/proc", Long.toString(command.pid()), "exe"));

            assertEquals("java", executable.getFileName().toString());
        }
    }

    private static String[] run(Path kernel, String... options) {
        List<String> args = new ArrayList<>(List.of("run", "--kernel", kernel.toString(), "--memory", "32M"));
        args.addAll(List.of(options));
        return args.toArray(new String[0]);
    }

    private static void assertOneLine(CommandProcess command, String named) {
        String errors = command.errors();
        assertTrue(errors.contains(named), errors);
        assertTrue(errors.startsWith("isthmus: "), errors);
        assertEquals(1, errors.lines().count(), errors);
        assertFalse(errors.contains("Exception"), errors);
    }
}

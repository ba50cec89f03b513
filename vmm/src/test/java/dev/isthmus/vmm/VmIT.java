// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.vmm;

import java.io.ByteArrayOutputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.Stream;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

import dev.isthmus.machine.MachineDisk;
import dev.isthmus.machine.MachineLayout;
import dev.isthmus.machine.MachineState;
import dev.isthmus.machine.VmException;
import dev.isthmus.machine.serial.SerialConfig;
import dev.isthmus.testing.kvm.RequiresKvm;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

/** The library on a real host. */
@RequiresKvm
@Timeout(300)
class VmIT {
    private static final Duration PATIENCE = Duration.ofSeconds(60);

    @TempDir
    private Path directory;

    @Test
    void theExampleInTheJavadocRuns() throws Exception {
        VmResult result = Example.run(Guests.echoLine(directory));

        assertEquals(new VmResult.PoweredOff(), result);
    }

    @Test
    void theExampleInTheJavadocIsTheOneThatRuns() throws Exception {
        String javadoc = Files.readString(Path.of("src/main/java/dev/isthmus/vmm/Vm.java"));
        String test = Files.readString(Path.of("src/test/java/dev/isthmus/vmm/Example.java"));
        String shown = javadoc.substring(javadoc.indexOf("<pre>{@code") + 11, javadoc.indexOf("}</pre>"));
        String run = test.substring(test.indexOf("// example begins") + 17, test.indexOf("// example ends"));

        assertEquals(words(run), words(shown.replace("\n * ", "\n")));
    }

    @Test
    void dialogueFollowsWhatTheGuestSends() throws Exception {
        try (Vm vm = Vm.builder().kernel(Guests.echoLine(directory)).memory("32M").start()) {
            assertEquals("# ", vm.serial().awaitText("# ", PATIENCE));
            vm.serial().write("one two\n");
            assertEquals("one two", vm.serial().awaitText("two", PATIENCE));

            assertEquals(new VmResult.PoweredOff(), vm.awaitExit(PATIENCE));
            assertEquals("# one two\n", vm.serial().text());
        }
    }

    @Test
    void textThatDoesNotComeIsAnErrorThatShowsWhatCame() throws Exception {
        try (Vm vm = Vm.builder().kernel(Guests.deaf(directory)).memory("32M").start()) {
            vm.serial().awaitText("ready", PATIENCE);

            SerialTextException error = assertThrows(
                    SerialTextException.class, () -> vm.serial().awaitText("login: ", Duration.ofMillis(50)));

            assertEquals(SerialTextException.Reason.TIMED_OUT, error.reason());
            assertTrue(String.valueOf(error.getMessage()).contains("ready"), error::getMessage);
        }
    }

    @Test
    void diskShrinksOnlyWhereThatIsAskedForAndNeverReadOnly() throws Exception {
        Path writable = Files.write(directory.resolve("writable.img"), new byte[1 << 20]);
        Path fixed = Files.write(directory.resolve("fixed.img"), new byte[1 << 20]);
        try (Vm vm = Vm.builder()
                .kernel(Guests.deaf(directory))
                .memory("32M")
                .disk(writable)
                .readOnlyDisk(fixed)
                .start()) {
            MachineDisk disk = vm.disks().get(0);
            MachineDisk readOnly = vm.disks().get(1);

            assertThrows(VmException.Configuration.class, () -> disk.resize(512));
            assertEquals(1 << 20, disk.capacityBytes());
            disk.shrink(512 << 10);

            assertEquals(512 << 10, disk.capacityBytes());
            assertEquals(512 << 10, Files.size(writable));
            assertTrue(readOnly.config().readOnly());
            assertThrows(VmException.Configuration.class, () -> readOnly.shrink(512));
            assertEquals(1 << 20, Files.size(fixed));
        }
    }

    @Test
    void endOfTheVmEndsTheWaitForText() throws Exception {
        try (Vm vm = Vm.builder().kernel(Guests.powerOff(directory)).memory("32M").start()) {
            SerialTextException error =
                    assertThrows(SerialTextException.class, () -> vm.serial().awaitText("never", PATIENCE));

            assertEquals(SerialTextException.Reason.VM_ENDED, error.reason());
        }
    }

    @Test
    void serialOutputIsCopiedToAStreamCompletely() throws Exception {
        ByteArrayOutputStream copy = new ByteArrayOutputStream();
        Vm vm = Vm.builder().kernel(Guests.echoLine(directory)).memory("32M").copySerialTo(copy).start();
        try (vm) {
            vm.serial().write("copied\n");
            vm.awaitExit(PATIENCE);
        }

        assertEquals("# copied\n", copy.toString(StandardCharsets.UTF_8));
        assertEquals("# copied\n", vm.serial().text());
    }

    @Test
    void lineThatIsConnectedElsewhereIsNeitherCapturedNorCopied() throws Exception {
        VmBuilder builder = Vm.builder()
                .kernel(Guests.powerOff(directory))
                .memory("32M")
                .serial(new SerialConfig.ToFile(directory.resolve("serial.log")));
        try (Vm vm = builder.start()) {
            assertThrows(IllegalStateException.class, vm::serial);
            assertEquals("", vm.serialPeer());
        }

        builder.copySerialTo(new ByteArrayOutputStream());

        assertThrows(VmException.Configuration.class, builder::start);
    }

    @Test
    void timedOutLeavesTheVmRunningUntilItIsStopped() throws Exception {
        try (Vm vm = Vm.builder().kernel(Guests.deaf(directory)).memory("32M").start()) {
            assertEquals(new VmResult.TimedOut(), vm.awaitExit(Duration.ofMillis(20)));
            assertEquals(MachineState.RUNNING, vm.state());

            vm.stop();

            assertEquals(new VmResult.Stopped(), vm.awaitExit(PATIENCE));
            assertEquals(new VmResult.Stopped(), vm.awaitExit(Duration.ZERO));
        }
    }

    @Test
    void pausedGuestDoesNotListenUntilItIsResumed() throws Exception {
        try (Vm vm = Vm.builder().kernel(Guests.listening(directory)).memory("32M").start()) {
            vm.serial().awaitText("ready", PATIENCE);

            vm.pause();
            vm.powerButton();

            assertEquals(MachineState.PAUSED, vm.state());
            assertEquals(new VmResult.TimedOut(), vm.awaitExit(Duration.ofMillis(100)));
            vm.resume();
            assertEquals(new VmResult.PoweredOff(), vm.awaitExit(PATIENCE));
        }
    }

    @Test
    void resetStartsTheGuestAnew() throws Exception {
        try (Vm vm = Vm.builder().kernel(Guests.listening(directory)).memory("32M").start()) {
            vm.serial().awaitText("ready\n", PATIENCE);

            vm.reset();

            assertEquals("ready\n", vm.serial().awaitText("ready\n", PATIENCE));
        }
    }

    @Test
    void severalVmsRunSideBySide() throws Exception {
        Path kernel = Guests.echoLine(directory);
        List<Vm> vms = new ArrayList<>();
        try {
            for (int i = 0; i < 4; i++) {
                vms.add(Vm.builder().name("side-" + i).kernel(kernel).memory("32M").start());
            }
            for (int i = 0; i < 4; i++) {
                vms.get(i).serial().write("this is " + i + "\n");
            }

            for (int i = 0; i < 4; i++) {
                assertEquals(new VmResult.PoweredOff(), vms.get(i).awaitExit(PATIENCE));
                assertEquals("# this is " + i + "\n", vms.get(i).serial().text());
            }
        } finally {
            vms.forEach(Vm::close);
        }
    }

    @Test
    void everyEndHasItsResult() throws Exception {
        assertEquals(new VmResult.DebugExit(7), result(Vm.builder()
                .kernel(Guests.debugExit(directory, 7))
                .debugExit(MachineLayout.DEBUG_EXIT_PORT)));
        assertEquals(new VmResult.Reset(), result(Vm.builder().kernel(Guests.reset(directory)).noReboot()));
        assertInstanceOf(VmResult.Panicked.class, result(Vm.builder().kernel(Guests.panic(directory))));
        assertInstanceOf(VmResult.TripleFault.class, result(Vm.builder().kernel(Guests.tripleFault(directory)).noReboot()));
        assertInstanceOf(VmResult.KvmFailure.class, result(Vm.builder().kernel(Guests.lost(directory))));
    }

    @Test
    void configurationThatCanNotBeIsATypedErrorWithARemedy() {
        VmException noKernel = assertThrows(VmException.Configuration.class, () -> Vm.builder().start());
        VmException missing = assertThrows(
                VmException.Configuration.class,
                () -> Vm.builder().kernel(Path.of("/nowhere/vmlinux")).start());

        assertTrue(noKernel.remedy().contains("kernel(Path)"), noKernel::remedy);
        assertTrue(String.valueOf(missing.getMessage()).contains("/nowhere/vmlinux"), missing::getMessage);
    }

    @Test
    void nothingStaysBehindWhenVmsAreClosed() throws Exception {
        Path echo = Guests.echoLine(directory);
        Path deaf = Guests.deaf(directory);
        openAndClose(echo, deaf, 3);
        Set<String> threadsBefore = threads();
        long descriptorsBefore = entries("/proc/self/fd");
        long mappingsBefore = guestMappings();

        openAndClose(echo, deaf, 100);

        assertEquals(threadsBefore, threads());
        assertEquals(descriptorsBefore, entries("/proc/self/fd"));
        assertEquals(mappingsBefore, guestMappings());
    }

    private static void openAndClose(Path echo, Path deaf, int count) throws Exception {
        for (int i = 0; i < count; i++) {
            try (Vm vm = Vm.builder().kernel(echo).memory("16M").copySerialTo(new ByteArrayOutputStream()).start()) {
                vm.serial().awaitText("# ", PATIENCE);
            }
            try (Vm vm = Vm.builder().kernel(deaf).memory("16M").start()) {
                assertEquals(MachineState.RUNNING, vm.state());
            }
        }
    }

    private static VmResult result(VmBuilder builder) throws InterruptedException {
        try (Vm vm = builder.memory("32M").start()) {
            return vm.awaitExit(PATIENCE);
        }
    }

    /** Names of our threads: all that carry a VM's name. */
    private static Set<String> threads() {
        Set<String> names = new TreeSet<>();
        for (Thread thread : Thread.getAllStackTraces().keySet()) {
            if (thread.getName().startsWith("vm-")) {
                names.add(thread.getName());
            }
        }
        return names;
    }

    private static long entries(String path) throws Exception {
        try (Stream<Path> files = Files.list(Path.of(path))) {
            return files.count();
        }
    }

    private static long guestMappings() throws Exception {
        try (Stream<String> lines = Files.lines(Path.of("/proc/self/maps"))) {
            return lines.filter(line -> line.contains("memfd") || line.contains("kvm")).count();
        }
    }

    private static String words(String text) {
        return String.join(" ", text.strip().split("\\s+", -1));
    }
}

// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.integration;

import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.List;
import java.util.Random;

import org.junit.jupiter.api.Test;

import dev.isthmus.testing.kvm.RequiresKvm;
import dev.isthmus.vmm.DemoGuest;
import dev.isthmus.vmm.Vm;
import dev.isthmus.vmm.VmResult;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertTrue;

/** How Linux ends, restarts and talks: power off, reset, power button, panic, the serial line under load. */
@RequiresKvm
class LinuxLifecycleIT {
    private static final int PAYLOAD_BYTES = 32 << 10;

    @Test
    void rebootRestartsTheMachineAndThePowerButtonEndsIt() throws Exception {
        try (Vm vm = LinuxGuest.withShell().start()) {
            // Before there is anybody to read it: it waits for the shell's terminal.
            vm.serial().write("echo ear''ly\n");
            vm.serial().awaitText("early\r\n", LinuxGuest.DEADLINE);
            vm.serial().awaitText(LinuxGuest.PROMPT, LinuxGuest.DEADLINE);
            vm.serial().write("echo before > /mark; reboot -f\n");
            // The machine's second life begins with a new banner; awaitText goes on behind what it has found.
            vm.serial().awaitText(LinuxGuest.PROMPT, LinuxGuest.DEADLINE);
            // The quotes keep the echo of the typed line from being taken for its output.
            vm.serial().write("ls /mark; echo ag''ain\n");
            String second = vm.serial().awaitText("again\r\n", LinuxGuest.DEADLINE);
            vm.powerButton();

            assertEquals(new VmResult.PoweredOff(), LinuxGuest.awaitEnd(vm), () -> vm.serial().text());
            assertTrue(second.contains("No such file"), "a file of the first life in the second: " + second);
        }
    }

    @Test
    void rebootEndsTheVmWhereRebootIsNotAllowed() throws Exception {
        try (Vm vm = LinuxGuest.with(GuestKernel.BZIMAGE, DemoGuest.locate().commandLine(List.of("reboot", "-f")))
                .noReboot()
                .start()) {
            assertEquals(new VmResult.Reset(), LinuxGuest.awaitEnd(vm), () -> vm.serial().text());
        }
    }

    @Test
    void kernelPanicEndsTheVmWithTheKernelsLastWords() throws Exception {
        String commandLine = DemoGuest.locate().commandLine(List.of()) + " rdinit=/nothing init=/nothing";

        try (Vm vm = LinuxGuest.with(GuestKernel.BZIMAGE, commandLine.replace("quiet", "")).start()) {
            VmResult.Panicked panic =
                    assertInstanceOf(VmResult.Panicked.class, LinuxGuest.awaitEnd(vm), () -> vm.serial().text());

            assertTrue(panic.dump().contains("Kernel panic"), panic::dump);
        }
    }

    @Test
    void serialLineCarriesBytesBothWaysThroughLinuxUnchanged() throws Exception {
        byte[] sent = new byte[PAYLOAD_BYTES];
        new Random(3).nextBytes(sent);
        String hash = HexFormat.of().formatHex(MessageDigest.getInstance("SHA-256").digest(sent));
        String script = "stty raw -echo; echo ready; head -c " + PAYLOAD_BYTES + " > /tmp/sent; "
                + "sha256sum < /tmp/sent; cat /tmp/sent; echo; echo finished";

        try (Vm vm = LinuxGuest.running(GuestKernel.BZIMAGE, "sh", "-c", script).start()) {
            vm.serial().awaitText("ready\n", LinuxGuest.DEADLINE);
            vm.serial().write(sent);
            VmResult result = LinuxGuest.awaitEnd(vm);
            byte[] console = vm.serial().toByteArray();
            String text = new String(console, StandardCharsets.ISO_8859_1);

            assertEquals(new VmResult.DebugExit(0), result);
            int echoed = text.indexOf(hash) + (hash + "  -\n").length();
            assertTrue(text.contains(hash), "the guest's SHA-256 of what it received");
            assertArrayEquals(sent, Arrays.copyOfRange(console, echoed, echoed + PAYLOAD_BYTES));
        }
    }
}

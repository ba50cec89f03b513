// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.integration;

import java.nio.file.Path;
import java.time.Duration;
import java.util.Arrays;
import java.util.Random;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

import dev.isthmus.machine.MachineLayout;
import dev.isthmus.testing.boot.TestElf;
import dev.isthmus.testing.kvm.RequiresKvm;
import dev.isthmus.testing.machine.GuestCode;
import dev.isthmus.vmm.Vm;
import dev.isthmus.vmm.VmResult;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;

/** A guest without an operating system moves a megabyte through the serial port in each direction. */
@RequiresKvm
class BareMetalSerialIT {
    private static final int PAYLOAD_BYTES = 1 << 20;
    private static final int FIFO_BYTES = 16;

    @TempDir
    Path folder;

    /** Receives the payload to 2 MiB, byte by byte as LSR allows, then sends it back in bursts of the FIFO's size. */
    private static GuestCode storeAndForward() {
        return new GuestCode()
                .line("        mov  $0x3fa, %dx", 0x66, 0xba, 0xfa, 0x03)
                .line("        mov  $0x01, %al     # FCR: FIFOs on", 0xb0, 0x01)
                .line("        out  %al, %dx", 0xee)
                .line("        mov  $0x3fc, %dx", 0x66, 0xba, 0xfc, 0x03)
                .line("        mov  $0x03, %al     # MCR: DTR, RTS", 0xb0, 0x03)
                .line("        out  %al, %dx", 0xee)
                .line32("        mov  $0x200000, %edi", 0x20_0000, 0xbf)
                .line32("        mov  $PAYLOAD, %ecx", PAYLOAD_BYTES, 0xb9)
                .line("receive:mov  $0x3fd, %dx", 0x66, 0xba, 0xfd, 0x03)
                .line("        in   %dx, %al", 0xec)
                .line("        test $0x01, %al     # LSR.DR", 0xa8, 0x01)
                .line("        jz   receive", 0x74, 0xf7)
                .line("        mov  $0x3f8, %dx", 0x66, 0xba, 0xf8, 0x03)
                .line("        insb (%dx), %es:(%edi)", 0x6c)
                .line("        dec  %ecx", 0x49)
                .line("        jnz  receive", 0x75, 0xef)
                .line32("        mov  $0x200000, %esi", 0x20_0000, 0xbe)
                .line32("        mov  $PAYLOAD/16, %ebx", PAYLOAD_BYTES / FIFO_BYTES, 0xbb)
                .line("send:   mov  $0x3fd, %dx", 0x66, 0xba, 0xfd, 0x03)
                .line("        in   %dx, %al", 0xec)
                .line("        test $0x20, %al     # LSR.THRE", 0xa8, 0x20)
                .line("        jz   send", 0x74, 0xf7)
                .line("        mov  $0x3f8, %dx", 0x66, 0xba, 0xf8, 0x03)
                .line32("        mov  $16, %ecx", FIFO_BYTES, 0xb9)
                .line("        rep  outsb %ds:(%esi), (%dx)", 0xf3, 0x6e)
                .line("        dec  %ebx", 0x4b)
                .line("        jnz  send", 0x75, 0xe9)
                .line("        mov  $0x2a, %al", 0xb0, 0x2a)
                .line("        out  %al, $0xf4", 0xe6, MachineLayout.DEBUG_EXIT_PORT);
    }

    @Test
    void megabyteReachesTheGuestAndComesBackUnchanged() throws Exception {
        byte[] sent = new byte[PAYLOAD_BYTES];
        new Random(11).nextBytes(sent);
        Path kernel = TestElf.write(folder, TestElf.pvh(storeAndForward().bytes()));

        try (Vm vm = Vm.builder()
                .kernel(kernel)
                .memory("16M")
                .debugExit(MachineLayout.DEBUG_EXIT_PORT)
                .start()) {
            vm.serial().write(sent);
            VmResult result = vm.awaitExit(Duration.ofMinutes(4));
            byte[] received = vm.serial().toByteArray();

            assertEquals(new VmResult.DebugExit(0x2a), result);
            assertEquals(PAYLOAD_BYTES, received.length);
            assertArrayEquals(sent, received, () -> "first difference at " + Arrays.mismatch(sent, received));
        }
    }
}

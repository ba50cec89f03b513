// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.machine;

import java.nio.charset.StandardCharsets;
import java.nio.file.Path;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

import dev.isthmus.machine.serial.SerialConfig;
import dev.isthmus.machine.serial.StreamSerial;
import dev.isthmus.testing.kvm.RequiresKvm;
import dev.isthmus.testing.machine.BareVm;
import dev.isthmus.testing.machine.GuestCode;
import dev.isthmus.testing.machine.GuestKernel;

import static org.junit.jupiter.api.Assertions.assertEquals;

/** A guest that lets serial input in when it is ready for it, in each of its lives. */
@RequiresKvm
class SerialGateIT {
    private static final int SAW_INPUT_TOO_EARLY = 1;

    @TempDir
    Path directory;

    /** Looks for input that must not be there, opens the gate, then resets for an 'r' and ends with any other byte. */
    private static GuestCode lookOpenAndRead() {
        return new GuestCode()
                .line32("      mov  $0x3fc, %edx", 0x3fc, 0xba)
                .line("      mov  $3, %al            # MCR: DTR, RTS", 0xb0, 0x03)
                .line("      out  %al, (%dx)", 0xee)
                .line32("      mov  $1000, %ecx", 1000, 0xb9)
                .line32("look: mov  $0x3fd, %edx", 0x3fd, 0xba)
                .line("      in   (%dx), %al", 0xec)
                .line("      test $1, %al            # LSR.DR", 0xa8, 0x01)
                .line("      jnz  fail", 0x75, 0x25)
                .line("      dec  %ecx", 0x49)
                .line("      jnz  look", 0x75, 0xf3)
                .line32("      mov  $0x508, %edx", MachineLayout.SERIAL_GATE_PORT, 0xba)
                .line("      mov  $1, %al            # 16 characters", 0xb0, 0x01)
                .line("      out  %al, (%dx)", 0xee)
                .line32("wait: mov  $0x3fd, %edx", 0x3fd, 0xba)
                .line("      in   (%dx), %al", 0xec)
                .line("      test $1, %al", 0xa8, 0x01)
                .line("      jz   wait", 0x74, 0xf6)
                .line32("      mov  $0x3f8, %edx", 0x3f8, 0xba)
                .line("      in   (%dx), %al", 0xec)
                .line("      cmp  $'r', %al", 0x3c, 'r')
                .line("      jne  exit", 0x75, 0x08)
                .line("      mov  $0xfe, %al", 0xb0, 0xfe)
                .line("      out  %al, $0x64         # i8042: reset", 0xe6, 0x64)
                .line("      jmp  .", 0xeb, 0xfe)
                .line("fail: mov  $1, %al", 0xb0, SAW_INPUT_TOO_EARLY)
                .line("exit: out  %al, $0xf4", 0xe6, MachineLayout.DEBUG_EXIT_PORT);
    }

    @Test
    void inputFromBeforeTheGuestStartsWaitsForEachOfItsLives() throws Exception {
        StreamSerial serial = new StreamSerial();
        serial.toGuest().write("rx".getBytes(StandardCharsets.US_ASCII));
        MachineConfig config = MachineConfig.builder(GuestKernel.pvh(directory, lookOpenAndRead()))
                .debugExitPort(MachineLayout.DEBUG_EXIT_PORT)
                .serialGatePort(MachineLayout.SERIAL_GATE_PORT)
                .serial(new SerialConfig.Custom(serial))
                .build();

        try (Machine machine = Machine.create(config)) {
            machine.start();

            assertEquals(new MachineExit.DebugExit('x'), machine.awaitExit(BareVm.patience()));
        }
    }
}

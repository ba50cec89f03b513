// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.vmm;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;

import dev.isthmus.testing.machine.GuestCode;
import dev.isthmus.testing.machine.GuestKernel;

/** Hand-assembled guests of a few instructions, entered by PVH in 32-bit protected mode. */
final class Guests {
    private Guests() {}

    /** Writes a value to the debug-exit port 0xf4. */
    static Path debugExit(Path directory, int value) throws IOException {
        return write(directory, new GuestCode()
                .line("mov  $value, %al", 0xb0, value)
                .line("out  %al, $0xf4", 0xe6, 0xf4)
                .line("jmp  .", 0xeb, 0xfe));
    }

    static Path powerOff(Path directory) throws IOException {
        return write(directory, powerOff(new GuestCode()));
    }

    /** Asks the keyboard controller for a reset. */
    static Path reset(Path directory) throws IOException {
        return write(directory, new GuestCode()
                .line("mov  $0xfe, %al", 0xb0, 0xfe)
                .line("out  %al, $0x64", 0xe6, 0x64)
                .line("jmp  .", 0xeb, 0xfe));
    }

    /** Sends "ready\n", waits for a byte, then asks the keyboard controller for a reset. */
    static Path resetAfterInput(Path directory) throws IOException {
        GuestCode code = awaitInput(send(new GuestCode(), "ready\n"))
                .line("mov  $0xfe, %al", 0xb0, 0xfe)
                .line("out  %al, $0x64", 0xe6, 0x64)
                .line("jmp  .", 0xeb, 0xfe);
        return write(directory, code);
    }

    static Path panic(Path directory) throws IOException {
        return write(directory, new GuestCode()
                .line32("mov  $0x505, %edx", 0x505, 0xba)
                .line("mov  $1, %al", 0xb0, 0x01)
                .line("out  %al, (%dx)", 0xee)
                .line("jmp  .", 0xeb, 0xfe));
    }

    static Path tripleFault(Path directory) throws IOException {
        return write(directory, new GuestCode().line("ud2", 0x0f, 0x0b));
    }

    /** Jumps to where there is no memory. */
    static Path lost(Path directory) throws IOException {
        return write(directory, new GuestCode()
                .line32("mov  $0xd0000000, %eax", 0xd000_0000L, 0xb8)
                .line("jmp  *%eax", 0xff, 0xe0));
    }

    /** Sends "# ", then echoes what it receives up to a line feed, then powers off. */
    static Path echoLine(Path directory) throws IOException {
        GuestCode code = awaitInput(send(new GuestCode(), "# "))
                .line32("mov  $0x3f8, %edx", 0x3f8, 0xba)
                .line("in   (%dx), %al", 0xec)
                .line("out  %al, (%dx)", 0xee)
                .line("cmp  $'\\n', %al", 0x3c, '\n')
                .line("jne  1b", 0x75, 0xeb);
        return write(directory, powerOff(code));
    }

    /** Sends "ready\n", then writes 0 to the debug-exit port 0xf4. */
    static Path talking(Path directory) throws IOException {
        return write(directory, send(new GuestCode(), "ready\n")
                .line("mov  $0, %al", 0xb0, 0)
                .line("out  %al, $0xf4", 0xe6, 0xf4)
                .line("jmp  .", 0xeb, 0xfe));
    }

    /** Sends "ready\n", then waits for the power button and powers off. */
    static Path listening(Path directory) throws IOException {
        GuestCode code = send(new GuestCode(), "ready\n")
                .line32("1: mov  $0x604, %edx", 0x604, 0xba) // event selector of the generic event device
                .line("in   (%dx), %eax", 0xed)
                .line("test $1, %al", 0xa8, 0x01) // power button
                .line("jz   1b", 0x74, 0xf6);
        return write(directory, powerOff(code));
    }

    /** Sends "ready\n", then hangs with interrupts off. */
    static Path deaf(Path directory) throws IOException {
        GuestCode code = send(new GuestCode(), "ready\n")
                .line("cli", 0xfa)
                .line("1: hlt", 0xf4)
                .line("jmp  1b", 0xeb, 0xfd);
        return write(directory, code);
    }

    private static GuestCode send(GuestCode code, String text) {
        code.line32("mov  $0x3f8, %edx", 0x3f8, 0xba);
        for (int i = 0; i < text.length(); i++) {
            code.line("mov  $c, %al", 0xb0, text.charAt(i)).line("out  %al, (%dx)", 0xee);
        }
        return code;
    }

    private static GuestCode awaitInput(GuestCode code) {
        return code.line32("1: mov  $0x3fd, %edx", 0x3fd, 0xba) // line status
                .line("in   (%dx), %al", 0xec)
                .line("test $1, %al", 0xa8, 0x01) // data ready
                .line("jz   1b", 0x74, 0xf6);
    }

    private static GuestCode powerOff(GuestCode code) {
        return code.line32("mov  $0x600, %edx", 0x600, 0xba) // sleep control register
                .line("mov  $0x34, %al", 0xb0, 0x34) // SLP_TYP 5, SLP_EN
                .line("out  %al, (%dx)", 0xee)
                .line("jmp  .", 0xeb, 0xfe);
    }

    private static Path write(Path directory, GuestCode code) throws IOException {
        // A directory each: the file always has the same name.
        return GuestKernel.pvh(Files.createTempDirectory(directory, "guest"), code);
    }
}

// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.vmm;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Collections;
import java.util.List;

import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

import dev.isthmus.machine.MachineLayout;
import dev.isthmus.machine.VmException;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

class DemoGuestTest {
    @TempDir
    private Path directory;

    private DemoGuest guest;

    @BeforeEach
    void makeGuest() throws Exception {
        Files.writeString(directory.resolve("guest.properties"), "cmdline=console=ttyS0 quiet\nmemory.default=96M\n");
        guest = new DemoGuest(directory.resolve("bzImage"), directory.resolve("initramfs.cpio"));
    }

    @Test
    void aShellHasNoCommandOnTheLine() {
        String line = guest.commandLine(List.of());

        assertTrue(line.startsWith("console=ttyS0 quiet"), line);
        assertTrue(line.contains(" isthmus.exit=0xf4 isthmus.mark=0x508"), line);
        assertFalse(line.contains(" -- "), line);
    }

    @Test
    void wordsOfACommandArriveAsTheyAreWhateverIsInThem() {
        String line = guest.commandLine(List.of("sh", "-c", "echo \"a b\" 100%", "", "ä\n"));

        assertEquals("sh -c echo%20%22a%20b%22%20100%25 \"\" %C3%A4%0A", line.substring(line.indexOf(" -- ") + 4));
    }

    @Test
    void theTerminalIsNamed() {
        assertTrue(guest.commandLine(List.of(), "24x80").contains(" isthmus.tty=24x80"));
        assertTrue(guest.commandLine(List.of("cat"), "pipe").contains(" isthmus.tty=pipe -- cat"));
    }

    @Test
    void aCommandBeyondWhatLinuxTakesIsRefused() {
        VmException error = assertThrows(
                VmException.Configuration.class, () -> guest.commandLine(Collections.nCopies(2000, "x")));

        assertTrue(String.valueOf(error.getMessage()).contains("too long"), error::getMessage);
    }

    @Test
    void builderTakesTheMemoryThatTheGuestWants() {
        assertEquals(96L << 20, guest.shell().config().memoryBytes());
        assertTrue(guest.shell().config().rebootAllowed());
        assertFalse(guest.command("true").config().rebootAllowed());
    }

    @Test
    void inputWaitsForTheGuestsConsole() {
        assertEquals(MachineLayout.SERIAL_GATE_PORT, guest.shell().config().serialGatePort());
        assertEquals(MachineLayout.SERIAL_GATE_PORT, guest.command("cat").config().serialGatePort());
    }
}

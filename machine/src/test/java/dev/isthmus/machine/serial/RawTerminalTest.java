// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.machine.serial;

import java.nio.file.Path;
import java.util.concurrent.TimeUnit;

import org.junit.jupiter.api.Test;

import dev.isthmus.kvm.linux.Fd;
import dev.isthmus.kvm.linux.Pty;
import dev.isthmus.kvm.linux.Termios;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

class RawTerminalTest {
    private static Process start(Pty pty, String how) throws Exception {
        return new ProcessBuilder(
                        Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                        "--enable-native-access=ALL-UNNAMED",
                        "-cp",
                        System.getProperty("java.class.path"),
                        RawTerminalProgram.class.getName(),
                        pty.peerPath(),
                        how)
                .redirectErrorStream(true)
                .redirectOutput(ProcessBuilder.Redirect.DISCARD)
                .start();
    }

    private static void assertAsBefore(Fd terminal) {
        assertTrue(Termios.get(terminal).editsLines());
        assertTrue(Termios.get(terminal).echoes());
    }

    @Test
    void closeRestoresTheTerminalAndMayComeTwice() {
        try (Pty pty = Pty.open();
                Fd terminal = pty.openPeer()) {
            RawTerminal raw = RawTerminal.enter(terminal);
            assertFalse(Termios.get(terminal).editsLines());

            raw.close();
            raw.close();

            assertAsBefore(terminal);
        }
    }

    @Test
    void restoreAllRestoresEveryTerminal() {
        try (Pty first = Pty.open();
                Pty second = Pty.open();
                Fd firstTerminal = first.openPeer();
                Fd secondTerminal = second.openPeer()) {
            RawTerminal raw = RawTerminal.enter(firstTerminal);
            RawTerminal.enter(secondTerminal);

            RawTerminal.restoreAll();

            assertAsBefore(firstTerminal);
            assertAsBefore(secondTerminal);
            raw.close();
            RawTerminal.restoreAll();
        }
    }

    @Test
    void descriptorThatIsNoTerminalIsRefused() {
        Fd devNull = Streams.open(Path.of("/dev/null"), 0);

        assertThrows(RuntimeException.class, () -> RawTerminal.enter(devNull));

        devNull.close();
    }

    @Test
    void terminalIsRestoredWhenTheProgramThrows() throws Exception {
        try (Pty pty = Pty.open();
                Fd terminal = pty.openPeer()) {
            Process program = start(pty, "throw");

            assertTrue(program.waitFor(60, TimeUnit.SECONDS));

            assertEquals(1, program.exitValue());
            assertAsBefore(terminal);
        }
    }

    @Test
    void terminalIsRestoredWhenTheProgramIsTerminated() throws Exception {
        try (Pty pty = Pty.open();
                Fd terminal = pty.openPeer()) {
            Process program = start(pty, "wait");
            long deadline = System.nanoTime() + LiveLine.PATIENCE_NANOS;
            while (Termios.get(terminal).editsLines()) {
                assertTrue(program.isAlive() && System.nanoTime() < deadline, "it never became raw");
                Thread.onSpinWait();
            }

            program.destroy();

            assertTrue(program.waitFor(60, TimeUnit.SECONDS));
            assertEquals(128 + 15, program.exitValue());
            assertAsBefore(terminal);
        }
    }

    @Test
    void hostTerminalKnowsTerminals() {
        try (Pty pty = Pty.open();
                Fd terminal = pty.openPeer();
                Fd devNull = Streams.open(Path.of("/dev/null"), 0)) {
            assertTrue(HostTerminal.isTerminal(terminal.number()));
            assertFalse(HostTerminal.isTerminal(devNull.number()));
            assertFalse(HostTerminal.isTerminal(9999));
        }
    }
}

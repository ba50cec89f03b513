// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.vmm;

import java.io.File;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Objects;
import java.util.concurrent.TimeUnit;

import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

import dev.isthmus.kvm.linux.Fd;
import dev.isthmus.kvm.linux.Pty;
import dev.isthmus.kvm.linux.Termios;
import dev.isthmus.testing.kvm.RequiresKvm;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

/** The command in a terminal: raw while the guest runs, and as it was before whatever ends it. */
@RequiresKvm
@Timeout(600)
class TerminalIT {
    private static final String CTRL_A = "\u0001";

    @TempDir
    private Path directory;

    private Pty pty;
    private Fd terminal;
    private TerminalScreen screen;
    private @Nullable Process process;
    private String jvmOptions = "";

    @BeforeEach
    void openTerminal() {
        pty = Pty.open();
        // Held open, so that the terminal and its settings outlive the command.
        terminal = pty.openPeer();
        screen = TerminalScreen.open(pty);
        assertCooked();
    }

    @AfterEach
    void closeTerminal() throws Exception {
        if (process != null) {
            process.destroyForcibly().waitFor();
        }
        terminal.close();
        screen.close();
        pty.close();
    }

    @Test
    void typedLineReachesTheGuestAndTheTerminalIsRestoredAtItsEnd() throws Exception {
        start(Guests.echoLine(directory));
        screen.await("# ");
        assertRaw();

        screen.type("hi\n");

        assertEquals(0, status());
        assertCooked();
        assertTrue(screen.text().contains("# hi"), screen::text);
    }

    @Test
    void ctrlAXStopsAGuestThatHangs() throws Exception {
        start(Guests.deaf(directory));
        screen.await("ready");

        screen.type(CTRL_A + "x");

        assertEquals(130, status());
        assertCooked();
    }

    @Test
    void ctrlAHListsTheKeysAndTheGuestGoesOn() throws Exception {
        start(Guests.echoLine(directory));
        screen.await("# ");

        screen.type(CTRL_A + "h");
        screen.await("Ctrl-a x");
        screen.type("on\n");

        assertEquals(0, status());
        assertCooked();
    }

    @Test
    void ctrlCIsTheGuests() throws Exception {
        start(Guests.echoLine(directory));
        screen.await("# ");

        screen.type("\u0003\n");

        assertEquals(0, status());
    }

    @Test
    void timeoutRestoresTheTerminal() throws Exception {
        start(Guests.deaf(directory), "--timeout", "500ms");

        assertEquals(124, status());
        assertCooked();
    }

    @Test
    void signalsRestoreTheTerminal() throws Exception {
        start(Guests.deaf(directory));
        screen.await("ready");
        assertRaw();

        signal("TERM");
        screen.await("power off");
        signal("TERM");

        assertEquals(143, status());
        assertCooked();
    }

    @Test
    void failureToStartRestoresTheTerminal() throws Exception {
        start(Guests.deaf(directory), "--disk", "path=/nowhere/disk.img");

        assertEquals(2, status());
        assertCooked();
    }

    @Test
    void dumpOfAPanicComesAfterTheTerminalIsRestored() throws Exception {
        start(Guests.panic(directory));

        assertEquals(34, status());
        assertCooked();
        screen.await("panicked");
    }

    @Test
    void whatIsTypedBeforeTheDemoGuestIsThereReachesItsShellAndTheKeysWorkMeanwhile() throws Exception {
        startCommand("demo");
        // The shell takes the quotes away, so that the echo is not taken for the output.
        screen.type(CTRL_A + "hecho ty''ped\r");
        screen.await("Ctrl-a x");

        screen.await("typed");
        screen.type(CTRL_A + "x");

        assertEquals(130, status());
        assertCooked();
    }

    @Test
    void ctrlAXEndsTheDemoGuestBeforeItTakesInput() throws Exception {
        startCommand("demo");
        screen.type(CTRL_A + "h");
        screen.await("Ctrl-a x");
        assertRaw();

        screen.type("abc\u0003\u0004\r" + CTRL_A + "x");

        assertEquals(130, status());
        assertCooked();
    }

    @Test
    void bugOfOursRestoresTheTerminal() throws Exception {
        jvmOptions = BrokenClass.patch(directory, "dev.isthmus.machine", "dev.isthmus.machine.serial.FdStream", "write");

        start(Guests.deaf(directory));

        assertEquals(8, status());
        assertCooked();
        screen.await("internal error: ");
    }

    private void start(Path kernel, String... options) throws IOException {
        String[] args = new String[options.length + 5];
        System.arraycopy(new String[] {"run", "--kernel", kernel.toString(), "--memory", "32M"}, 0, args, 0, 5);
        System.arraycopy(options, 0, args, 5, options.length);
        startCommand(args);
    }

    private void startCommand(String... args) throws IOException {
        File file = new File(pty.peerPath());
        ProcessBuilder builder =
                CommandProcess.builder(args).redirectInput(file).redirectOutput(file).redirectError(file);
        builder.environment().put("JDK_JAVA_OPTIONS", jvmOptions);
        process = builder.start();
    }

    private int status() throws InterruptedException {
        assertTrue(running().waitFor(CommandProcess.PATIENCE.toSeconds(), TimeUnit.SECONDS), screen::text);
        return running().exitValue();
    }

    private void signal(String name) throws Exception {
        new ProcessBuilder("kill", "-" + name, Long.toString(running().pid())).start().waitFor();
    }

    private void assertRaw() {
        Termios settings = Termios.get(terminal);
        assertFalse(settings.editsLines() || settings.echoes());
    }

    private void assertCooked() {
        Termios settings = Termios.get(terminal);
        assertTrue(settings.editsLines() && settings.echoes());
    }

    private Process running() {
        return Objects.requireNonNull(process);
    }
}

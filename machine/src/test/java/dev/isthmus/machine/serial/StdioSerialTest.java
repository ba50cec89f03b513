// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.machine.serial;

import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

import dev.isthmus.kvm.linux.Fd;
import dev.isthmus.kvm.linux.HostFile;
import dev.isthmus.kvm.linux.Pty;
import dev.isthmus.kvm.linux.StreamIo;
import dev.isthmus.kvm.linux.Termios;
import dev.isthmus.machine.VmException;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

class StdioSerialTest {
    private static final int MEBIBYTE = 1 << 20;

    /** More than the backend holds. */
    private static final int ESCAPES = 200_000;

    @TempDir
    private Path directory;

    /** Keeps what the escape keys did. */
    private static final class Keys implements EscapeFilter.Actions {
        final CountDownLatch quit = new CountDownLatch(1);
        final CountDownLatch help = new CountDownLatch(1);

        @Override
        public void quit() {
            quit.countDown();
        }

        @Override
        public void help() {
            help.countDown();
        }
    }

    private Fd fifo(String name) throws Exception {
        return Streams.open(Streams.makeFifo(directory.resolve(name)), HostFile.O_RDWR);
    }

    @Test
    void mebibyteGoesBothWaysThroughPipes() throws Exception {
        byte[] toGuest = LiveLine.randomBytes(MEBIBYTE, 1);
        byte[] toHost = LiveLine.randomBytes(MEBIBYTE, 2);
        try (Fd in = fifo("in");
                Fd out = fifo("out");
                LiveLine line = new LiveLine(StdioSerial.open(in.number(), out.number(), null))) {
            CompletableFuture<Void> writer = CompletableFuture.runAsync(() -> Streams.writeAll(in, toGuest));
            assertArrayEquals(toGuest, line.receive(toGuest.length));
            writer.get(60, TimeUnit.SECONDS);
            CompletableFuture<byte[]> reader = Streams.readInBackground(out, toHost.length);
            line.send(toHost);
            assertArrayEquals(toHost, reader.get(60, TimeUnit.SECONDS));
        }
    }

    @Test
    void fullPipeMakesTheGuestWaitAndLosesNothing() throws Exception {
        byte[] sent = LiveLine.randomBytes(MEBIBYTE, 3);
        try (Fd in = fifo("in");
                Fd out = fifo("out");
                LiveLine line = new LiveLine(StdioSerial.open(in.number(), out.number(), null))) {
            int before = line.sendUntilBusy(sent);
            assertTrue(before < sent.length, "the pipe takes no more");
            assertFalse(line.uart.drain(TimeUnit.MILLISECONDS.toNanos(1)), "and can't be waited for");

            CompletableFuture<byte[]> reader = Streams.readInBackground(out, sent.length);
            byte[] rest = new byte[sent.length - before];
            System.arraycopy(sent, before, rest, 0, rest.length);
            line.send(rest);

            assertArrayEquals(sent, reader.get(60, TimeUnit.SECONDS));
        }
    }

    @Test
    void guestThatDoesNotReadLeavesInputInThePipe() throws Exception {
        byte[] sent = LiveLine.randomBytes(MEBIBYTE, 4);
        try (Fd in = fifo("in");
                Fd out = fifo("out");
                LiveLine line = new LiveLine(StdioSerial.open(in.number(), out.number(), null))) {
            CompletableFuture<Void> writer = CompletableFuture.runAsync(() -> Streams.writeAll(in, sent));
            line.send("the loop goes on".getBytes(StandardCharsets.US_ASCII));
            line.drain();
            assertFalse(writer.isDone(), "most of the input is still outside");

            assertArrayEquals(sent, line.receive(sent.length));
            writer.get(60, TimeUnit.SECONDS);
        }
    }

    @ParameterizedTest
    @CsvSource({
        "'', '\u0010\u0004'",
        "'line\n', 'line\n\u0010\u0004'",
        "'\u0003\u0004\u0010', '\u0003\u0004\u0010\u0010\u0010\u0004'",
    })
    void framedInputHasAnEnd(String input, String received) throws Exception {
        Path file = Files.writeString(directory.resolve("input"), input);
        try (Fd in = HostFile.openFd(file.toString(), HostFile.O_RDONLY, 0);
                Fd out = fifo("out");
                LiveLine line = new LiveLine(
                        StdioSerial.open(in.number(), out.number(), new SerialConfig.Stdio(null, true), null))) {
            assertArrayEquals(received.getBytes(StandardCharsets.US_ASCII), line.receive(received.length()));
        }
    }

    @Test
    void framedInputFromDevNullEndsAtOnce() throws Exception {
        try (Fd devNull = HostFile.openFd("/dev/null", HostFile.O_RDWR, 0);
                LiveLine line = new LiveLine(StdioSerial.open(
                        devNull.number(), devNull.number(), new SerialConfig.Stdio(null, true), null))) {
            assertArrayEquals(new byte[] {FramedInput.DLE, FramedInput.EOT}, line.receive(2));
        }
    }

    @Test
    void nothingButEscapesIsFramedWithoutLoss() throws Exception {
        byte[] sent = new byte[ESCAPES];
        Arrays.fill(sent, FramedInput.DLE);
        try (Fd in = fifo("in");
                Fd out = fifo("out");
                LiveLine line = new LiveLine(
                        StdioSerial.open(in.number(), out.number(), new SerialConfig.Stdio(null, true), null))) {
            CompletableFuture<Void> writer = CompletableFuture.runAsync(() -> Streams.writeAll(in, sent));
            byte[] received = line.receive(2 * ESCAPES);
            writer.get(60, TimeUnit.SECONDS);

            byte[] expected = new byte[2 * ESCAPES];
            Arrays.fill(expected, FramedInput.DLE);
            assertArrayEquals(expected, received);
        }
    }

    @Test
    void terminalKeepsItsLineEditingWhereInputIsFramedAndCtrlDEndsIt() throws Exception {
        try (Pty pty = Pty.open();
                Fd terminal = pty.openPeer();
                Fd out = fifo("out");
                LiveLine line = new LiveLine(
                        StdioSerial.open(terminal.number(), out.number(), new SerialConfig.Stdio(new Keys(), true), null))) {
            assertTrue(Termios.get(terminal).editsLines() && Termios.get(terminal).echoes());

            StreamIo.setNonBlocking(pty.master(), true);
            Streams.writeAll(pty.master(), "typo\u007f\u007fed\n\u0004".getBytes(StandardCharsets.US_ASCII));

            assertEquals("tyed\n\u0010\u0004", new String(line.receive(7), StandardCharsets.US_ASCII));
        }
    }

    @Test
    void sharedPipesKeepTheirFlags() throws Exception {
        Path inPath = Streams.makeFifo(directory.resolve("in"));
        try (Fd in = HostFile.openFd(inPath.toString(), HostFile.O_RDWR, 0);
                LiveLine line = new LiveLine(StdioSerial.open(in.number(), in.number(), null))) {
            line.awaitLoop();

            assertFalse(StreamIo.setNonBlocking(in, false), "O_NONBLOCK is not set on the shared open file");
        }
    }

    @Test
    void endOfInputIsTheEndOfNothingElse() throws Exception {
        Path inPath = Streams.makeFifo(directory.resolve("in"));
        Fd reader = Streams.open(inPath, HostFile.O_RDONLY);
        Fd writer = Streams.open(inPath, HostFile.O_WRONLY);
        try (Fd out = fifo("out");
                LiveLine line = new LiveLine(StdioSerial.open(reader.number(), out.number(), null))) {
            Streams.writeAll(writer, "last words".getBytes(StandardCharsets.US_ASCII));
            writer.close();

            assertEquals("last words", new String(line.receive(10), StandardCharsets.US_ASCII));
            line.send("still here".getBytes(StandardCharsets.US_ASCII));
            assertEquals("still here", new String(Streams.read(out, 10), StandardCharsets.US_ASCII));
        } finally {
            reader.close();
        }
    }

    @Test
    void outputToAPipeWhoseReaderHasGoneIsDropped() throws Exception {
        Path outPath = Streams.makeFifo(directory.resolve("out"));
        Fd reader = Streams.open(outPath, HostFile.O_RDONLY);
        try (Fd writer = Streams.open(outPath, HostFile.O_WRONLY);
                Fd in = fifo("in");
                LiveLine line = new LiveLine(StdioSerial.open(in.number(), writer.number(), null))) {
            int sent = line.sendUntilBusy(new byte[MEBIBYTE]);
            assertTrue(sent < MEBIBYTE);
            reader.close();

            line.send(new byte[MEBIBYTE]);
            line.drain();
        }
    }

    @Test
    void filesAndDevNullWork() throws Exception {
        Path inPath = directory.resolve("in.txt");
        Path outPath = directory.resolve("out.txt");
        byte[] input = LiveLine.randomBytes(100_000, 5);
        Files.write(inPath, input);
        Files.writeString(outPath, "before ");
        try (Fd in = HostFile.openFd(inPath.toString(), HostFile.O_RDONLY, 0);
                Fd out = HostFile.openFd(outPath.toString(), HostFile.O_WRONLY | HostFile.O_APPEND, 0);
                LiveLine line = new LiveLine(StdioSerial.open(in.number(), out.number(), null))) {
            assertArrayEquals(input, line.receive(input.length));
            line.send("after".getBytes(StandardCharsets.US_ASCII));
            line.drain();
        }
        assertEquals("before after", Files.readString(outPath));

        try (Fd devNull = HostFile.openFd("/dev/null", HostFile.O_RDWR, 0);
                LiveLine line = new LiveLine(StdioSerial.open(devNull.number(), devNull.number(), null))) {
            line.send(new byte[10_000]);
            line.drain();
            assertFalse(line.lineStatus(UartRegisters.LSR_DR));
        }
    }

    @Test
    void terminalIsRawWhileOpenAndKeepsItsSettingsAfterwards() throws Exception {
        try (Pty pty = Pty.open();
                Fd terminal = pty.openPeer()) {
            assertTrue(Termios.get(terminal).editsLines());
            try (LiveLine line = new LiveLine(StdioSerial.open(terminal.number(), terminal.number(), null))) {
                line.awaitLoop();
                assertFalse(Termios.get(terminal).editsLines());
                assertFalse(Termios.get(terminal).echoes());
            }
            assertTrue(Termios.get(terminal).editsLines());
            assertTrue(Termios.get(terminal).echoes());
            assertFalse(StreamIo.setNonBlocking(terminal, false), "O_NONBLOCK is not left behind");
        }
    }

    @Test
    void keysReachTheGuestAndEscapesDoNot() throws Exception {
        Keys keys = new Keys();
        try (Pty pty = Pty.open();
                Fd terminal = pty.openPeer();
                LiveLine line = new LiveLine(StdioSerial.open(terminal.number(), terminal.number(), keys))) {
            StreamIo.setNonBlocking(pty.master(), true);
            Streams.writeAll(pty.master(), new byte[] {'a', 3, 1, 1, 1, 'h', 'b', 1, 'x', 'c'});

            assertArrayEquals(new byte[] {'a', 3, 1, 'b', 'c'}, line.receive(5));
            assertTrue(keys.help.await(60, TimeUnit.SECONDS));
            assertTrue(keys.quit.await(60, TimeUnit.SECONDS));
        }
    }

    @Test
    void quitKeyWorksThoughTheGuestDoesNotRead() throws Exception {
        Keys keys = new Keys();
        try (Pty pty = Pty.open();
                Fd terminal = pty.openPeer();
                LiveLine line = new LiveLine(StdioSerial.open(terminal.number(), terminal.number(), keys))) {
            StreamIo.setNonBlocking(pty.master(), true);
            Streams.writeAll(pty.master(), "x".repeat(30_000).getBytes(StandardCharsets.US_ASCII));
            Streams.writeAll(pty.master(), new byte[] {1, 'x'});

            assertTrue(keys.quit.await(60, TimeUnit.SECONDS));
            assertEquals("x".repeat(30_000), new String(line.receive(30_000), StandardCharsets.US_ASCII));
        }
    }

    @Test
    void stoppedTerminalMakesTheGuestWaitAndNotTheLoop() throws Exception {
        byte[] sent = "0123456789abcdef".repeat(MEBIBYTE / 16).getBytes(StandardCharsets.US_ASCII);
        try (Pty pty = Pty.open();
                Fd terminal = pty.openPeer();
                LiveLine line = new LiveLine(StdioSerial.open(terminal.number(), terminal.number(), null))) {
            StreamIo.setNonBlocking(pty.master(), true);
            int before = line.sendUntilBusy(sent);
            assertTrue(before < sent.length);

            CompletableFuture<byte[]> reader = Streams.readInBackground(pty.master(), sent.length);
            byte[] rest = new byte[sent.length - before];
            System.arraycopy(sent, before, rest, 0, rest.length);
            line.send(rest);

            assertArrayEquals(sent, reader.get(60, TimeUnit.SECONDS));
        }
    }

    @Test
    void closedDescriptorIsAnErrorThatNamesTheStream() {
        VmException e = assertThrows(
                VmException.Configuration.class, () -> StdioSerial.open(9999, 9999, null));

        assertTrue(e.toString().contains("Standard input can't be the serial line"), e.getMessage());
        assertFalse(e.remedy().isEmpty());
    }

    @Test
    void standardStreamsAreOneVmsAtATime() {
        SerialBackend first = SerialBackends.open(new SerialConfig.Stdio());
        try {
            assertThrows(VmException.Configuration.class, () -> SerialBackends.open(new SerialConfig.Stdio()));
        } finally {
            first.close();
        }
        SerialBackends.open(new SerialConfig.Stdio()).close();
    }
}

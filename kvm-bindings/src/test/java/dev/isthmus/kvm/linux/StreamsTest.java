// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.kvm.linux;

import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;

import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.EnabledOnOs;
import org.junit.jupiter.api.condition.OS;
import org.junit.jupiter.api.io.TempDir;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

/** Pseudo-terminals and sockets, and the streams over them. */
@EnabledOnOs(OS.LINUX)
class StreamsTest {
    @TempDir
    Path directory;

    private final Arena arena = Arena.ofConfined();

    @AfterEach
    void free() {
        arena.close();
    }

    private MemorySegment memory(String text) {
        byte[] bytes = text.getBytes(StandardCharsets.US_ASCII);
        return arena.allocate(bytes.length).copyFrom(MemorySegment.ofArray(bytes));
    }

    private String readText(Fd fd) {
        MemorySegment memory = arena.allocate(100);
        int count = StreamIo.read(fd, memory);
        assertTrue(count > 0, "read answered " + count);
        byte[] bytes = memory.asSlice(0, count).toArray(ValueLayout.JAVA_BYTE);
        return new String(bytes, StandardCharsets.US_ASCII);
    }

    @Test
    void cookedTerminalTranslatesAndRawOneDoesNot() {
        try (Pty pty = Pty.open();
                Fd terminal = pty.openPeer()) {
            Termios cooked = Termios.get(terminal);
            assertTrue(cooked.editsLines());
            assertTrue(cooked.echoes());
            StreamIo.write(terminal, memory("a\n"));
            assertEquals("a\r\n", readText(pty.master()));

            Termios raw = cooked.copy();
            raw.makeRaw();
            raw.setAfterOutput(terminal);

            assertFalse(Termios.get(terminal).editsLines());
            assertFalse(Termios.get(terminal).echoes());
            StreamIo.write(terminal, memory("b\n"));
            assertEquals("b\n", readText(pty.master()));
            StreamIo.write(pty.master(), memory("\3\r"));
            assertEquals("\3\r", readText(terminal), "raw input is neither a signal nor translated");

            cooked.setNow(terminal);
            assertTrue(Termios.get(terminal).editsLines());
        }
    }

    @Test
    void rawTerminalThatProcessesOutputTranslatesLineFeeds() {
        try (Pty pty = Pty.open();
                Fd terminal = pty.openPeer()) {
            Termios raw = Termios.get(terminal);
            raw.makeRaw();
            raw.processOutput();
            raw.setNow(terminal);

            StreamIo.write(terminal, memory("c\n"));

            assertEquals("c\r\n", readText(pty.master()));
        }
    }

    @Test
    void windowSizeSetOnOneSideIsSeenOnTheOther() {
        try (Pty pty = Pty.open();
                Fd terminal = pty.openPeer()) {
            Termios.setWindowSize(pty.master(), new Termios.WindowSize(50, 132));

            assertEquals(new Termios.WindowSize(50, 132), Termios.windowSize(terminal));
        }
    }

    @Test
    void terminalIsFoundByItsPath() {
        try (Pty pty = Pty.open();
                Fd terminal = HostFile.openFd(pty.peerPath(), HostFile.O_RDWR, 0)) {
            assertTrue(Termios.isTerminal(terminal));
            StreamIo.write(pty.master(), memory("x\n"));

            assertEquals("x\n", readText(terminal));
        }
    }

    @Test
    void closedTerminalEndsTheMastersStream() {
        try (Pty pty = Pty.open()) {
            pty.openPeer().close();

            assertEquals(StreamIo.END_OF_STREAM, StreamIo.read(pty.master(), arena.allocate(1)));
        }
    }

    @Test
    void fileIsNoTerminal() throws IOException {
        Path file = Files.createFile(directory.resolve("file"));
        try (Fd fd = HostFile.openFd(file.toString(), HostFile.O_RDONLY, 0)) {
            assertFalse(Termios.isTerminal(fd));
            ErrnoException e = assertThrows(ErrnoException.class, () -> Termios.get(fd));
            assertEquals(Errno.ENOTTY, e.errno());
        }
    }

    @Test
    void connectionCarriesBytesBothWaysUntilThePeerCloses() {
        String path = directory.resolve("socket").toString();
        try (UnixSocket socket = UnixSocket.listen(path)) {
            assertNull(socket.accept());
            Fd client = UnixSocket.connect(path);
            try (Fd server = socket.accept()) {
                assertNotNull(server);
                assertEquals(StreamIo.WOULD_BLOCK, StreamIo.read(server, arena.allocate(1)));
                StreamIo.write(client, memory("ping"));
                assertEquals("ping", readText(server));
                StreamIo.write(server, memory("pong"));
                assertEquals("pong", readText(client));

                client.close();

                assertEquals(StreamIo.END_OF_STREAM, StreamIo.read(server, arena.allocate(1)));
                assertEquals(StreamIo.END_OF_STREAM, StreamIo.write(server, memory("x")));
            }
        }
        assertFalse(Files.exists(Path.of(path)), "the socket's path is left");
    }

    @Test
    void fullConnectionWouldBlockAndGoesOnWhenRead() {
        String path = directory.resolve("socket").toString();
        try (UnixSocket socket = UnixSocket.listen(path);
                Fd client = UnixSocket.connect(path);
                Fd server = socket.accept()) {
            assertNotNull(server);
            MemorySegment chunk = arena.allocate(65_536);
            long written = 0;
            int count = StreamIo.write(client, chunk);
            while (count > 0) {
                written += count;
                count = StreamIo.write(client, chunk);
            }
            assertEquals(StreamIo.WOULD_BLOCK, count);

            long read = 0;
            while (read < written) {
                read += StreamIo.read(server, chunk);
            }

            assertEquals(written, read);
            assertTrue(StreamIo.write(client, chunk) > 0);
        }
    }

    @Test
    void abandonedSocketIsReplacedAndOneInUseIsNot() {
        String path = directory.resolve("socket").toString();
        // Closing the descriptor alone leaves the path, as a process does that is killed.
        UnixSocket.listen(path).fd().close();
        assertTrue(Files.exists(Path.of(path)));

        try (UnixSocket socket = UnixSocket.listen(path)) {
            ErrnoException e = assertThrows(ErrnoException.class, () -> UnixSocket.listen(path));

            assertEquals(Errno.EADDRINUSE, e.errno());
            assertEquals(path, socket.path());
        }
    }

    @Test
    void fileInTheSocketsPlaceIsLeftAlone() throws IOException {
        Path file = Files.writeString(directory.resolve("precious"), "data");

        ErrnoException e =
                assertThrows(ErrnoException.class, () -> UnixSocket.listen(file.toString()));

        assertEquals(Errno.EADDRINUSE, e.errno());
        assertEquals("data", Files.readString(file));
    }

    @Test
    void pathTooLongForASocketIsRefused() {
        String path = "/" + "p".repeat(107);

        assertThrows(IllegalArgumentException.class, () -> UnixSocket.listen(path));
        assertThrows(IllegalArgumentException.class, () -> UnixSocket.connect(path));
    }

    @Test
    void connectingToNobodyFails() {
        String path = directory.resolve("none").toString();

        ErrnoException e = assertThrows(ErrnoException.class, () -> UnixSocket.connect(path));

        assertEquals(Errno.ENOENT, e.errno());
    }

    @Test
    void nonBlockingIsSetAndSetBack() {
        try (Pty pty = Pty.open();
                Fd terminal = pty.openPeer()) {
            assertFalse(StreamIo.setNonBlocking(terminal, true));
            assertEquals(StreamIo.WOULD_BLOCK, StreamIo.read(terminal, arena.allocate(1)));

            assertTrue(StreamIo.setNonBlocking(terminal, false));
            assertFalse(StreamIo.setNonBlocking(terminal, false));
        }
    }

    @Test
    void duplicateStaysOpenWhenTheOriginalIsClosed() {
        try (Pty pty = Pty.open()) {
            Fd terminal = pty.openPeer();
            Fd duplicate = terminal.duplicate();
            terminal.close();

            assertTrue(Termios.isTerminal(duplicate));

            duplicate.close();
            assertThrows(IllegalStateException.class, duplicate::number);
            assertEquals("fd (closed)", duplicate.toString());
        }
    }

    @Test
    @SuppressWarnings("try") // The client goes first.
    void endsOfAStreamAreSeenByThePeer() {
        String path = directory.resolve("ends").toString();
        try (UnixSocket listening = UnixSocket.listen(path, 2);
                Fd client = UnixSocket.connect(path);
                Fd other = UnixSocket.connect(path);
                Fd server = listening.accept()) {
            assertNotNull(server);
            assertFalse(StreamEnds.hungUp(server));
            assertFalse(StreamEnds.hungUp(other));

            StreamIo.write(client, memory("last words"));
            StreamEnds.endSending(client);
            assertEquals("last words", readText(server));
            assertEquals(StreamIo.END_OF_STREAM, StreamIo.read(server, memory("x")));
            assertFalse(StreamEnds.hungUp(server));
            StreamEnds.endReceiving(client);
            assertTrue(StreamEnds.hungUp(server));
            assertEquals(StreamIo.END_OF_STREAM, StreamIo.write(server, memory("x")));
            // Once more does no harm.
            StreamEnds.endSending(server);
        }
    }

    @Test
    void asManyMayWaitAsWereAllowed() {
        String path = directory.resolve("many").toString();
        try (UnixSocket _ = UnixSocket.listen(path, 5)) {
            for (int i = 0; i < 5; i++) {
                UnixSocket.connect(path).close();
            }
        }
    }

    @Test
    void endOfWhatIsNoSocketIsAnError() {
        try (Pty pty = Pty.open()) {
            assertThrows(ErrnoException.class, () -> StreamEnds.endSending(pty.master()));
        }
    }
}

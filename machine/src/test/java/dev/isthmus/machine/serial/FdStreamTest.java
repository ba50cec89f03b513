// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.machine.serial;

import java.io.ByteArrayOutputStream;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;

import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

import dev.isthmus.device.FdWatch;
import dev.isthmus.kvm.linux.Fd;
import dev.isthmus.kvm.linux.HostFile;
import dev.isthmus.kvm.linux.Pty;
import dev.isthmus.kvm.linux.StreamIo;
import dev.isthmus.kvm.linux.Termios;
import dev.isthmus.testing.device.ManualEventLoop;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

/** A stream on a pseudo-terminal and a loop turned by hand, which hears of hang-ups as late as the test wants. */
class FdStreamTest {
    private final ManualEventLoop loop = new ManualEventLoop();
    private final Pty pty = Pty.open();
    private final Recorder user = new Recorder();
    private final FdStream stream;

    FdStreamTest() {
        StreamIo.setNonBlocking(pty.master(), true);
        try (Fd peer = pty.openPeer()) {
            Termios raw = Termios.get(peer);
            raw.makeRaw();
            raw.setNow(peer);
        }
        stream = new FdStream(loop, pty.master(), true, user);
        stream.start();
    }

    @AfterEach
    void close() {
        stream.close();
        pty.close();
    }

    private Fd openPeer() {
        return Streams.open(Path.of(pty.peerPath()), HostFile.O_RDWR);
    }

    private void write(String text) {
        try (Arena arena = Arena.ofConfined()) {
            byte[] bytes = text.getBytes(StandardCharsets.US_ASCII);
            assertEquals(bytes.length, stream.write(arena.allocateFrom(ValueLayout.JAVA_BYTE, bytes)));
        }
    }

    private static String read(Fd peer, int length) {
        return new String(Streams.read(peer, length), StandardCharsets.US_ASCII);
    }

    @Test
    void hangUpEndsTheStreamOnceAllIsRead() {
        try (Fd peer = openPeer()) {
            Streams.writeAll(peer, new byte[] {'a'});
        }

        loop.fireHangUp(pty.master().number());
        assertEquals("a", user.input());
        assertFalse(user.gone);
        loop.fireHangUp(pty.master().number());

        assertTrue(user.gone);
        assertEquals(0, loop.interest(pty.master().number()));
    }

    @Test
    void peerThatCameBeforeTheLoopHeardOfTheHangUpGetsOutput() {
        openPeer().close();
        try (Fd peer = openPeer()) {
            Streams.writeAll(peer, new byte[] {'b'});
            loop.fireHangUp(pty.master().number());
            assertEquals("b", user.input());

            write("hello");

            assertEquals("hello", read(peer, 5));
            assertFalse(user.gone);
        }
    }

    @Test
    void peerThatSaysNothingGetsOutputAfterALateHangUp() {
        openPeer().close();
        try (Fd peer = openPeer()) {
            loop.fireHangUp(pty.master().number());

            write("hello");

            assertEquals("hello", read(peer, 5));
            assertFalse(user.gone);
        }
    }

    @Test
    void pausedStreamReadsTheLastWordsAndServesTheNextPeer() {
        user.room = 0;
        try (Fd peer = openPeer()) {
            Streams.writeAll(peer, new byte[] {'c'});
            loop.fireReady(pty.master().number(), FdWatch.READABLE);
            assertEquals(0, loop.interest(pty.master().number()));
        }
        user.room = 100;
        stream.resumeReading();
        loop.fireHangUp(pty.master().number());
        assertEquals("c", user.input());

        try (Fd peer = openPeer()) {
            loop.fireHangUp(pty.master().number());
            write("again");
            assertEquals("again", read(peer, 5));
        }
    }

    private static final class Recorder implements FdStream.User {
        private final ByteArrayOutputStream received = new ByteArrayOutputStream();
        private int room = 100;
        private boolean gone;

        private String input() {
            return received.toString(StandardCharsets.US_ASCII);
        }

        @Override
        public int receiveRoom() {
            return room;
        }

        @Override
        public void received(MemorySegment bytes) {
            received.writeBytes(bytes.toArray(ValueLayout.JAVA_BYTE));
        }

        @Override
        public void writable() {}

        @Override
        public void gone() {
            gone = true;
        }
    }
}

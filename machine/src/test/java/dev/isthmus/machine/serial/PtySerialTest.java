// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.machine.serial;

import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;

import org.junit.jupiter.api.Test;

import dev.isthmus.kvm.linux.Fd;
import dev.isthmus.kvm.linux.HostFile;
import dev.isthmus.kvm.linux.Termios;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

class PtySerialTest {
    private static final int MEBIBYTE = 1 << 20;

    private static Fd openPeer(LiveLine line) {
        return Streams.open(Path.of(line.backend.peerName()), HostFile.O_RDWR);
    }

    /** Sends a marker through the terminal until the guest has it: then the backend knows of the peer. */
    private static void connect(LiveLine line, Fd peer) {
        Streams.writeAll(peer, new byte[] {'!'});
        assertArrayEquals(new byte[] {'!'}, line.receive(1));
    }

    @Test
    void guestGoesOnWhileNobodyHasTheTerminalOpen() {
        try (LiveLine line = new LiveLine(PtySerial.open())) {
            line.send(new byte[MEBIBYTE]);
            line.drain();
        }
    }

    @Test
    void mebibyteGoesBothWays() throws Exception {
        byte[] toGuest = LiveLine.randomBytes(MEBIBYTE, 1);
        byte[] toHost = LiveLine.randomBytes(MEBIBYTE, 2);
        try (LiveLine line = new LiveLine(PtySerial.open());
                Fd peer = openPeer(line)) {
            assertFalse(Termios.get(peer).editsLines());
            CompletableFuture<Void> writer = CompletableFuture.runAsync(() -> Streams.writeAll(peer, toGuest));
            assertArrayEquals(toGuest, line.receive(toGuest.length));
            writer.get(60, TimeUnit.SECONDS);
            CompletableFuture<byte[]> reader = Streams.readInBackground(peer, toHost.length);
            line.send(toHost);
            assertArrayEquals(toHost, reader.get(60, TimeUnit.SECONDS));
        }
    }

    @Test
    void peerThatDoesNotReadMakesTheGuestWaitUntilItLeaves() {
        try (LiveLine line = new LiveLine(PtySerial.open())) {
            try (Fd peer = openPeer(line)) {
                connect(line, peer);
                assertTrue(line.sendUntilBusy(new byte[MEBIBYTE]) < MEBIBYTE);
            }

            line.send(new byte[MEBIBYTE]);
            line.drain();
        }
    }

    @Test
    void peersComeAndGo() {
        try (LiveLine line = new LiveLine(PtySerial.open())) {
            for (int i = 0; i < 5; i++) {
                try (Fd peer = openPeer(line)) {
                    connect(line, peer);
                    line.send(("hello " + i).getBytes(StandardCharsets.US_ASCII));
                    assertEquals("hello " + i, new String(Streams.read(peer, 7), StandardCharsets.US_ASCII));
                }
            }
        }
    }
}

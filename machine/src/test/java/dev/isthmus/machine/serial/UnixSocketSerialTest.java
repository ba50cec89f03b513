// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.machine.serial;

import java.io.IOException;
import java.net.StandardProtocolFamily;
import java.net.UnixDomainSocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.ServerSocketChannel;
import java.nio.channels.SocketChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

import dev.isthmus.machine.VmException;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

class UnixSocketSerialTest {
    private static final int MEBIBYTE = 1 << 20;

    @TempDir
    private Path directory;

    private Path path() {
        return directory.resolve("serial.sock");
    }

    private LiveLine open() {
        return new LiveLine(SerialBackends.open(new SerialConfig.UnixSocket(path())));
    }

    private SocketChannel connect() throws IOException {
        return SocketChannel.open(UnixDomainSocketAddress.of(path()));
    }

    private static void write(SocketChannel client, byte[] bytes) throws IOException {
        ByteBuffer buffer = ByteBuffer.wrap(bytes);
        while (buffer.hasRemaining()) {
            client.write(buffer);
        }
    }

    private static void write(SocketChannel client, String text) throws IOException {
        write(client, text.getBytes(StandardCharsets.US_ASCII));
    }

    private static byte[] read(SocketChannel client, int length) throws IOException {
        ByteBuffer buffer = ByteBuffer.allocate(length);
        while (buffer.hasRemaining()) {
            if (client.read(buffer) < 0) {
                throw new IOException("the end after " + buffer.position() + " bytes");
            }
        }
        return buffer.array();
    }

    private static String readText(SocketChannel client, int length) throws IOException {
        return new String(read(client, length), StandardCharsets.US_ASCII);
    }

    private static String receiveText(LiveLine line, int length) {
        return new String(line.receive(length), StandardCharsets.US_ASCII);
    }

    @Test
    void mebibyteGoesBothWays() throws Exception {
        byte[] toGuest = LiveLine.randomBytes(MEBIBYTE, 1);
        byte[] toHost = LiveLine.randomBytes(MEBIBYTE, 2);
        try (LiveLine line = open();
                SocketChannel client = connect()) {
            CompletableFuture<Void> writer = CompletableFuture.runAsync(() -> {
                try {
                    write(client, toGuest);
                } catch (IOException e) {
                    throw new AssertionError(e);
                }
            });
            assertArrayEquals(toGuest, line.receive(toGuest.length));
            writer.get(60, TimeUnit.SECONDS);
            CompletableFuture<byte[]> reader = CompletableFuture.supplyAsync(() -> {
                try {
                    return read(client, toHost.length);
                } catch (IOException e) {
                    throw new AssertionError(e);
                }
            });
            line.send(toHost);
            assertArrayEquals(toHost, reader.get(60, TimeUnit.SECONDS));
        }
    }

    @Test
    void guestGoesOnWithoutClient() {
        try (LiveLine line = open()) {
            line.send(new byte[MEBIBYTE]);
            line.drain();
        }
    }

    @Test
    void clientThatDoesNotReadMakesTheGuestWaitUntilItLeaves() throws Exception {
        try (LiveLine line = open()) {
            try (SocketChannel client = connect()) {
                write(client, "!");
                assertEquals("!", receiveText(line, 1));
                assertTrue(line.sendUntilBusy(new byte[MEBIBYTE]) < MEBIBYTE);
            }

            line.send(new byte[MEBIBYTE]);
            line.drain();
        }
    }

    @Test
    void clientsComeAndGo() throws Exception {
        try (LiveLine line = open()) {
            for (int i = 0; i < 10; i++) {
                try (SocketChannel client = connect()) {
                    write(client, "in " + i);
                    assertEquals("in " + i, receiveText(line, 4));
                    line.send(("out " + i).getBytes(StandardCharsets.US_ASCII));
                    assertEquals("out " + i, readText(client, 5));
                }
            }
        }
    }

    @Test
    void secondClientWaitsForTheFirstToLeave() throws Exception {
        try (LiveLine line = open()) {
            SocketChannel first = connect();
            SocketChannel second = connect();
            write(second, "second");
            write(first, "first");
            assertEquals("first", receiveText(line, 5));
            line.awaitLoop();
            assertFalse(line.lineStatus(UartRegisters.LSR_DR));

            first.close();

            assertEquals("second", receiveText(line, 6));
            second.close();
        }
    }

    @Test
    void lastWordsOfAClientThatHasLeftAreReceived() throws Exception {
        byte[] sent = LiveLine.randomBytes(50_000, 3);
        try (LiveLine line = open()) {
            try (SocketChannel client = connect()) {
                write(client, sent);
            }
            line.send("meanwhile".getBytes(StandardCharsets.US_ASCII));
            line.drain();

            assertArrayEquals(sent, line.receive(sent.length));
            try (SocketChannel next = connect()) {
                write(next, "next");
                assertEquals("next", receiveText(line, 4));
            }
        }
    }

    @Test
    void clientThatEndedItsInputStillGetsOutput() throws Exception {
        try (LiveLine line = open()) {
            try (SocketChannel client = connect()) {
                write(client, "ls\n");
                client.shutdownOutput();
                assertEquals("ls\n", receiveText(line, 3));
                line.awaitLoop();

                line.send("a b c\n".getBytes(StandardCharsets.US_ASCII));

                assertEquals("a b c\n", readText(client, 6));
            }
            try (SocketChannel next = connect()) {
                write(next, "next");
                assertEquals("next", receiveText(line, 4));
            }
        }
    }

    @Test
    void socketFileIsRemovedAtTheEnd() {
        try (LiveLine line = open()) {
            assertTrue(Files.exists(path()));
            assertEquals(path().toString(), line.backend.peerName());
        }
        assertFalse(Files.exists(path()));
    }

    @Test
    void abandonedSocketFileIsReplaced() throws Exception {
        try (ServerSocketChannel dead = ServerSocketChannel.open(StandardProtocolFamily.UNIX)) {
            dead.bind(UnixDomainSocketAddress.of(path()));
        }
        assertTrue(Files.exists(path()));

        try (LiveLine line = open();
                SocketChannel client = connect()) {
            write(client, "x");
            assertEquals("x", receiveText(line, 1));
        }
    }

    @Test
    void socketThatSomebodyListensAtIsAnError() {
        try (LiveLine line = open()) {
            line.awaitLoop();
            VmException e = assertThrows(
                    VmException.Configuration.class,
                    () -> SerialBackends.open(new SerialConfig.UnixSocket(path())));

            assertTrue(e.toString().contains("in use"), e.getMessage());
            assertTrue(Files.exists(path()));
        }
    }

    @Test
    void fileThatIsNoSocketIsAnErrorAndStays() throws Exception {
        Files.writeString(path(), "precious");

        VmException e = assertThrows(
                VmException.Configuration.class, () -> SerialBackends.open(new SerialConfig.UnixSocket(path())));

        assertTrue(e.toString().contains("in use"), e.getMessage());
        assertEquals("precious", Files.readString(path()));
    }

    @Test
    void pathThatIsTooLongOrMissingIsAnError() {
        Path tooLong = directory.resolve("x".repeat(108));
        VmException e = assertThrows(
                VmException.Configuration.class, () -> SerialBackends.open(new SerialConfig.UnixSocket(tooLong)));
        assertTrue(e.toString().contains("107"), e.getMessage());

        Path nowhere = Path.of("/nonexistent/serial.sock");
        e = assertThrows(
                VmException.Configuration.class, () -> SerialBackends.open(new SerialConfig.UnixSocket(nowhere)));
        assertTrue(e.toString().contains("No such file or directory"), e.getMessage());
    }
}

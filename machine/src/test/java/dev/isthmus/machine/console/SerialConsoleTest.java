// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.machine.console;

import java.io.IOException;
import java.net.UnixDomainSocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.SocketChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Random;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

import dev.isthmus.machine.serial.SerialConfig;
import dev.isthmus.machine.serial.StreamSerial;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

class SerialConsoleTest {
    private static final int MEBIBYTE = 1 << 20;

    @TempDir
    private Path directory;

    private static byte[] randomBytes(int length, long seed) {
        byte[] bytes = new byte[length];
        new Random(seed).nextBytes(bytes);
        return bytes;
    }

    private static void writeAll(SocketChannel channel, byte[] bytes) {
        try {
            ByteBuffer buffer = ByteBuffer.wrap(bytes);
            while (buffer.hasRemaining()) {
                channel.write(buffer);
            }
        } catch (IOException e) {
            throw new AssertionError(e);
        }
    }

    private static byte[] readAll(SocketChannel channel, int length) {
        try {
            ByteBuffer buffer = ByteBuffer.allocate(length);
            while (buffer.hasRemaining()) {
                if (channel.read(buffer) < 0) {
                    throw new AssertionError("the end after " + buffer.position() + " bytes");
                }
            }
            return buffer.array();
        } catch (IOException e) {
            throw new AssertionError(e);
        }
    }

    @Test
    void mebibyteGoesBothWaysThroughASocket() throws Exception {
        Path path = directory.resolve("port.sock");
        byte[] toGuest = randomBytes(MEBIBYTE, 1);
        byte[] toHost = randomBytes(MEBIBYTE, 2);
        try (LiveConsole port = new LiveConsole(SerialConsole.open(new SerialConfig.UnixSocket(path)));
                SocketChannel client = SocketChannel.open(UnixDomainSocketAddress.of(path))) {
            port.await(() -> port.hostOpen);
            CompletableFuture<Void> writer = CompletableFuture.runAsync(() -> writeAll(client, toGuest));
            assertArrayEquals(toGuest, port.receive(toGuest.length));
            writer.get(60, TimeUnit.SECONDS);
            CompletableFuture<byte[]> reader =
                    CompletableFuture.supplyAsync(() -> readAll(client, toHost.length));
            port.send(toHost);
            assertArrayEquals(toHost, reader.get(60, TimeUnit.SECONDS));
        }
    }

    @Test
    void clientsThatComeAndGoAreTold() throws Exception {
        Path path = directory.resolve("port.sock");
        try (LiveConsole port = new LiveConsole(SerialConsole.open(new SerialConfig.UnixSocket(path)))) {
            assertFalse(port.hostOpen);
            // Nobody is there: the guest goes on.
            port.send(new byte[MEBIBYTE]);
            for (int i = 0; i < 3; i++) {
                try (SocketChannel client = SocketChannel.open(UnixDomainSocketAddress.of(path))) {
                    port.await(() -> port.hostOpen);
                    writeAll(client, new byte[] {1, 2, 3});
                }
                assertArrayEquals(new byte[] {1, 2, 3}, port.receive(3));
                port.await(() -> !port.hostOpen);
            }
        }
    }

    @Test
    void streamsOfAProgramPassBothWays() throws Exception {
        StreamSerial streams = new StreamSerial();
        byte[] bytes = randomBytes(300_000, 3);
        try (LiveConsole port = new LiveConsole(new SerialConsole(streams))) {
            port.await(() -> port.hostOpen);
            CompletableFuture<Void> writer = CompletableFuture.runAsync(() -> {
                try {
                    streams.toGuest().write(bytes);
                } catch (IOException e) {
                    throw new AssertionError(e);
                }
            });
            assertArrayEquals(bytes, port.receive(bytes.length));
            writer.get(60, TimeUnit.SECONDS);
            CompletableFuture<byte[]> reader = CompletableFuture.supplyAsync(() -> {
                try {
                    return streams.fromGuest().readNBytes(bytes.length);
                } catch (IOException e) {
                    throw new AssertionError(e);
                }
            });
            port.send(bytes);
            assertArrayEquals(bytes, reader.get(60, TimeUnit.SECONDS));
        }
    }

    @Test
    void outputGoesToAFile() throws Exception {
        Path path = directory.resolve("out.txt");
        byte[] bytes = randomBytes(300_000, 4);
        try (LiveConsole port = new LiveConsole(SerialConsole.open(new SerialConfig.ToFile(path)))) {
            port.send(bytes);
        }
        assertArrayEquals(bytes, Files.readAllBytes(path));
    }

    @Test
    void pseudoTerminalHasAPathToConnectTo() {
        SerialConsole console = SerialConsole.open(new SerialConfig.Pty());
        assertTrue(console.peerName().startsWith("/dev/pts/"));
        try (LiveConsole port = new LiveConsole(console)) {
            port.await(() -> port.hostOpen);
        }
        assertEquals("", SerialConsole.open(new SerialConfig.Null()).peerName());
    }
}

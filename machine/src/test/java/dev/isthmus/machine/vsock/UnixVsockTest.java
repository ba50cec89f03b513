// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.machine.vsock;

import java.io.IOException;
import java.net.StandardProtocolFamily;
import java.net.UnixDomainSocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.ServerSocketChannel;
import java.nio.channels.SocketChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

import dev.isthmus.machine.VmException;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

class UnixVsockTest {
    private static final int MEBIBYTE = 1 << 20;
    private static final int SHUTDOWN_RECEIVE = 1;
    private static final int SHUTDOWN_SEND = 2;
    private static final int SHUTDOWN_BOTH = 3;

    @TempDir
    private Path directory;

    private Path path() {
        return directory.resolve("v.sock");
    }

    private LiveVsock open() {
        return new LiveVsock(path()).up();
    }

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
            return LiveVsock.read(channel, length);
        } catch (IOException e) {
            throw new AssertionError(e);
        }
    }

    private static <T> T get(CompletableFuture<T> future) throws Exception {
        return future.get(60, TimeUnit.SECONDS);
    }

    // Connections of the guest.

    @Test
    void guestReachesWhoListensAtThePathOfThePort() throws Exception {
        byte[] toHost = randomBytes(3 * MEBIBYTE, 1);
        byte[] toGuest = randomBytes(3 * MEBIBYTE, 2);
        try (LiveVsock vsock = open();
                ServerSocketChannel server = vsock.listen(52)) {
            LiveVsock.Socket socket = vsock.connect(1000, 52);
            assertTrue(socket.open);
            try (SocketChannel program = server.accept()) {
                CompletableFuture<byte[]> reader =
                        CompletableFuture.supplyAsync(() -> readAll(program, toHost.length));
                vsock.sendAll(socket, toHost);
                assertArrayEquals(toHost, get(reader));
                CompletableFuture<Void> writer = CompletableFuture.runAsync(() -> writeAll(program, toGuest));
                assertArrayEquals(toGuest, vsock.receive(socket, toGuest.length));
                get(writer);
            }
        }
    }

    @Test
    void guestIsRefusedWhereNobodyListensOrListensAnyMore() throws Exception {
        try (LiveVsock vsock = open()) {
            assertTrue(vsock.connect(1000, 52).reset);
            vsock.listen(52).close();
            assertTrue(Files.exists(Path.of(path() + "_52")));

            assertTrue(vsock.connect(1001, 52).reset);
            assertEquals(0, vsock.connectionCount());
        }
    }

    @Test
    void guestIsRefusedWhereTooManyWaitToBeAccepted() throws Exception {
        try (LiveVsock vsock = open();
                ServerSocketChannel server = ServerSocketChannel.open(StandardProtocolFamily.UNIX)) {
            server.bind(UnixDomainSocketAddress.of(path() + "_52"), 1);
            int refused = 0;
            for (int i = 0; i < 10; i++) {
                refused += vsock.connect(1000 + i, 52).reset ? 1 : 0;
            }
            assertTrue(refused > 0);
        }
    }

    @Test
    void bothWaysAtOnceOverManyConnectionsArriveWhole() throws Exception {
        int count = 20;
        int length = 300_000;
        try (LiveVsock vsock = open();
                ServerSocketChannel server = vsock.listen(7)) {
            List<CompletableFuture<byte[]>> readers = new ArrayList<>();
            List<LiveVsock.Socket> sockets = new ArrayList<>();
            List<SocketChannel> programs = new ArrayList<>();
            for (int i = 0; i < count; i++) {
                sockets.add(vsock.connect(i, 7));
                SocketChannel program = server.accept();
                programs.add(program);
                int seed = i;
                readers.add(CompletableFuture.supplyAsync(() -> readAll(program, length)));
                CompletableFuture<Void> _ = CompletableFuture.runAsync(
                        () -> writeAll(program, randomBytes(length, 100 + seed)));
            }
            for (int i = 0; i < count; i++) {
                vsock.sendAll(sockets.get(i), randomBytes(length, i));
            }
            for (int i = 0; i < count; i++) {
                assertArrayEquals(randomBytes(length, 100 + i), vsock.receive(sockets.get(i), length));
                assertArrayEquals(randomBytes(length, i), get(readers.get(i)));
                programs.get(i).close();
            }
            for (LiveVsock.Socket socket : sockets) {
                vsock.await(() -> socket.shutdown == SHUTDOWN_BOTH);
                vsock.send(socket, LiveVsock.RST, 0);
            }
            assertEquals(0, vsock.connectionCount());
        }
    }

    @Test
    void programThatDoesNotReadHoldsUpItsConnectionOnly() throws Exception {
        try (LiveVsock vsock = open();
                ServerSocketChannel server = vsock.listen(7)) {
            LiveVsock.Socket stuck = vsock.connect(1, 7);
            SocketChannel program = server.accept();
            byte[] bytes = randomBytes(4 * MEBIBYTE, 1);
            int sent = 0;
            while (stuck.credit() > 0) {
                int part = (int) Math.min(stuck.credit(), 32 << 10);
                stuck.txCnt += part;
                vsock.send(stuck, LiveVsock.RW, 0, Arrays.copyOfRange(bytes, sent, sent + part));
                sent += part;
                vsock.await(() -> true);
            }
            LiveVsock.Socket other = vsock.connect(2, 7);
            SocketChannel reader = server.accept();
            vsock.sendAll(other, new byte[] {1, 2, 3});
            assertArrayEquals(new byte[] {1, 2, 3}, LiveVsock.read(reader, 3));

            int total = sent;
            assertArrayEquals(
                    Arrays.copyOf(bytes, total),
                    get(CompletableFuture.supplyAsync(() -> readAll(program, total))));
            vsock.await(() -> stuck.credit() > 0);
            program.close();
            reader.close();
        }
    }

    @Test
    void guestThatDoesNotReadHoldsUpTheProgramUntilItDoes() throws Exception {
        byte[] bytes = randomBytes(2 * MEBIBYTE, 1);
        try (LiveVsock vsock = open();
                ServerSocketChannel server = vsock.listen(7)) {
            LiveVsock.Socket socket = vsock.connect(1, 7);
            socket.reads = false;
            SocketChannel program = server.accept();
            CompletableFuture<Void> writer = CompletableFuture.runAsync(() -> writeAll(program, bytes));
            vsock.await(() -> socket.unread == 256 << 10);
            assertFalse(writer.isDone());

            socket.reads = true;
            vsock.read(socket);

            assertArrayEquals(bytes, vsock.receive(socket, bytes.length));
            get(writer);
            program.close();
        }
    }

    // Connections of the host.

    @Test
    void programThatConnectsIsAnsweredAndItsStreamFollowsTheLine() throws Exception {
        try (LiveVsock vsock = open();
                SocketChannel program = vsock.client()) {
            // The stream may begin before the answer.
            LiveVsock.write(program, "CONNECT 1234\nhello");

            LiveVsock.Socket socket = vsock.accepted(1234);
            assertEquals("OK " + socket.hostPort + "\n", LiveVsock.readLine(program));
            assertEquals("hello", new String(vsock.receive(socket, 5), StandardCharsets.US_ASCII));
            vsock.sendAll(socket, new byte[] {42});
            assertArrayEquals(new byte[] {42}, LiveVsock.read(program, 1));
        }
    }

    @Test
    void lineMayComeInPieces() throws Exception {
        try (LiveVsock vsock = open();
                SocketChannel program = vsock.client()) {
            for (String part : List.of("CON", "NECT ", "12", "34")) {
                LiveVsock.write(program, part);
                vsock.loop.call(() -> {});
            }
            LiveVsock.write(program, "\n");

            assertEquals(1234, vsock.accepted(1234).port);
        }
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "HELLO 1\n", "CONNECT\n", "CONNECT \n", "CONNECT x\n", "CONNECT -1\n", "CONNECT 12 \n",
                "CONNECT 4294967296\n", "CONNECT 00000000001\n", "CONNECT 4294967295\n", "connect 1\n", "CONNECT 1\r\n"
            })
    void anythingElseIsSentAway(String text) throws Exception {
        try (LiveVsock vsock = open();
                SocketChannel program = vsock.client()) {
            LiveVsock.write(program, text);

            assertSentAway(program);
        }
    }

    /** The end, or a reset where there was something unread. */
    private static void assertSentAway(SocketChannel program) {
        String answer;
        try {
            answer = LiveVsock.readLine(program);
        } catch (IOException e) {
            answer = "";
        }
        assertEquals("", answer);
    }

    @Test
    void programIsSentAwayWhereTheGuestDoesNotListen() throws Exception {
        try (LiveVsock vsock = open();
                SocketChannel program = vsock.client()) {
            vsock.listens = false;
            LiveVsock.write(program, "CONNECT 1234\n");
            CompletableFuture<Void> sentAway = CompletableFuture.runAsync(() -> assertSentAway(program));

            vsock.await(sentAway::isDone);
            get(sentAway);
            assertEquals(0, vsock.connectionCount());
        }
    }

    @Test
    void programsThatConnectBeforeTheDriverComesWaitForIt() throws Exception {
        try (LiveVsock vsock = new LiveVsock(path());
                SocketChannel program = vsock.client()) {
            LiveVsock.write(program, "CONNECT 9\n");

            vsock.up();

            assertEquals(9, vsock.accepted(9).port);
        }
    }

    @Test
    void programsThatSayNothingAreABoundedNumber() throws Exception {
        List<SocketChannel> silent = new ArrayList<>();
        try (LiveVsock vsock = open()) {
            for (int i = 0; i < Acceptor.ASKED_MAX + 10; i++) {
                silent.add(vsock.client());
            }
            SocketChannel last = vsock.client();
            LiveVsock.write(last, "CONNECT 5\n");
            vsock.loop.call(() -> {});
            // Each that leaves makes room for one.
            for (int i = 0; i < 11; i++) {
                silent.get(i).close();
            }

            assertEquals(5, vsock.accepted(5).port);
            last.close();
        } finally {
            for (SocketChannel channel : silent) {
                channel.close();
            }
        }
    }

    // Ends.

    @Test
    void halfClosesPassBothWays() throws Exception {
        try (LiveVsock vsock = open();
                ServerSocketChannel server = vsock.listen(7)) {
            LiveVsock.Socket socket = vsock.connect(1, 7);
            SocketChannel program = server.accept();
            LiveVsock.write(program, "ls\n");
            program.shutdownOutput();
            vsock.await(() -> socket.shutdown == SHUTDOWN_SEND);
            assertEquals(3, socket.received.size());

            vsock.sendAll(socket, new byte[] {1, 2});
            vsock.send(socket, LiveVsock.SHUTDOWN, SHUTDOWN_SEND);

            assertArrayEquals(new byte[] {1, 2}, LiveVsock.read(program, 100));
            vsock.await(() -> socket.shutdown == SHUTDOWN_BOTH);
            vsock.send(socket, LiveVsock.SHUTDOWN, SHUTDOWN_BOTH);
            vsock.await(() -> socket.reset);
            assertEquals(0, vsock.connectionCount());
            program.close();
        }
    }

    @Test
    void guestThatReceivesNoMoreMakesWritingFail() throws Exception {
        try (LiveVsock vsock = open();
                ServerSocketChannel server = vsock.listen(7)) {
            LiveVsock.Socket socket = vsock.connect(1, 7);
            SocketChannel program = server.accept();

            vsock.send(socket, LiveVsock.SHUTDOWN, SHUTDOWN_RECEIVE);
            vsock.loop.call(() -> {});

            assertThrows(IOException.class, () -> LiveVsock.write(program, "x"));
            vsock.sendAll(socket, new byte[] {5});
            assertArrayEquals(new byte[] {5}, LiveVsock.read(program, 1));
            program.close();
        }
    }

    @Test
    void programGetsAllThatAGuestSentBeforeItClosed() throws Exception {
        byte[] bytes = randomBytes(200_000, 3);
        try (LiveVsock vsock = open();
                ServerSocketChannel server = vsock.listen(7)) {
            LiveVsock.Socket socket = vsock.connect(1, 7);
            SocketChannel program = server.accept();
            vsock.sendAll(socket, bytes);

            vsock.send(socket, LiveVsock.SHUTDOWN, SHUTDOWN_BOTH);
            vsock.send(socket, LiveVsock.RST, 0);

            assertArrayEquals(bytes, get(CompletableFuture.supplyAsync(() -> readAll(program, 1_000_000))));
            vsock.await(() -> vsock.connectionCount() == 0);
            program.close();
        }
    }

    @Test
    void lastWordsOfAProgramAreReceivedBeforeItsEnd() throws Exception {
        byte[] bytes = randomBytes(100_000, 3);
        try (LiveVsock vsock = open();
                ServerSocketChannel server = vsock.listen(7)) {
            LiveVsock.Socket socket = vsock.connect(1, 7);
            try (SocketChannel program = server.accept()) {
                writeAll(program, bytes);
            }

            vsock.await(() -> socket.shutdown == SHUTDOWN_BOTH);

            assertArrayEquals(bytes, socket.received.toByteArray());
            vsock.send(socket, LiveVsock.RST, 0);
            assertEquals(0, vsock.connectionCount());
        }
    }

    @Test
    void programsThatGoAtAnyMomentHarmNobody() throws Exception {
        Random random = new Random(5);
        try (LiveVsock vsock = open();
                ServerSocketChannel server = vsock.listen(7)) {
            LiveVsock.Socket steady = vsock.connect(9999, 7);
            SocketChannel steadyProgram = server.accept();
            for (int i = 0; i < 200; i++) {
                boolean byGuest = random.nextBoolean();
                SocketChannel program;
                LiveVsock.Socket socket = null;
                if (byGuest) {
                    socket = vsock.connect(i, 7);
                    program = server.accept();
                } else {
                    program = vsock.client();
                    String line = "CONNECT " + (5000 + i) + "\nsome data";
                    LiveVsock.write(program, line.substring(0, random.nextInt(line.length() + 1)));
                }
                if (random.nextBoolean()) {
                    vsock.await(() -> true);
                }
                if (socket != null && random.nextBoolean()) {
                    int length = 1 + random.nextInt(100_000);
                    socket.txCnt += length;
                    vsock.send(socket, LiveVsock.RW, 0, new byte[length]);
                }
                if (socket != null && random.nextBoolean()) {
                    LiveVsock.write(program, "unread by the guest");
                }
                program.close();
                if (socket != null && random.nextBoolean()) {
                    vsock.send(socket, LiveVsock.SHUTDOWN, random.nextInt(4));
                }
            }
            vsock.sendAll(steady, new byte[] {1});
            assertArrayEquals(new byte[] {1}, LiveVsock.read(steadyProgram, 1));
            steadyProgram.close();
        }
    }

    @Test
    void resetOfTheDeviceClosesAllSocketsAndTheNextDriverGoesOn() throws Exception {
        try (LiveVsock vsock = open();
                ServerSocketChannel server = vsock.listen(7)) {
            vsock.connect(1, 7);
            SocketChannel program = server.accept();
            SocketChannel silent = vsock.client();

            vsock.rig.driver().reset();

            assertArrayEquals(new byte[0], LiveVsock.read(program, 1));
            silent.close();
            program.close();
        }
    }

    // The socket file.

    @Test
    void socketFileIsRemovedAtTheEnd() {
        try (LiveVsock vsock = open()) {
            assertTrue(Files.exists(path()));
            assertEquals(path().toString(), vsock.backend.path());
        }
        assertFalse(Files.exists(path()));
    }

    @Test
    void abandonedSocketFileIsReplaced() throws Exception {
        try (ServerSocketChannel dead = ServerSocketChannel.open(StandardProtocolFamily.UNIX)) {
            dead.bind(UnixDomainSocketAddress.of(path()));
        }

        try (LiveVsock vsock = open();
                SocketChannel program = vsock.client()) {
            LiveVsock.write(program, "CONNECT 1\n");
            assertEquals(1, vsock.accepted(1).port);
        }
    }

    @Test
    void pathInUseIsAnErrorAndStays() throws Exception {
        try (LiveVsock _ = open()) {
            VmException e = assertThrows(VmException.Configuration.class, () -> UnixVsock.open(path()));
            assertTrue(e.toString().contains("in use"), e.getMessage());
            assertTrue(Files.exists(path()));
        }
        Files.writeString(path(), "precious");
        VmException e = assertThrows(VmException.Configuration.class, () -> UnixVsock.open(path()));
        assertTrue(e.toString().contains("in use"), e.getMessage());
        assertEquals("precious", Files.readString(path()));
    }

    @Test
    void pathThatIsTooLongOrMissingIsAnError() {
        Path tooLong = Path.of("/" + "x".repeat(UnixVsock.PATH_BYTES_MAX));
        VmException e = assertThrows(VmException.Configuration.class, () -> UnixVsock.open(tooLong));
        assertTrue(e.toString().contains("96"), e.getMessage());

        e = assertThrows(VmException.Configuration.class, () -> UnixVsock.open(Path.of("/nonexistent/v.sock")));
        assertTrue(e.toString().contains("No such file or directory"), e.getMessage());
    }
}

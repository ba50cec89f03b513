// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.integration;

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
import java.util.List;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;

import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

import dev.isthmus.machine.FolderConfig;
import dev.isthmus.machine.VirtioTransport;
import dev.isthmus.machine.VsockConfig;
import dev.isthmus.testing.kvm.RequiresKvm;
import dev.isthmus.vmm.Vm;
import dev.isthmus.vmm.VmResult;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

/** Linux and programs of the host talk over several sockets at once, opened from both sides, each both ways. */
@RequiresKvm
class LinuxVsockIT {
    private static final int CONNECTIONS = 3;

    /** More than one connection's buffers hold, so that each side has to wait for the other's credit. */
    private static final int BYTES = 600_000;

    private static final int HOST_PORT = 5000;
    private static final int GUEST_PORT = 6000;

    /** By vsock_peer.c: the host's sequences are those of the guest and so much. */
    private static final int REPLY_SEQUENCE = 128;

    @TempDir
    Path folder;

    private static byte byteAt(int sequence, long offset) {
        return (byte) (sequence + offset * 7 + (offset >> 8) * 13);
    }

    /** Sends a sequence of bytes and ends the direction. */
    private static void send(SocketChannel channel, int sequence) throws IOException {
        ByteBuffer bytes = ByteBuffer.allocate(BYTES);
        for (int i = 0; i < BYTES; i++) {
            bytes.put(byteAt(sequence, i));
        }
        bytes.flip();
        while (bytes.hasRemaining()) {
            channel.write(bytes);
        }
        channel.shutdownOutput();
    }

    /** Receives a sequence up to its end; which is told by its first byte. */
    private static int receive(SocketChannel channel) throws IOException {
        ByteBuffer bytes = ByteBuffer.allocate(BYTES + 1);
        int count = 0;
        while (count >= 0 && bytes.hasRemaining()) {
            count = channel.read(bytes);
        }
        assertEquals(BYTES, bytes.position());
        int sequence = bytes.get(0);
        for (int i = 0; i < BYTES; i++) {
            if (bytes.get(i) != byteAt(sequence, i)) {
                throw new AssertionError("connection " + sequence + ": wrong byte at " + i);
            }
        }
        return sequence;
    }

    /** Talks on a connection of which the guest's sequence is known. */
    private static Callable<Integer> talk(SocketChannel channel, int sequence, ExecutorService threads) {
        return () -> {
            try (channel) {
                Future<?> sending = threads.submit(() -> {
                    send(channel, sequence + REPLY_SEQUENCE);
                    return null;
                });
                int received = receive(channel);
                sending.get();
                return received;
            }
        };
    }

    private static SocketChannel connect(Path socket) throws IOException {
        SocketChannel channel = SocketChannel.open(UnixDomainSocketAddress.of(socket));
        channel.write(ByteBuffer.wrap(("CONNECT " + GUEST_PORT + "\n").getBytes(StandardCharsets.US_ASCII)));
        StringBuilder line = new StringBuilder();
        ByteBuffer one = ByteBuffer.allocate(1);
        while (line.indexOf("\n") < 0 && channel.read(one) == 1) {
            line.append((char) one.get(0));
            one.clear();
        }
        assertTrue(line.toString().matches("OK \\d+\n"), line.toString());
        return channel;
    }

    private static void assertAll(List<Future<Integer>> talks) throws Exception {
        List<Integer> sequences = new ArrayList<>();
        for (Future<Integer> talk : talks) {
            sequences.add(talk.get());
        }
        List<Integer> expected = new ArrayList<>();
        for (int i = 0; i < CONNECTIONS; i++) {
            expected.add(i);
        }
        assertEquals(expected, sequences);
    }

    @ParameterizedTest
    @EnumSource(VirtioTransport.class)
    void bothSidesOpenConnectionsAndTalkBothWaysAtOnce(VirtioTransport transport) throws Exception {
        Path programs = Files.createDirectory(folder.resolve("programs"));
        HostTool.succeed("vsock/build", programs.resolve("vsock_peer").toString());
        Path socket = folder.resolve("v");
        String script = "mount -t virtiofs programs /mnt; /mnt/vsock_peer listen " + GUEST_PORT + " " + CONNECTIONS + " " + BYTES
                + " & /mnt/vsock_peer connect " + HOST_PORT + " " + CONNECTIONS + " " + BYTES + " || exit 1; "
                + "wait $! || exit 2; exit 33";

        try (ServerSocketChannel server = ServerSocketChannel.open(StandardProtocolFamily.UNIX);
                ExecutorService threads = Executors.newCachedThreadPool();
                Vm vm = LinuxGuest.running(GuestKernel.ELF_PVH, "sh", "-c", script)
                        .transport(transport)
                        .device(FolderConfig.of(programs, "programs").withReadOnly(true))
                        .device(VsockConfig.of(42, socket).withPacked(transport == VirtioTransport.MMIO))
                        .start()) {
            server.bind(UnixDomainSocketAddress.of(folder.resolve("v_" + HOST_PORT)));
            List<Future<Integer>> fromGuest = new ArrayList<>();
            List<Future<Integer>> fromHost = new ArrayList<>();
            for (int i = 0; i < CONNECTIONS; i++) {
                fromGuest.add(threads.submit(talk(server.accept(), i, threads)));
            }
            vm.serial().awaitText("listening at", LinuxGuest.DEADLINE);
            for (int i = 0; i < CONNECTIONS; i++) {
                fromHost.add(threads.submit(talk(connect(socket), i, threads)));
            }

            assertAll(fromGuest);
            assertAll(fromHost);
            VmResult result = LinuxGuest.awaitEnd(vm);

            String console = vm.serial().text();
            assertEquals(new VmResult.DebugExit(33), result, console);
            assertTrue(console.contains("connections of " + BYTES + " bytes are sound"), console);
        }
    }
}

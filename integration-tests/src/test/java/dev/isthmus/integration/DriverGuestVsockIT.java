// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.integration;

import java.io.IOException;
import java.net.StandardProtocolFamily;
import java.net.UnixDomainSocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.ServerSocketChannel;
import java.nio.channels.SocketChannel;
import java.nio.file.Path;
import java.time.Duration;
import java.util.concurrent.CompletableFuture;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

import dev.isthmus.machine.VirtioTransport;
import dev.isthmus.machine.VsockConfig;
import dev.isthmus.testing.kvm.RequiresKvm;
import dev.isthmus.vmm.Vm;
import dev.isthmus.vmm.VmResult;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;

/** A driver that polls streams data to and from a program of the host, and both sides compare every byte. */
@RequiresKvm
@Timeout(150)
class DriverGuestVsockIT {
    private static final int CID = 3;
    private static final int PORT = 5000;
    private static final long SEED = 11;

    /** More than all buffers on the way hold, and no whole number of packets. */
    private static final int BYTES = (6 << 20) + 13;

    private static final Duration PATIENCE = Duration.ofSeconds(60);

    @TempDir
    Path folder;

    private VsockConfig device() {
        return VsockConfig.of(CID, folder.resolve("vsock")).withPacked(true);
    }

    private ServerSocketChannel listen() throws IOException {
        ServerSocketChannel listener = ServerSocketChannel.open(StandardProtocolFamily.UNIX);
        return listener.bind(UnixDomainSocketAddress.of(folder.resolve("vsock_" + PORT)));
    }

    /** What a stream has, as bench_vsock.c says. */
    private static ByteBuffer stream() {
        ByteBuffer stream = ByteBuffer.allocate(BYTES);
        for (int i = 0; i < BYTES; i++) {
            stream.put((byte) (DriverGuest.mix64(SEED + i / 8) >> (8 * (i % 8))));
        }
        return stream.flip();
    }

    private static byte[] readAll(SocketChannel channel) throws IOException {
        ByteBuffer read = ByteBuffer.allocate(BYTES + 1);
        while (read.hasRemaining()) {
            if (channel.read(read) < 0) {
                break;
            }
        }
        byte[] bytes = new byte[read.position()];
        read.flip().get(bytes);
        return bytes;
    }

    private static Void writeAll(SocketChannel channel) {
        try {
            for (ByteBuffer stream = stream(); stream.hasRemaining(); ) {
                channel.write(stream);
            }
            return null;
        } catch (IOException e) {
            throw new AssertionError(e);
        }
    }

    @ParameterizedTest
    @CsvSource({
        "PCI,  send, bs=64K event_idx=1 indirect=1",
        "PCI,  receive, event_idx=0 indirect=0",
        "PCI,  both, packed=1 bs=64K event_idx=1 indirect=1",
        "MMIO, send, packed=1 bs=1000 event_idx=0 indirect=0 queue_size=100",
        "MMIO, receive, event_idx=1 indirect=1",
        "MMIO, both, bs=4096 event_idx=1 indirect=0",
    })
    void everyByteOfAStreamArrivesInItsPlace(VirtioTransport transport, String operation, String form) throws Exception {
        String command = "vsock verify=1 seed=" + SEED + " total=" + BYTES + " port=" + PORT + " op=" + operation;
        byte[] sent = operation.equals("receive") ? new byte[0] : stream().array();

        try (ServerSocketChannel listener = listen();
                Vm vm = DriverGuest.running(transport, command + " " + form).device(device()).start();
                SocketChannel channel = listener.accept()) {
            CompletableFuture<Void> written = operation.equals("send")
                    ? CompletableFuture.completedFuture(null)
                    : CompletableFuture.supplyAsync(() -> writeAll(channel));
            byte[] received = readAll(channel);
            String console = DriverGuest.awaitSuccess(vm);
            written.join();

            assertArrayEquals(sent, received);
            assertEquals(0, DriverGuest.field(console, "result", "mismatches"), console);
        }
    }

    @Test
    void aPortThatNobodyListensAtIsRefused() throws Exception {
        try (Vm vm = DriverGuest.running(VirtioTransport.PCI, "vsock port=" + PORT)
                .device(device())
                .start()) {
            vm.serial().awaitText("failed: nobody listens at that port of the host", PATIENCE);

            assertEquals(new VmResult.DebugExit(1), vm.awaitExit(PATIENCE));
        }
    }
}

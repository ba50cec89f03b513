// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.machine.vsock;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.ServerSocketChannel;
import java.nio.channels.SocketChannel;
import java.nio.file.Path;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

import dev.isthmus.testing.jvm.Allocations;

/** Data between a guest and a socket costs the loop's thread no memory once it is warm. */
class UnixVsockSteadyStateTest {
    private static final int PACKETS = 1000;
    private static final int BYTES = 3000;

    @TempDir
    private Path directory;

    @Test
    void packetsBothWaysAllocateNothingOnTheLoop() throws Exception {
        try (LiveVsock vsock = new LiveVsock(directory.resolve("v.sock")).up();
                ServerSocketChannel server = vsock.listen(7)) {
            LiveVsock.Socket socket = vsock.connect(1, 7);
            SocketChannel program = server.accept();
            ByteBuffer buffer = ByteBuffer.allocateDirect(BYTES);
            byte[] bytes = new byte[BYTES];

            Allocations.assertNoneOnceWarm(
                    PACKETS,
                    () -> {
                        for (int i = 0; i < PACKETS; i++) {
                            vsock.sendAll(socket, bytes);
                            exchange(program, buffer);
                            socket.received.reset();
                            vsock.receive(socket, BYTES);
                        }
                    },
                    thread -> thread.getName().equals("vsock-test"));
            program.close();
        }
    }

    /** Reads what the guest has sent, and sends as much. */
    private static void exchange(SocketChannel program, ByteBuffer buffer) {
        try {
            buffer.clear();
            while (buffer.hasRemaining()) {
                program.read(buffer);
            }
            buffer.flip();
            while (buffer.hasRemaining()) {
                program.write(buffer);
            }
        } catch (IOException e) {
            throw new AssertionError(e);
        }
    }
}

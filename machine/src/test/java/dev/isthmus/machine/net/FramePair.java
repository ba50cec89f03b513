// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.machine.net;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.file.Path;
import java.util.Objects;

import dev.isthmus.kvm.linux.UnixSocket;
import dev.isthmus.memory.ScatterList;
import dev.isthmus.virtio.net.SendOutcome;
import dev.isthmus.virtio.net.VirtioNetProtocol;

/** Two backends with a socket between them, without a loop of their own: the test's thread does what loops do. */
final class FramePair implements AutoCloseable {
    private static final int FRAME_BYTES = 1514;

    private final Arena arena = Arena.ofConfined();
    private final ScatterList packet = new ScatterList();
    private final ScatterList room = new ScatterList();
    private final StreamBackend sender;
    private final StreamBackend receiver;

    FramePair(Path path) {
        try (UnixSocket socket = UnixSocket.listen(path.toString())) {
            sender = StreamBackend.connect(path, "sender");
            receiver = StreamBackend.connected(Objects.requireNonNull(socket.accept()), "receiver", "receiver");
        }
        MemorySegment memory = arena.allocate(2L * VirtioNetProtocol.PACKET_BYTES_MAX);
        packet.add(memory, 0, VirtioNetProtocol.HEADER_BYTES);
        packet.add(memory, VirtioNetProtocol.HEADER_BYTES, FRAME_BYTES);
        room.add(memory, VirtioNetProtocol.PACKET_BYTES_MAX, VirtioNetProtocol.PACKET_BYTES_MAX);
    }

    void pass(int frames) {
        for (int i = 0; i < frames; i++) {
            if (sender.send(0, packet) != SendOutcome.TAKEN) {
                throw new AssertionError("not taken");
            }
            int received = receiver.receive(0, room);
            if (received != VirtioNetProtocol.HEADER_BYTES + FRAME_BYTES) {
                throw new AssertionError("received " + received);
            }
        }
    }

    @Override
    public void close() {
        sender.close();
        receiver.close();
        arena.close();
    }
}

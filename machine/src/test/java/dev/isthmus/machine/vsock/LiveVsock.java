// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.machine.vsock;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.net.StandardProtocolFamily;
import java.net.UnixDomainSocketAddress;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.ServerSocketChannel;
import java.nio.channels.SocketChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.HashMap;
import java.util.Map;
import java.util.Objects;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicReference;
import java.util.function.BooleanSupplier;

import org.jspecify.annotations.Nullable;

import dev.isthmus.machine.io.IoThread;
import dev.isthmus.memory.GuestMemory;
import dev.isthmus.testing.memory.FakeGuestMemory;
import dev.isthmus.testing.virtio.Buffer;
import dev.isthmus.testing.virtio.QueueDriver;
import dev.isthmus.testing.virtio.VirtioRig;
import dev.isthmus.virtio.VirtioFeatures;
import dev.isthmus.virtio.vsock.VirtioVsock;
import dev.isthmus.virtio.vsock.VirtioVsockOptions;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

/** A socket device with real Unix sockets on a real loop; the test's thread is the guest, a small driver that polls. */
final class LiveVsock implements AutoCloseable {
    static final long PATIENCE_NANOS = TimeUnit.SECONDS.toNanos(60);
    static final int REQUEST = 1;
    static final int RESPONSE = 2;
    static final int RST = 3;
    static final int SHUTDOWN = 4;
    static final int RW = 5;
    static final int CREDIT_UPDATE = 6;
    static final int CREDIT_REQUEST = 7;

    private static final long CID = 3;
    private static final int QUEUE_SIZE = 64;
    private static final int HEADER_BYTES = 44;
    private static final int BUFFER_BYTES = 4096;
    private static final long RECEIVE_GPA = 0x10_0000;
    private static final long TRANSMIT_GPA = 0x20_0000;
    private static final int WINDOW_BYTES = 256 << 10;

    /** A socket of the guest's. */
    static final class Socket {
        final long port;
        final long hostPort;
        final ByteArrayOutputStream received = new ByteArrayOutputStream();

        /** Received, not read: takes up room. */
        int unread;

        int fwdCnt;
        int txCnt;
        long peerBufAlloc;
        int peerFwdCnt;
        boolean open;
        boolean reset;
        int shutdown;

        /** Whether what comes is read at once. */
        boolean reads = true;

        Socket(long port, long hostPort) {
            this.port = port;
            this.hostPort = hostPort;
        }

        long credit() {
            return peerBufAlloc - Integer.toUnsignedLong(txCnt - peerFwdCnt);
        }
    }

    private final AtomicReference<@Nullable Throwable> bug = new AtomicReference<>();
    final IoThread loop = IoThread.start("vsock-test", bug::set);
    final GuestMemory memory = FakeGuestMemory.ofBytes(4 << 20);
    final Path path;
    final UnixVsock backend;
    final VirtioVsock device;
    final VirtioRig rig;
    private final QueueDriver receive = new QueueDriver(memory, 0x1_0000, QUEUE_SIZE, false);
    private final QueueDriver transmit = new QueueDriver(memory, 0x2_0000, QUEUE_SIZE, false);
    private final QueueDriver events = new QueueDriver(memory, 0x3_0000, QUEUE_SIZE, false);
    private final Map<Integer, Long> buffers = new HashMap<>();
    private final Map<Long, Socket> sockets = new HashMap<>();

    /** Whether the guest agrees to connections of the host. */
    boolean listens = true;

    LiveVsock(Path path) {
        this.path = path;
        this.backend = UnixVsock.open(path);
        this.device = new VirtioVsock(backend, new VirtioVsockOptions(CID), "test");
        this.rig = new VirtioRig(VirtioRig.Carrier.MMIO, device, memory, loop);
    }

    /** Has the guest's driver take up the device. */
    LiveVsock up() {
        assertTrue(rig.driver().negotiate(VirtioFeatures.VIRTIO_F_VERSION_1));
        rig.driver().setUpQueue(0, receive);
        rig.driver().setUpQueue(1, transmit);
        rig.driver().setUpQueue(2, events);
        rig.driver().driverOk();
        for (int i = 0; i < QUEUE_SIZE; i++) {
            offer(RECEIVE_GPA + (long) i * BUFFER_BYTES);
        }
        notifyQueue(0);
        return this;
    }

    private void offer(long gpa) {
        buffers.put(receive.offer(Buffer.writable(gpa, BUFFER_BYTES)), gpa);
    }

    private void notifyQueue(int index) {
        rig.driver().notifyQueue(index);
    }

    /** Has the guest connect; returns once it knows of what became of it. */
    Socket connect(long guestPort, long hostPort) {
        Socket socket = new Socket(guestPort, hostPort);
        sockets.put(key(guestPort, hostPort), socket);
        send(socket, REQUEST, 0);
        await(() -> socket.open || socket.reset);
        return socket;
    }

    /** Returns the socket that the guest has for a connection of the host's to a port. */
    Socket accepted(long guestPort) {
        AtomicReference<Socket> found = new AtomicReference<>();
        await(() -> {
            for (Socket socket : sockets.values()) {
                if (socket.port == guestPort && socket.open) {
                    found.set(socket);
                }
            }
            return found.get() != null;
        });
        return found.get();
    }

    private static long key(long guestPort, long hostPort) {
        return guestPort << 32 | hostPort;
    }

    void send(Socket socket, int op, int flags, byte... data) {
        send(socket.port, socket.hostPort, op, flags, socket.fwdCnt, data);
    }

    private void send(long guestPort, long hostPort, int op, int flags, int fwdCnt, byte... data) {
        byte[] packet = ByteBuffer.allocate(HEADER_BYTES + data.length)
                .order(ByteOrder.LITTLE_ENDIAN)
                .putLong(CID)
                .putLong(2)
                .putInt((int) guestPort)
                .putInt((int) hostPort)
                .putInt(data.length)
                .putShort((short) 1)
                .putShort((short) op)
                .putInt(flags)
                .putInt(WINDOW_BYTES)
                .putInt(fwdCnt)
                .put(data)
                .array();
        memory.write(TRANSMIT_GPA, packet, 0, packet.length);
        transmit.offer(Buffer.readable(TRANSMIT_GPA, packet.length));
        notifyQueue(1);
        long deadline = System.nanoTime() + PATIENCE_NANOS;
        while (!transmit.pollUsed()) {
            assertTrue(System.nanoTime() < deadline, "the device does not take packets");
            Thread.onSpinWait();
        }
    }

    /** Sends all, as credit allows. */
    void sendAll(Socket socket, byte[] bytes) {
        int done = 0;
        while (done < bytes.length) {
            await(() -> socket.credit() > 0 || socket.reset);
            assertTrue(!socket.reset, "reset");
            int part = (int) Math.min(Math.min(socket.credit(), 64 << 10), bytes.length - done);
            byte[] data = Arrays.copyOfRange(bytes, done, done + part);
            socket.txCnt += part;
            send(socket, RW, 0, data);
            done += part;
        }
    }

    /** Handles what the device has sent until something is so. */
    void await(BooleanSupplier condition) {
        long deadline = System.nanoTime() + PATIENCE_NANOS;
        pump();
        while (!condition.getAsBoolean()) {
            assertTrue(System.nanoTime() < deadline, "it does not come");
            Thread.onSpinWait();
            pump();
        }
    }

    byte[] receive(Socket socket, int length) {
        await(() -> socket.received.size() >= length);
        return socket.received.toByteArray();
    }

    private void pump() {
        boolean any = false;
        while (receive.pollUsed()) {
            any = true;
            long gpa = Objects.requireNonNull(buffers.remove(receive.usedId()));
            byte[] bytes = new byte[(int) receive.usedLengthBytes()];
            memory.read(gpa, bytes, 0, bytes.length);
            offer(gpa);
            packet(ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN));
        }
        if (any) {
            notifyQueue(0);
        }
    }

    private void packet(ByteBuffer packet) {
        long hostPort = Integer.toUnsignedLong(packet.getInt(16));
        long guestPort = Integer.toUnsignedLong(packet.getInt(20));
        int op = packet.getShort(30);
        Socket socket = sockets.get(key(guestPort, hostPort));
        if (op == REQUEST) {
            if (!listens) {
                send(guestPort, hostPort, RST, 0, 0);
                return;
            }
            socket = new Socket(guestPort, hostPort);
            sockets.put(key(guestPort, hostPort), socket);
            socket.open = true;
            credit(socket, packet);
            send(socket, RESPONSE, 0);
            return;
        }
        if (socket == null) {
            return;
        }
        credit(socket, packet);
        switch (op) {
            case RESPONSE -> socket.open = true;
            case RST -> {
                socket.reset = true;
                sockets.remove(key(guestPort, hostPort));
            }
            case SHUTDOWN -> socket.shutdown |= packet.getInt(32);
            case RW -> data(socket, packet);
            case CREDIT_REQUEST -> send(socket, CREDIT_UPDATE, 0);
            default -> assertEquals(CREDIT_UPDATE, op);
        }
    }

    private static void credit(Socket socket, ByteBuffer packet) {
        socket.peerBufAlloc = Integer.toUnsignedLong(packet.getInt(36));
        socket.peerFwdCnt = packet.getInt(40);
    }

    private void data(Socket socket, ByteBuffer packet) {
        int length = packet.getInt(24);
        assertEquals(packet.capacity() - HEADER_BYTES, length);
        byte[] bytes = new byte[length];
        packet.get(HEADER_BYTES, bytes);
        socket.received.writeBytes(bytes);
        socket.unread += length;
        assertTrue(socket.unread <= WINDOW_BYTES, "the guest's buffer is overrun");
        if (socket.reads) {
            read(socket);
        }
    }

    /** Has the guest's program read all there is. */
    void read(Socket socket) {
        socket.fwdCnt += socket.unread;
        socket.unread = 0;
        send(socket, CREDIT_UPDATE, 0);
    }

    // The host's side.

    /** Listens for connections of the guest to a port. */
    ServerSocketChannel listen(long hostPort) throws IOException {
        ServerSocketChannel server = ServerSocketChannel.open(StandardProtocolFamily.UNIX);
        return server.bind(UnixDomainSocketAddress.of(path + "_" + hostPort));
    }

    SocketChannel client() throws IOException {
        return SocketChannel.open(UnixDomainSocketAddress.of(path));
    }

    static void write(SocketChannel channel, String text) throws IOException {
        channel.write(ByteBuffer.wrap(text.getBytes(StandardCharsets.US_ASCII)));
    }

    /** Reads up to a line feed or the end. */
    static String readLine(SocketChannel channel) throws IOException {
        StringBuilder text = new StringBuilder();
        ByteBuffer one = ByteBuffer.allocate(1);
        while (channel.read(one.clear()) == 1) {
            text.append((char) one.get(0));
            if (one.get(0) == '\n') {
                break;
            }
        }
        return text.toString();
    }

    /** Reads so many bytes, or up to the end. */
    static byte[] read(SocketChannel channel, int length) throws IOException {
        ByteBuffer buffer = ByteBuffer.allocate(length);
        while (buffer.hasRemaining()) {
            if (channel.read(buffer) < 0) {
                break;
            }
        }
        return Arrays.copyOf(buffer.array(), buffer.position());
    }

    int connectionCount() {
        int[] count = {0};
        loop.call(() -> count[0] = device.connectionCount());
        return count[0];
    }

    /** Takes all down and sees that nothing broke. */
    @Override
    public void close() {
        rig.driver().reset();
        loop.close();
        backend.close();
        assertNull(bug.get());
    }
}

// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.virtio.vsock;

import java.io.ByteArrayOutputStream;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;

import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

import dev.isthmus.memory.ScatterList;
import dev.isthmus.testing.virtio.VirtioRig;

import static dev.isthmus.virtio.vsock.VirtioVsockProtocol.VIRTIO_VSOCK_OP_CREDIT_REQUEST;
import static dev.isthmus.virtio.vsock.VirtioVsockProtocol.VIRTIO_VSOCK_OP_CREDIT_UPDATE;
import static dev.isthmus.virtio.vsock.VirtioVsockProtocol.VIRTIO_VSOCK_OP_REQUEST;
import static dev.isthmus.virtio.vsock.VirtioVsockProtocol.VIRTIO_VSOCK_OP_RESPONSE;
import static dev.isthmus.virtio.vsock.VirtioVsockProtocol.VIRTIO_VSOCK_OP_RST;
import static dev.isthmus.virtio.vsock.VirtioVsockProtocol.VIRTIO_VSOCK_OP_RW;
import static dev.isthmus.virtio.vsock.VirtioVsockProtocol.VIRTIO_VSOCK_OP_SHUTDOWN;
import static dev.isthmus.virtio.vsock.VsockTestRig.PORT;
import static dev.isthmus.virtio.vsock.VsockTestRig.packet;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

/**
 * Random traffic of several connections both ways, against a model of the guest's sockets by virtio 1.2, section
 * 5.10.6.3: the device never sends beyond the guest's room, never lets the guest wait for ever, and every byte arrives, in
 * order, once.
 */
class VsockModelTest {
    private static final int CONNECTIONS = 5;
    private static final int STEPS = 8000;

    /** A socket of the guest's, with a window that changes, and the program at its other end. */
    private static final class Socket {
        final long port;
        final FakeVsockConnection program;
        final Random random;
        final ByteArrayOutputStream sentByGuest = new ByteArrayOutputStream();
        final ByteArrayOutputStream sentByProgram = new ByteArrayOutputStream();
        final ByteArrayOutputStream received = new ByteArrayOutputStream();

        /** What is in the socket's buffer, not read by the guest's program. */
        int unread;

        int bufAlloc;
        int fwdCnt;
        int txCnt;
        long peerBufAlloc;
        int peerFwdCnt;
        boolean done;

        Socket(long port, FakeVsockConnection program, Random random) {
            this.port = port;
            this.program = program;
            this.random = random;
        }

        long credit() {
            return peerBufAlloc - Integer.toUnsignedLong(txCnt - peerFwdCnt);
        }

        Packet packet(int op, byte... data) {
            return VsockTestRig.packet(port, PORT, op, data).withCredit(bufAlloc, Integer.toUnsignedLong(fwdCnt));
        }
    }

    private final List<Socket> sockets = new ArrayList<>();

    private static byte[] bytes(Random random, int length) {
        byte[] bytes = new byte[length];
        random.nextBytes(bytes);
        return bytes;
    }

    private void receive(VsockTestRig rig) {
        for (Packet next : rig.takeAll()) {
            Socket socket = sockets.get((int) next.dstPort());
            socket.peerBufAlloc = next.bufAlloc();
            socket.peerFwdCnt = (int) next.fwdCnt();
            switch (next.op()) {
                case VIRTIO_VSOCK_OP_RW -> {
                    assertTrue(next.len() > 0);
                    socket.unread += (int) next.len();
                    assertTrue(socket.unread <= socket.bufAlloc, "the guest's buffer is overrun");
                    socket.received.writeBytes(next.data());
                }
                case VIRTIO_VSOCK_OP_CREDIT_REQUEST ->
                    rig.send(socket.packet(VIRTIO_VSOCK_OP_CREDIT_UPDATE));
                case VIRTIO_VSOCK_OP_CREDIT_UPDATE, VIRTIO_VSOCK_OP_RESPONSE -> {}
                case VIRTIO_VSOCK_OP_RST -> socket.done = true;
                default -> throw new AssertionError("unexpected operation " + next.op());
            }
            assertTrue(socket.credit() >= 0, "credit was taken back");
        }
    }

    private static void guestSends(VsockTestRig rig, Socket socket, int wanted) {
        int length = (int) Math.min(socket.credit(), wanted);
        if (length > 0) {
            byte[] data = bytes(socket.random, length);
            socket.sentByGuest.writeBytes(data);
            socket.txCnt += length;
            rig.send(socket.packet(VIRTIO_VSOCK_OP_RW, data));
        }
    }

    private static void guestReads(VsockTestRig rig, Socket socket, int wanted) {
        int length = Math.min(socket.unread, wanted);
        socket.unread -= length;
        socket.fwdCnt += length;
        rig.send(socket.packet(VIRTIO_VSOCK_OP_CREDIT_UPDATE));
    }

    @ParameterizedTest
    @CsvSource({"1, MMIO, false", "2, PCI_MSIX, false", "3, PCI_INTX, true", "4, MMIO, true"})
    void randomTrafficArrivesWhole(long seed, VirtioRig.Carrier carrier, boolean packed) {
        Random random = new Random(seed);
        VsockTestRig rig = new VsockTestRig(
                carrier, VsockTestRig.options().withPacked(packed).withBuffers(32 << 10, 1 << 20));
        rig.up();
        for (int i = 0; i < CONNECTIONS; i++) {
            int bufAlloc = 1 + random.nextInt(20_000);
            rig.send(packet(i, PORT, VIRTIO_VSOCK_OP_REQUEST).withCredit(bufAlloc, 0));
            Socket socket = new Socket(i, rig.backend.last(), new Random(seed * 31 + i));
            socket.bufAlloc = bufAlloc;
            sockets.add(socket);
            receive(rig);
        }

        for (int step = 0; step < STEPS; step++) {
            Socket socket = sockets.get(random.nextInt(CONNECTIONS));
            switch (random.nextInt(8)) {
                case 0 -> guestSends(rig, socket, 1 + random.nextInt(40_000));
                case 1 -> guestReads(rig, socket, 1 + random.nextInt(20_000));
                case 2 -> {
                    byte[] data = bytes(socket.random, 1 + random.nextInt(30_000));
                    socket.sentByProgram.writeBytes(data);
                    socket.program.send(data);
                }
                case 3 -> socket.program.makeRoom(random.nextInt(40_000));
                case 4 -> {
                    // A larger buffer is always allowed; a smaller one as long as it holds what may be under way.
                    socket.bufAlloc += random.nextInt(500);
                    rig.send(socket.packet(VIRTIO_VSOCK_OP_CREDIT_UPDATE));
                }
                case 5 -> socket.program.readMax = 1 + random.nextInt(50_000);
                case 6 -> rig.send(socket.packet(VIRTIO_VSOCK_OP_CREDIT_REQUEST));
                default -> receive(rig);
            }
            assertTrue(rig.device.heldBytes() <= CONNECTIONS * (32 << 10));
        }

        // All that is under way arrives once everybody reads.
        for (Socket socket : sockets) {
            socket.program.readMax = Integer.MAX_VALUE;
            socket.program.makeRoom(Integer.MAX_VALUE);
        }
        for (int round = 0; round < 10_000; round++) {
            receive(rig);
            for (Socket socket : sockets) {
                if (socket.unread > 0) {
                    guestReads(rig, socket, Integer.MAX_VALUE);
                }
            }
            boolean quiet = sockets.stream().allMatch(s -> s.program.unread() == 0 && s.unread == 0);
            if (quiet) {
                break;
            }
        }
        receive(rig);
        for (Socket socket : sockets) {
            assertArrayEquals(socket.sentByGuest.toByteArray(), socket.program.taken());
            assertArrayEquals(socket.sentByProgram.toByteArray(), socket.received.toByteArray());
            // A guest that waits for room has been told of some.
            assertTrue(socket.credit() > 0);
            assertTrue(socket.sentByGuest.size() > 1000 && socket.sentByProgram.size() > 1000);
            rig.send(socket.packet(VIRTIO_VSOCK_OP_SHUTDOWN).withFlags(3));
            receive(rig);
            assertTrue(socket.done && socket.program.closed);
        }
        assertEquals(0, rig.device.connectionCount());
        assertEquals(0, rig.device.heldBytes());
    }

    @ParameterizedTest
    @CsvSource({"1, 1", "2, 1", "3, 2", "4, 4"})
    void backlogKeepsBytesInOrderAndNoMoreMemoryThanItNeeds(long seed, int chunks) {
        Random random = new Random(seed);
        BufferPool pool = new BufferPool(1 << 20);
        Backlog backlog = new Backlog(pool, chunks * BufferPool.CHUNK_BYTES);
        ByteArrayOutputStream in = new ByteArrayOutputStream();
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        ScatterList list = new ScatterList();
        for (int step = 0; step < 5000; step++) {
            byte[] data = bytes(random, random.nextInt(backlog.room() + 1));
            list.clear();
            MemorySegment segment = MemorySegment.ofArray(data);
            int split = random.nextInt(data.length + 1);
            list.add(segment, 0, split);
            list.add(segment, split, data.length - split);
            int skip = random.nextInt(data.length + 1);
            backlog.append(list, skip, data.length - skip);
            in.write(data, skip, data.length - skip);
            backlog.listTo(list);
            assertEquals(backlog.bytes(), list.totalBytes());
            int taken = random.nextInt(backlog.bytes() + 1);
            out.writeBytes(Arrays.copyOf(FakeVsockConnection.bytesOf(list), taken));
            backlog.remove(taken);
            assertTrue(pool.takenBytes() <= (long) chunks * BufferPool.CHUNK_BYTES);
            assertTrue(pool.takenBytes() < backlog.bytes() + 2L * BufferPool.CHUNK_BYTES);
        }
        backlog.listTo(list);
        out.writeBytes(FakeVsockConnection.bytesOf(list));
        backlog.clear();
        assertArrayEquals(in.toByteArray(), out.toByteArray());
        assertFalse(in.size() == 0);
        assertEquals(0, pool.takenBytes());
    }
}

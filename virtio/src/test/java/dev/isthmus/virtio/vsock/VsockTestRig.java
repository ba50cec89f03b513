// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.virtio.vsock;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;

import dev.isthmus.memory.GuestMemory;
import dev.isthmus.testing.device.ManualEventLoop;
import dev.isthmus.testing.memory.FakeGuestMemory;
import dev.isthmus.testing.virtio.Buffer;
import dev.isthmus.testing.virtio.PackedQueueDriver;
import dev.isthmus.testing.virtio.QueueDriver;
import dev.isthmus.testing.virtio.RingDriver;
import dev.isthmus.testing.virtio.VirtioDriver;
import dev.isthmus.testing.virtio.VirtioRig;
import dev.isthmus.virtio.VirtioFeatures;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

/** A socket device behind its transport, with a driver, in the hands of a test. */
final class VsockTestRig {
    static final int QUEUE_SIZE = 16;
    static final long CID = 42;
    static final long HOST = 2;

    /** Where a program listens, and a port of the guest's. */
    static final long PORT = 1024;

    static final long GUEST_PORT = 5000;

    /** What the guest's sockets have room for, unless a test says otherwise. */
    static final long ROOM = 1 << 20;

    static final long TRANSMIT_GPA = 0x2_0000;
    static final long RECEIVE_GPA = 0x6_0000;
    static final long EVENT_GPA = 0x8000;

    /** Bytes of a receive buffer; as Linux has it. */
    static final int BUFFER_BYTES = 4096;

    final GuestMemory memory = FakeGuestMemory.ofBytes(0x10_0000);
    final ManualEventLoop loop = new ManualEventLoop();
    final FakeVsockBackend backend = new FakeVsockBackend();
    final VirtioVsock device;
    final VirtioRig transport;
    final VirtioDriver driver;
    private final boolean packed;
    private boolean eventIdx;
    private final Map<Integer, Long> buffers = new HashMap<>();

    RingDriver receive = new QueueDriver(memory, 0x1000, QUEUE_SIZE, false);
    RingDriver transmit = new QueueDriver(memory, 0x2000, QUEUE_SIZE, false);
    RingDriver events = new QueueDriver(memory, 0x3000, QUEUE_SIZE, false);

    VsockTestRig() {
        this(VirtioRig.Carrier.MMIO, options());
    }

    VsockTestRig(VirtioRig.Carrier carrier, VirtioVsockOptions options) {
        packed = options.packed();
        device = new VirtioVsock(backend, options, "test");
        transport = new VirtioRig(carrier, device, memory, loop);
        driver = transport.driver();
        backend.listening.add(PORT);
    }

    static VirtioVsockOptions options() {
        return new VirtioVsockOptions(CID).withQueueSizeMax(QUEUE_SIZE);
    }

    /** Brings the device up, with no receive buffers. */
    void bringUp(long features) {
        long ringFeatures = packed ? VirtioFeatures.VIRTIO_F_RING_PACKED : 0;
        assertTrue(driver.negotiate(features | ringFeatures | VirtioFeatures.VIRTIO_F_VERSION_1));
        eventIdx = (features & VirtioFeatures.VIRTIO_F_EVENT_IDX) != 0;
        buffers.clear();
        receive = newQueue(0x1000);
        transmit = newQueue(0x2000);
        events = newQueue(0x3000);
        driver.setUpQueue(0, receive);
        driver.setUpQueue(1, transmit);
        driver.setUpQueue(2, events);
        driver.driverOk();
        loop.runReady();
    }

    /** Brings the device up, with receive buffers. */
    VsockTestRig up() {
        bringUp(0);
        fillReceive();
        return this;
    }

    private RingDriver newQueue(long gpa) {
        return packed
                ? new PackedQueueDriver(memory, gpa, QUEUE_SIZE, eventIdx)
                : new QueueDriver(memory, gpa, QUEUE_SIZE, eventIdx);
    }

    void notifyQueue(int index) {
        driver.notifyQueue(index);
        loop.runReady();
    }

    /** Makes a receive buffer available, and does not notify. */
    void addBuffer(Buffer... pieces) {
        buffers.put(receive.offer(pieces), pieces[0].gpa());
    }

    /** Offers as many receive buffers as the queue has room for. */
    void fillReceive() {
        // Each slot of memory is that of one buffer that is out.
        for (int slot = 0; slot < QUEUE_SIZE; slot++) {
            long gpa = RECEIVE_GPA + (long) slot * BUFFER_BYTES;
            if (!buffers.containsValue(gpa) && receive.freeDescriptors() > 0) {
                addBuffer(Buffer.writable(gpa, BUFFER_BYTES));
            }
        }
        notifyQueue(0);
    }

    static Packet packet(int op, byte... data) {
        return new Packet(CID, HOST, GUEST_PORT, PORT, data.length, 1, op, 0, ROOM, 0, data);
    }

    static Packet packet(long guestPort, long hostPort, int op, byte... data) {
        return new Packet(CID, HOST, guestPort, hostPort, data.length, 1, op, 0, ROOM, 0, data);
    }

    /** Sends packets, each of which the device hands back at once. */
    void send(Packet... packets) {
        for (Packet packet : packets) {
            byte[] bytes = packet.bytes();
            memory.write(TRANSMIT_GPA, bytes, 0, bytes.length);
            int id = transmit.offer(Buffer.readable(TRANSMIT_GPA, bytes.length));
            notifyQueue(1);
            assertTrue(transmit.pollUsed());
            assertEquals(id, transmit.usedId());
            assertEquals(0, transmit.usedLengthBytes());
        }
    }

    /** Takes a packet that was received; there is one. */
    Packet take() {
        assertTrue(receive.pollUsed(), "nothing received");
        byte[] bytes = new byte[(int) receive.usedLengthBytes()];
        long gpa = Objects.requireNonNull(buffers.remove(receive.usedId()));
        memory.read(gpa, bytes, 0, bytes.length);
        Packet packet = Packet.read(bytes);
        assertEquals(packet.len(), packet.data().length);
        return packet;
    }

    /** Takes a packet of a connection; it is this, and addressed and typed as it must be. */
    Packet take(long guestPort, long hostPort, int op) {
        Packet packet = take();
        assertEquals(op, packet.op());
        assertEquals(HOST, packet.srcCid());
        assertEquals(CID, packet.dstCid());
        assertEquals(hostPort, packet.srcPort());
        assertEquals(guestPort, packet.dstPort());
        assertEquals(1, packet.type());
        return packet;
    }

    Packet take(int op) {
        return take(GUEST_PORT, PORT, op);
    }

    /** Takes all packets there are, and offers their buffers again. */
    List<Packet> takeAll() {
        List<Packet> packets = new ArrayList<>();
        while (receive.pollUsed()) {
            byte[] bytes = new byte[(int) receive.usedLengthBytes()];
            long gpa = Objects.requireNonNull(buffers.remove(receive.usedId()));
            memory.read(gpa, bytes, 0, bytes.length);
            packets.add(Packet.read(bytes));
        }
        fillReceive();
        return packets;
    }

    void assertSilent() {
        assertFalse(receive.pollUsed(), "something was received");
    }

    /** Opens a connection from the guest. */
    FakeVsockConnection open() {
        send(packet(VirtioVsockProtocol.VIRTIO_VSOCK_OP_REQUEST));
        take(VirtioVsockProtocol.VIRTIO_VSOCK_OP_RESPONSE);
        return backend.last();
    }

    /** Opens a connection from the host; returns the host's port. */
    long openFromHost(FakeVsockConnection connection) {
        assertTrue(backend.connectToGuest(connection, GUEST_PORT));
        Packet request = take();
        assertEquals(VirtioVsockProtocol.VIRTIO_VSOCK_OP_REQUEST, request.op());
        send(packet(GUEST_PORT, request.srcPort(), VirtioVsockProtocol.VIRTIO_VSOCK_OP_RESPONSE));
        return request.srcPort();
    }

    /** Returns a counter. */
    long counter(String name) {
        long[] found = {-1};
        device.statistics().report((counter, value) -> found[0] = counter.equals(name) ? value : found[0]);
        return found[0];
    }
}

// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.virtio.net;

import java.util.Arrays;
import java.util.HashMap;
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
import static org.junit.jupiter.api.Assertions.assertTrue;

/** A network device behind its transport, with a driver, in the hands of a test. */
final class NetTestRig {
    static final int QUEUE_SIZE = 16;
    static final MacAddress MAC = MacAddress.parse("52:54:00:12:34:56");
    static final MacAddress PEER = MacAddress.parse("52:54:00:aa:bb:cc");
    static final long ALL_OFFLOADS = VirtioNetProtocol.HOST_OFFLOADS | VirtioNetProtocol.GUEST_OFFLOADS;

    /** Where packets to send are written, and commands, and their answers. */
    static final long TRANSMIT_GPA = 0x2_0000;

    static final long COMMAND_GPA = 0x8000;
    static final long ACK_GPA = 0x9000;

    /** Where buffers for packets begin. */
    static final long RECEIVE_GPA = 0x6_0000;

    static final int UNTOUCHED = 0xee;

    final GuestMemory memory = FakeGuestMemory.ofBytes(0x10_0000);
    final ManualEventLoop loop = new ManualEventLoop();
    final FakeNetBackend backend;
    final VirtioNet device;
    final VirtioRig transport;
    final VirtioDriver driver;
    private final boolean packed;
    private boolean eventIdx;

    RingDriver receive = new QueueDriver(memory, 0x1000, QUEUE_SIZE, false);
    RingDriver transmit = new QueueDriver(memory, 0x2000, QUEUE_SIZE, false);
    RingDriver control = new QueueDriver(memory, 0x3000, QUEUE_SIZE, false);

    NetTestRig(FakeNetBackend backend) {
        this(VirtioRig.Carrier.MMIO, backend, options());
    }

    NetTestRig(VirtioRig.Carrier carrier, FakeNetBackend backend, VirtioNetOptions options) {
        this.backend = backend;
        packed = options.packed();
        device = new VirtioNet(backend, options, "test");
        transport = new VirtioRig(carrier, device, memory, loop);
        driver = transport.driver();
    }

    static VirtioNetOptions options() {
        return new VirtioNetOptions(MAC).withQueueSizeMax(QUEUE_SIZE);
    }

    /** Brings the device up with its first queue pair and the control queue. */
    void bringUp(long features) {
        negotiate(features);
        driver.setUpQueue(0, receive);
        driver.setUpQueue(1, transmit);
        if ((features & VirtioNetProtocol.VIRTIO_NET_F_CTRL_VQ) != 0) {
            boolean many = (features & VirtioNetProtocol.VIRTIO_NET_F_MQ) != 0;
            driver.setUpQueue(many ? 2 * backend.queuePairs() : 2, control);
        }
        driver.driverOk();
        loop.runReady();
    }

    private void negotiate(long features) {
        long ringFeatures = packed ? VirtioFeatures.VIRTIO_F_RING_PACKED : 0;
        assertTrue(driver.negotiate(features | ringFeatures | VirtioFeatures.VIRTIO_F_VERSION_1));
        eventIdx = (features & VirtioFeatures.VIRTIO_F_EVENT_IDX) != 0;
        receive = newQueue(0x1000);
        transmit = newQueue(0x2000);
        control = newQueue(0x3000);
    }

    RingDriver newQueue(long gpa) {
        return packed
                ? new PackedQueueDriver(memory, gpa, QUEUE_SIZE, eventIdx)
                : new QueueDriver(memory, gpa, QUEUE_SIZE, eventIdx);
    }

    /** Returns a packet without offloads: a header of zeroes and a frame with a pattern behind its addresses. */
    static byte[] packet(MacAddress destination, int frameBytes) {
        byte[] bytes = new byte[VirtioNetProtocol.HEADER_BYTES + frameBytes];
        for (int i = VirtioNetProtocol.HEADER_BYTES; i < bytes.length; i++) {
            bytes[i] = (byte) (i * 7 + frameBytes);
        }
        MacAddress.write(destination.value(), bytes, VirtioNetProtocol.HEADER_BYTES);
        MacAddress.write(PEER.value(), bytes, VirtioNetProtocol.HEADER_BYTES + MacAddress.BYTES);
        bytes[VirtioNetProtocol.HEADER_BYTES + 12] = 0x08;
        bytes[VirtioNetProtocol.HEADER_BYTES + 13] = 0;
        return bytes;
    }

    /** Sets the header of a packet. */
    static byte[] withHeader(byte[] packet, int flags, int gsoType, int hdrLen, int gsoSize, int start, int offset) {
        byte[] changed = packet.clone();
        changed[PacketHead.FLAGS] = (byte) flags;
        changed[PacketHead.GSO_TYPE] = (byte) gsoType;
        int[] fields = {hdrLen, gsoSize, start, offset};
        for (int i = 0; i < fields.length; i++) {
            changed[PacketHead.HDR_LEN + 2 * i] = (byte) fields[i];
            changed[PacketHead.HDR_LEN + 2 * i + 1] = (byte) (fields[i] >>> 8);
        }
        return changed;
    }

    /** Makes a packet available in the first transmit queue and notifies; returns its name. */
    int send(byte[] packet) {
        memory.write(TRANSMIT_GPA, packet, 0, packet.length);
        int head = transmit.offer(Buffer.readable(TRANSMIT_GPA, packet.length));
        notifyQueue(1);
        return head;
    }

    void notifyQueue(int index) {
        driver.notifyQueue(index);
        loop.runReady();
    }

    private final Map<Integer, Long> buffers = new HashMap<>();

    /** Makes a receive buffer available and notifies. */
    void offerBuffer(long gpa, int lengthBytes) {
        memory.fill(gpa, lengthBytes, (byte) UNTOUCHED);
        buffers.put(receive.offer(Buffer.writable(gpa, lengthBytes)), gpa);
        notifyQueue(0);
    }

    /** Makes receive buffers of a size available, one after the other in memory. */
    void offerBuffers(int count, int lengthBytes) {
        for (int i = 0; i < count; i++) {
            offerBuffer(RECEIVE_GPA + (long) i * lengthBytes, lengthBytes);
        }
    }

    /** Has packets come and the device handle them. */
    void arrive(byte[]... packets) {
        backend.arrive(0, packets);
        loop.runReady();
    }

    /** Takes a packet out of the receive queue, from as many buffers as its header says; checks that they are full. */
    byte[] takeReceived() {
        assertTrue(receive.pollUsed(), "nothing received");
        byte[] first = bufferBytes();
        int count = Byte.toUnsignedInt(first[PacketHead.NUM_BUFFERS])
                | Byte.toUnsignedInt(first[PacketHead.NUM_BUFFERS + 1]) << 8;
        byte[] packet = first;
        for (int i = 1; i < count; i++) {
            assertTrue(receive.pollUsed(), "buffers are missing");
            byte[] next = bufferBytes();
            byte[] longer = Arrays.copyOf(packet, packet.length + next.length);
            System.arraycopy(next, 0, longer, packet.length, next.length);
            packet = longer;
        }
        packet[PacketHead.NUM_BUFFERS] = 0;
        packet[PacketHead.NUM_BUFFERS + 1] = 0;
        return packet;
    }

    private byte[] bufferBytes() {
        byte[] bytes = new byte[(int) receive.usedLengthBytes()];
        long gpa = Objects.requireNonNull(buffers.get(receive.usedId()));
        memory.read(gpa, bytes, 0, bytes.length);
        return bytes;
    }

    /** Sends a command and returns its answer. */
    int command(int commandClass, int command, byte... data) {
        memory.writeU8(COMMAND_GPA, commandClass);
        memory.writeU8(COMMAND_GPA + 1, command);
        memory.write(COMMAND_GPA + 2, data, 0, data.length);
        memory.writeU8(ACK_GPA, UNTOUCHED);
        int head = control.offer(Buffer.readable(COMMAND_GPA, 2 + data.length), Buffer.writable(ACK_GPA, 1));
        boolean many = backend.queuePairs() > 1;
        notifyQueue(many ? 2 * backend.queuePairs() : 2);
        assertTrue(control.pollUsed());
        assertEquals(head, control.usedId());
        assertEquals(1, control.usedLengthBytes());
        return memory.readU8(ACK_GPA);
    }

    /** Returns a counter. */
    long counter(String name) {
        long[] found = {-1};
        device.statistics().report((counter, value) -> found[0] = counter.equals(name) ? value : found[0]);
        return found[0];
    }
}

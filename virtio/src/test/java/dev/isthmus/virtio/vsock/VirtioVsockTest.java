// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.virtio.vsock;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

import dev.isthmus.testing.virtio.Buffer;
import dev.isthmus.testing.virtio.VirtioRig;
import dev.isthmus.virtio.DeviceStatus;
import dev.isthmus.virtio.VirtioFeatures;

import static dev.isthmus.virtio.vsock.VirtioVsockProtocol.VIRTIO_VSOCK_OP_CREDIT_REQUEST;
import static dev.isthmus.virtio.vsock.VirtioVsockProtocol.VIRTIO_VSOCK_OP_CREDIT_UPDATE;
import static dev.isthmus.virtio.vsock.VirtioVsockProtocol.VIRTIO_VSOCK_OP_REQUEST;
import static dev.isthmus.virtio.vsock.VirtioVsockProtocol.VIRTIO_VSOCK_OP_RESPONSE;
import static dev.isthmus.virtio.vsock.VirtioVsockProtocol.VIRTIO_VSOCK_OP_RST;
import static dev.isthmus.virtio.vsock.VirtioVsockProtocol.VIRTIO_VSOCK_OP_RW;
import static dev.isthmus.virtio.vsock.VirtioVsockProtocol.VIRTIO_VSOCK_OP_SHUTDOWN;
import static dev.isthmus.virtio.vsock.VsockTestRig.CID;
import static dev.isthmus.virtio.vsock.VsockTestRig.GUEST_PORT;
import static dev.isthmus.virtio.vsock.VsockTestRig.HOST;
import static dev.isthmus.virtio.vsock.VsockTestRig.PORT;
import static dev.isthmus.virtio.vsock.VsockTestRig.packet;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

/** The device by the clauses of virtio 1.2, section 5.10: what is there, addressing, opening, refusing. */
class VirtioVsockTest {
    private static final byte[] HELLO = {1, 2, 3, 4, 5};

    // 5.10.4, 5.10.3: what the driver finds.

    @Test
    void driverFindsTheContextIdAndStreamsOnly() {
        VsockTestRig rig = new VsockTestRig();

        assertEquals(19, rig.device.deviceId());
        assertEquals(3, rig.device.queueCount());
        assertEquals(CID, rig.driver.readConfig(0, 8));
        assertEquals(0b101, rig.device.offeredFeatures());
    }

    @ParameterizedTest
    @ValueSource(longs = {0, 1, 2, 0xffff_ffffL, -1, 1L << 32})
    void reservedContextIdsAreRefused(long cid) {
        assertThrows(IllegalArgumentException.class, () -> new VirtioVsockOptions(cid));
        VsockTestRig rig = new VsockTestRig();
        assertThrows(IllegalArgumentException.class, () -> rig.device.transportReset(cid));
    }

    @Test
    void optionsOutOfRangeAreRefused() {
        VirtioVsockOptions options = VsockTestRig.options();
        assertThrows(IllegalArgumentException.class, () -> options.withQueueSizeMax(24));
        assertThrows(IllegalArgumentException.class, () -> options.withQueueSizeMax(2));
        assertThrows(IllegalArgumentException.class, () -> options.withQueueSizeMax(2048));
        assertThrows(IllegalArgumentException.class, () -> options.withConnectionsMax(0));
        assertThrows(IllegalArgumentException.class, () -> options.withConnectionsMax(65537));
        assertThrows(IllegalArgumentException.class, () -> options.withBuffers(8 << 10, 1 << 20));
        assertThrows(IllegalArgumentException.class, () -> options.withBuffers(32 << 20, 64 << 20));
        assertThrows(IllegalArgumentException.class, () -> options.withBuffers(48 << 10, 64 << 20));
        assertThrows(IllegalArgumentException.class, () -> options.withBuffers(32 << 10, 16 << 10));
    }

    // The way of a connection, over every transport and ring.

    @ParameterizedTest
    @CsvSource({
        "MMIO, false, false", "PCI_MSIX, false, true", "PCI_INTX, false, false", "MMIO, true, true",
        "PCI_MSIX, true, false", "PCI_INTX, true, true"
    })
    void connectionOfTheGuestCarriesDataBothWays(VirtioRig.Carrier carrier, boolean packed, boolean eventIdx) {
        VsockTestRig rig = new VsockTestRig(carrier, VsockTestRig.options().withPacked(packed));
        rig.bringUp(eventIdx ? VirtioFeatures.VIRTIO_F_EVENT_IDX : 0);
        rig.fillReceive();
        rig.transport.takeInterrupts();

        rig.send(packet(VIRTIO_VSOCK_OP_REQUEST));
        Packet response = rig.take(VIRTIO_VSOCK_OP_RESPONSE);
        assertTrue(rig.transport.takeInterrupts() > 0);
        assertEquals(VirtioVsockOptions.DEFAULT_BUFFER_BYTES, response.bufAlloc());
        assertEquals(0, response.fwdCnt());
        rig.send(packet(VIRTIO_VSOCK_OP_RW, HELLO));
        rig.backend.last().send(new byte[] {9, 8, 7});

        assertArrayEquals(HELLO, rig.backend.last().taken());
        Packet data = rig.take(VIRTIO_VSOCK_OP_RW);
        assertArrayEquals(new byte[] {9, 8, 7}, data.data());
        // 5.10.6.3.2: all packets have valid credit fields.
        assertEquals(5, data.fwdCnt());
        assertEquals(VirtioVsockOptions.DEFAULT_BUFFER_BYTES, data.bufAlloc());
        assertEquals(1, rig.counter("connections_out"));
        assertEquals(5, rig.counter("transmit_bytes"));
        assertEquals(3, rig.counter("receive_bytes"));
    }

    @Test
    void connectionOfTheHostCarriesDataBothWays() {
        VsockTestRig rig = new VsockTestRig().up();
        FakeVsockConnection program = new FakeVsockConnection();

        assertTrue(rig.backend.connectToGuest(program, GUEST_PORT));
        Packet request = rig.take();
        assertEquals(VIRTIO_VSOCK_OP_REQUEST, request.op());
        assertEquals(HOST, request.srcCid());
        assertEquals(CID, request.dstCid());
        assertEquals(GUEST_PORT, request.dstPort());
        assertEquals(-1, program.openedPort);
        assertFalse(program.watchesRead);
        rig.send(packet(GUEST_PORT, request.srcPort(), VIRTIO_VSOCK_OP_RESPONSE));

        assertEquals(request.srcPort(), program.openedPort);
        program.send(HELLO);
        assertArrayEquals(
                HELLO, rig.take(GUEST_PORT, request.srcPort(), VIRTIO_VSOCK_OP_RW).data());
        rig.send(packet(GUEST_PORT, request.srcPort(), VIRTIO_VSOCK_OP_RW, HELLO));
        assertArrayEquals(HELLO, program.taken());
        assertEquals(1, rig.counter("connections_in"));
    }

    @Test
    void packetMayBeInAnyPieces() {
        // 2.7.4.1: no assumption about the arrangement of descriptors.
        VsockTestRig rig = new VsockTestRig();
        rig.bringUp(0);
        rig.addBuffer(
                Buffer.writable(0xa000, 1),
                Buffer.writable(0xa001, 42),
                Buffer.writable(0xa02b, 2),
                Buffer.writable(0xa02d, 100));
        rig.addBuffer(Buffer.writable(0xb000, 40), Buffer.writable(0xb028, 100));
        byte[] request = packet(VIRTIO_VSOCK_OP_REQUEST).bytes();
        byte[] data = packet(VIRTIO_VSOCK_OP_RW, HELLO).bytes();
        rig.memory.write(0x2_0000, request, 0, request.length);
        rig.memory.write(0x2_1000, data, 0, data.length);
        rig.transmit.offer(Buffer.readable(0x2_0000, 3), Buffer.readable(0x2_0003, 41));
        rig.transmit.offer(
                Buffer.readable(0x2_1000, 43), Buffer.readable(0x2_102b, 2), Buffer.readable(0x2_102d, 4));

        rig.notifyQueue(1);

        assertArrayEquals(HELLO, rig.backend.last().taken());
        rig.take(VIRTIO_VSOCK_OP_RESPONSE);
        rig.backend.last().send(HELLO);
        assertArrayEquals(HELLO, rig.take(VIRTIO_VSOCK_OP_RW).data());
    }

    @Test
    void bufferLargerThanThePacketIsAllowed() {
        // 5.10.6: only the first len bytes are used.
        VsockTestRig rig = new VsockTestRig().up();
        rig.open();

        rig.send(packet(VIRTIO_VSOCK_OP_RW, HELLO).withLen(2));

        assertArrayEquals(Arrays.copyOf(HELLO, 2), rig.backend.last().taken());
    }

    // 5.10.6.5: refusals.

    @Test
    void connectionToAPortWhereNobodyListensIsReset() {
        VsockTestRig rig = new VsockTestRig().up();

        rig.send(packet(GUEST_PORT, 77, VIRTIO_VSOCK_OP_REQUEST));

        rig.take(GUEST_PORT, 77, VIRTIO_VSOCK_OP_RST);
        rig.assertSilent();
        assertEquals(0, rig.device.connectionCount());
        assertEquals(1, rig.counter("connections_refused"));
    }

    @Test
    void connectionsBeyondTheLimitAreResetUntilOneEnds() {
        VsockTestRig rig = new VsockTestRig(
                VirtioRig.Carrier.MMIO, VsockTestRig.options().withConnectionsMax(2));
        rig.up();
        rig.send(packet(1, PORT, VIRTIO_VSOCK_OP_REQUEST), packet(2, PORT, VIRTIO_VSOCK_OP_REQUEST));
        rig.take(1, PORT, VIRTIO_VSOCK_OP_RESPONSE);
        rig.take(2, PORT, VIRTIO_VSOCK_OP_RESPONSE);

        rig.send(packet(3, PORT, VIRTIO_VSOCK_OP_REQUEST));
        rig.take(3, PORT, VIRTIO_VSOCK_OP_RST);
        assertFalse(rig.backend.connectToGuest(new FakeVsockConnection(), 9));
        rig.send(packet(1, PORT, VIRTIO_VSOCK_OP_RST), packet(3, PORT, VIRTIO_VSOCK_OP_REQUEST));

        rig.take(3, PORT, VIRTIO_VSOCK_OP_RESPONSE);
        assertEquals(2, rig.device.connectionCount());
    }

    @Test
    void connectionsGetSmallerBuffersAsMemoryRunsOutAndThenNone() {
        VsockTestRig rig = new VsockTestRig(
                VirtioRig.Carrier.MMIO, VsockTestRig.options().withBuffers(64 << 10, 128 << 10));
        rig.up();
        long promised = 0;
        int refused = 0;
        for (int port = 0; port < 10; port++) {
            rig.send(packet(port, PORT, VIRTIO_VSOCK_OP_REQUEST));
            Packet answer = rig.takeAll().getFirst();
            if (answer.op() == VIRTIO_VSOCK_OP_RST) {
                refused++;
            } else {
                promised += answer.bufAlloc();
            }
        }

        assertEquals(128 << 10, promised);
        assertTrue(refused > 0);
    }

    @ParameterizedTest
    @ValueSource(ints = {0, 2, 4, 5, 6, 7, 8, 0xffff})
    void packetThatBelongsToNoConnectionIsReset(int op) {
        VsockTestRig rig = new VsockTestRig().up();

        rig.send(packet(op, HELLO));

        rig.take(VIRTIO_VSOCK_OP_RST);
        rig.assertSilent();
    }

    @Test
    void resetIsNeverAnswered() {
        VsockTestRig rig = new VsockTestRig().up();

        rig.send(packet(VIRTIO_VSOCK_OP_RST), packet(VIRTIO_VSOCK_OP_RST).withType(2));

        rig.assertSilent();
    }

    @ParameterizedTest
    @ValueSource(ints = {0, 2, 3, 0xffff})
    void unknownTypeIsReset(int type) {
        // 5.10.6.4.2: a VIRTIO_VSOCK_OP_RST reply MUST be sent.
        VsockTestRig rig = new VsockTestRig().up();

        rig.send(packet(VIRTIO_VSOCK_OP_REQUEST).withType(type));

        Packet reset = rig.take();
        assertEquals(VIRTIO_VSOCK_OP_RST, reset.op());
        assertEquals(type, reset.type());
        assertEquals(0, rig.device.connectionCount());
    }

    @Test
    void streamsAreResetWhereTheyWereNotNegotiated() {
        // 5.10.3.2: with VIRTIO_VSOCK_F_NO_IMPLIED_STREAM and without VIRTIO_VSOCK_F_STREAM there are none.
        VsockTestRig rig = new VsockTestRig();
        rig.bringUp(VirtioVsockProtocol.VIRTIO_VSOCK_F_NO_IMPLIED_STREAM);
        rig.fillReceive();

        rig.send(packet(VIRTIO_VSOCK_OP_REQUEST));

        rig.take(VIRTIO_VSOCK_OP_RST);
        assertFalse(rig.backend.connectToGuest(new FakeVsockConnection(), GUEST_PORT));
    }

    @ParameterizedTest
    @ValueSource(longs = {1, 5})
    void streamsWorkWithTheFeaturesThatNameThem(long features) {
        VsockTestRig rig = new VsockTestRig();
        rig.bringUp(features);
        rig.fillReceive();

        rig.open();
    }

    @Test
    void packetToAnotherContextIsReset() {
        VsockTestRig rig = new VsockTestRig().up();

        rig.send(packet(VIRTIO_VSOCK_OP_REQUEST).withDstCid(7));

        Packet reset = rig.take();
        assertEquals(VIRTIO_VSOCK_OP_RST, reset.op());
        assertEquals(7, reset.srcCid());
        assertEquals(CID, reset.dstCid());
    }

    @Test
    void packetThatCannotBeAnsweredIsDropped() {
        VsockTestRig rig = new VsockTestRig().up();

        rig.send(
                packet(VIRTIO_VSOCK_OP_REQUEST).withSrcCid(CID + 1),
                packet(VIRTIO_VSOCK_OP_REQUEST).withDstCid(HOST | 1L << 32),
                packet(0xffff_ffffL, PORT, VIRTIO_VSOCK_OP_REQUEST));

        rig.assertSilent();
        assertEquals(3, rig.counter("transmit_invalid"));
        rig.open();
    }

    @ParameterizedTest
    @ValueSource(ints = {0, 1, 2, 8, 0x105})
    void unexpectedOperationResetsAnOpenConnection(int op) {
        VsockTestRig rig = new VsockTestRig().up();
        FakeVsockConnection program = rig.open();

        rig.send(packet(op));

        rig.take(VIRTIO_VSOCK_OP_RST);
        assertTrue(program.closed);
        assertEquals(0, rig.device.connectionCount());
        assertEquals(1, rig.counter("connections_invalid"));
    }

    @Test
    void packetShorterThanItSaysResetsItsConnection() {
        VsockTestRig rig = new VsockTestRig().up();
        FakeVsockConnection program = rig.open();

        rig.send(packet(VIRTIO_VSOCK_OP_RW, HELLO).withLen(6));

        rig.take(VIRTIO_VSOCK_OP_RST);
        assertTrue(program.closed);
        assertEquals(0, program.taken().length);
    }

    @Test
    void guestResetsAConnection() {
        VsockTestRig rig = new VsockTestRig().up();
        FakeVsockConnection program = rig.open();

        rig.send(packet(VIRTIO_VSOCK_OP_RST));

        assertTrue(program.closed);
        rig.assertSilent();
        assertEquals(0, rig.device.connectionCount());
    }

    // Connections that the host wants.

    @Test
    void hostIsRefusedWhereThereIsNoDriver() {
        VsockTestRig rig = new VsockTestRig();
        assertFalse(rig.backend.connectToGuest(new FakeVsockConnection(), GUEST_PORT));
        assertEquals(0, rig.device.connectionCount());
        assertEquals(0, rig.device.heldBytes());
    }

    @ParameterizedTest
    @ValueSource(longs = {-1, 0xffff_ffffL, 1L << 32})
    void hostIsRefusedAPortThatIsNone(long port) {
        VsockTestRig rig = new VsockTestRig().up();
        assertFalse(rig.backend.connectToGuest(new FakeVsockConnection(), port));
    }

    @Test
    void guestRefusesTheHost() {
        VsockTestRig rig = new VsockTestRig().up();
        FakeVsockConnection program = new FakeVsockConnection();
        rig.backend.connectToGuest(program, GUEST_PORT);
        long hostPort = rig.take().srcPort();

        rig.send(packet(GUEST_PORT, hostPort, VIRTIO_VSOCK_OP_RST));

        assertTrue(program.closed);
        assertEquals(-1, program.openedPort);
        rig.assertSilent();
        assertEquals(1, rig.counter("connections_refused"));
    }

    @Test
    void hostPortsOfConnectionsAreDistinct() {
        VsockTestRig rig = new VsockTestRig().up();
        long first = rig.openFromHost(new FakeVsockConnection());
        long second = rig.openFromHost(new FakeVsockConnection());

        assertTrue(first != second);
        assertEquals(2, rig.device.connectionCount());
    }

    @Test
    void guestThatDoesNotAnswerTheHostIsResetInTime() {
        VsockTestRig rig = new VsockTestRig().up();
        FakeVsockConnection program = new FakeVsockConnection();
        rig.backend.connectToGuest(program, GUEST_PORT);
        long hostPort = rig.take().srcPort();

        rig.loop.advanceNanos(Connections.REQUEST_TIMEOUT_NANOS - 1_000_000_000L);
        assertFalse(program.closed);
        rig.loop.advanceNanos(2_000_000_000L);

        assertTrue(program.closed);
        rig.take(GUEST_PORT, hostPort, VIRTIO_VSOCK_OP_RST);
        assertEquals(1, rig.counter("connections_timed_out"));
    }

    @Test
    void programThatGoesBeforeTheGuestAnswersResetsTheConnection() {
        VsockTestRig rig = new VsockTestRig().up();
        FakeVsockConnection program = new FakeVsockConnection();
        rig.backend.connectToGuest(program, GUEST_PORT);
        long hostPort = rig.take().srcPort();

        program.hangUp();

        assertTrue(program.closed);
        rig.take(GUEST_PORT, hostPort, VIRTIO_VSOCK_OP_RST);
    }

    @Test
    void programThatCannotBeToldOfTheOpeningResetsTheConnection() {
        VsockTestRig rig = new VsockTestRig().up();
        FakeVsockConnection program = new FakeVsockConnection();
        program.refusesOpening = true;

        long hostPort = rig.openFromHost(program);

        assertTrue(program.closed);
        rig.take(GUEST_PORT, hostPort, VIRTIO_VSOCK_OP_RST);
    }

    @Test
    void requestThatHasNotGoneYetCannotBeAnswered() {
        VsockTestRig rig = new VsockTestRig();
        rig.bringUp(0);
        FakeVsockConnection program = new FakeVsockConnection();
        rig.backend.connectToGuest(program, GUEST_PORT);

        rig.send(packet(GUEST_PORT, 1L << 30, VIRTIO_VSOCK_OP_RESPONSE));

        assertEquals(-1, program.openedPort);
        assertTrue(program.closed);
    }

    @ParameterizedTest
    @ValueSource(ints = {0, 1, 4, 5, 6, 7, 8})
    void guestThatAnswersTheHostWithAnythingElseIsReset(int op) {
        VsockTestRig rig = new VsockTestRig().up();
        FakeVsockConnection program = new FakeVsockConnection();
        rig.backend.connectToGuest(program, GUEST_PORT);
        long hostPort = rig.take().srcPort();

        rig.send(packet(GUEST_PORT, hostPort, op));

        assertTrue(program.closed);
        rig.take(GUEST_PORT, hostPort, VIRTIO_VSOCK_OP_RST);
    }

    // 5.10.6.1: one queue goes on while the other is full.

    @Test
    void transmitQueueGoesOnWithoutReceiveBuffers() {
        VsockTestRig rig = new VsockTestRig();
        rig.bringUp(0);

        rig.send(packet(VIRTIO_VSOCK_OP_REQUEST), packet(VIRTIO_VSOCK_OP_RW, HELLO));
        rig.send(packet(7, 7, VIRTIO_VSOCK_OP_REQUEST));

        assertArrayEquals(HELLO, rig.backend.last().taken());
        rig.fillReceive();
        rig.take(7, 7, VIRTIO_VSOCK_OP_RST);
        rig.take(VIRTIO_VSOCK_OP_RESPONSE);
    }

    @Test
    void transmitQueueWaitsOnceRefusalsAreTooManyAndGoesOnWithBuffers() {
        VsockTestRig rig = new VsockTestRig();
        rig.bringUp(0);
        for (int i = 0; i < ResetQueue.CAPACITY; i++) {
            rig.send(packet(i, 7, VIRTIO_VSOCK_OP_REQUEST));
        }
        byte[] bytes = packet(VIRTIO_VSOCK_OP_REQUEST).bytes();
        rig.memory.write(VsockTestRig.TRANSMIT_GPA, bytes, 0, bytes.length);

        rig.transmit.offer(Buffer.readable(VsockTestRig.TRANSMIT_GPA, bytes.length));
        rig.notifyQueue(1);

        assertFalse(rig.transmit.pollUsed());
        rig.fillReceive();
        assertTrue(rig.transmit.pollUsed());
        List<Packet> taken = new ArrayList<>();
        for (int round = 0; round < 30; round++) {
            taken.addAll(rig.takeAll());
        }
        assertEquals(ResetQueue.CAPACITY + 1, taken.size());
        assertEquals(VIRTIO_VSOCK_OP_RESPONSE, taken.getLast().op());
    }

    // What ends the queue.

    @ParameterizedTest
    @EnumSource(VirtioRig.Carrier.class)
    void packetWithoutAHeaderBreaksTheDeviceUntilItsReset(VirtioRig.Carrier carrier) {
        VsockTestRig rig = new VsockTestRig(carrier, VsockTestRig.options());
        rig.up();
        FakeVsockConnection program = rig.open();
        rig.transmit.offer(Buffer.readable(VsockTestRig.TRANSMIT_GPA, 43));
        rig.notifyQueue(1);
        assertTrue((rig.driver.status() & DeviceStatus.DEVICE_NEEDS_RESET) != 0);

        program.send(HELLO);
        rig.assertSilent();
        rig.driver.reset();

        assertTrue(program.closed);
        assertFalse(rig.backend.started);
        rig.up();
        rig.open();
    }

    @Test
    void receiveBufferWithoutRoomForAHeaderBreaksTheDevice() {
        VsockTestRig rig = new VsockTestRig();
        rig.bringUp(0);
        rig.addBuffer(Buffer.writable(0xa000, 43));
        rig.send(packet(VIRTIO_VSOCK_OP_REQUEST));

        assertTrue((rig.driver.status() & DeviceStatus.DEVICE_NEEDS_RESET) != 0);
    }

    @ParameterizedTest
    @ValueSource(ints = {0, 1, 2})
    void malformedRingBreaksTheDevice(int queue) {
        VsockTestRig rig = new VsockTestRig();
        rig.bringUp(0);
        rig.send(packet(VIRTIO_VSOCK_OP_REQUEST));
        rig.device.transportReset(CID);
        rig.send(packet(VIRTIO_VSOCK_OP_REQUEST));
        var ring = queue == 0 ? rig.receive : queue == 1 ? rig.transmit : rig.events;

        ring.addMalformed();
        ring.publish();
        rig.notifyQueue(queue);

        assertTrue((rig.driver.status() & DeviceStatus.DEVICE_NEEDS_RESET) != 0);
        rig.notifyQueue(0);
        rig.notifyQueue(1);
        rig.notifyQueue(2);
        rig.driver.reset();
        rig.up();
        rig.open();
    }

    @Test
    void receiveBuffersForHeadersOnlyCarryControlAndAreHandedBackBeforeData() {
        VsockTestRig rig = new VsockTestRig();
        rig.bringUp(0);
        rig.addBuffer(Buffer.writable(0xa000, 44));
        rig.send(packet(VIRTIO_VSOCK_OP_REQUEST));
        rig.take(VIRTIO_VSOCK_OP_RESPONSE);
        rig.addBuffer(Buffer.writable(0xa100, 44));
        rig.addBuffer(Buffer.writable(0xa200, 46));
        rig.addBuffer(Buffer.writable(0xa300, 44));
        rig.addBuffer(Buffer.writable(0xa400, 100));
        rig.notifyQueue(0);

        rig.backend.last().send(HELLO);

        assertTrue(rig.receive.pollUsed());
        assertEquals(0, rig.receive.usedLengthBytes());
        assertTrue(rig.receive.pollUsed());
        assertEquals(46, rig.receive.usedLengthBytes());
        assertTrue(rig.receive.pollUsed());
        assertEquals(0, rig.receive.usedLengthBytes());
        assertTrue(rig.receive.pollUsed());
        assertEquals(47, rig.receive.usedLengthBytes());
    }

    // 5.10.6.7: events.

    @Test
    void transportResetEndsConnectionsAndTellsTheDriver() {
        VsockTestRig rig = new VsockTestRig().up();
        FakeVsockConnection program = rig.open();
        rig.memory.fill(VsockTestRig.EVENT_GPA, 16, (byte) 0xee);
        rig.events.offer(Buffer.writable(VsockTestRig.EVENT_GPA, 8));
        rig.notifyQueue(2);
        assertFalse(rig.events.pollUsed());
        rig.transport.takeInterrupts();

        rig.device.transportReset(CID + 1);

        assertTrue(program.closed);
        assertEquals(0, rig.device.connectionCount());
        assertTrue(rig.events.pollUsed());
        assertEquals(4, rig.events.usedLengthBytes());
        assertEquals(0, rig.memory.readU32(VsockTestRig.EVENT_GPA));
        assertTrue(rig.transport.takeInterrupts() > 0);
        // The driver fetches it again.
        assertEquals(CID + 1, rig.driver.readConfig(0, 8));
        assertEquals(CID + 1, rig.device.guestCid());
        rig.assertSilent();
        rig.send(packet(VIRTIO_VSOCK_OP_REQUEST).withSrcCid(CID + 1));
        assertEquals(CID + 1, rig.take().dstCid());
    }

    @Test
    void transportResetWaitsForABuffer() {
        VsockTestRig rig = new VsockTestRig().up();
        rig.device.transportReset(CID);
        rig.events.offer(Buffer.writable(VsockTestRig.EVENT_GPA, 4));
        rig.notifyQueue(2);

        assertTrue(rig.events.pollUsed());
        rig.events.offer(Buffer.writable(VsockTestRig.EVENT_GPA, 4));
        rig.notifyQueue(2);
        assertFalse(rig.events.pollUsed());
    }

    @Test
    void driverThatComesLaterIsToldOfATransportReset() {
        VsockTestRig rig = new VsockTestRig();
        rig.device.transportReset(CID);
        rig.bringUp(0);
        rig.events.offer(Buffer.writable(VsockTestRig.EVENT_GPA, 4));
        rig.notifyQueue(2);

        assertTrue(rig.events.pollUsed());
    }

    @Test
    void eventBufferWithoutRoomBreaksTheDevice() {
        VsockTestRig rig = new VsockTestRig().up();
        rig.events.offer(Buffer.writable(VsockTestRig.EVENT_GPA, 3));

        rig.device.transportReset(CID);

        assertTrue((rig.driver.status() & DeviceStatus.DEVICE_NEEDS_RESET) != 0);
    }

    // Queues that stop, and looking by itself.

    @ParameterizedTest
    @ValueSource(ints = {0, 1, 2})
    void queueThatIsResetStopsAndStartsAgain(int queue) {
        // 2.6.1.
        VsockTestRig rig = new VsockTestRig();
        rig.bringUp(VirtioFeatures.VIRTIO_F_RING_RESET);
        rig.fillReceive();
        FakeVsockConnection program = rig.open();

        rig.driver.resetQueue(queue);
        program.send(HELLO);
        rig.notifyQueue(queue);

        assertFalse(program.closed);
        assertEquals(1, rig.device.connectionCount());
        if (queue == 0) {
            rig.assertSilent();
        }
    }

    @Test
    void loopThatLooksByItselfFindsPacketsAndBuffers() {
        VsockTestRig rig = new VsockTestRig();
        rig.bringUp(0);
        var poller = rig.loop.pollers().getFirst();
        poller.begin();
        assertFalse(poller.poll());
        byte[] bytes = packet(VIRTIO_VSOCK_OP_REQUEST).bytes();
        rig.memory.write(VsockTestRig.TRANSMIT_GPA, bytes, 0, bytes.length);
        rig.transmit.offer(Buffer.readable(VsockTestRig.TRANSMIT_GPA, bytes.length));
        assertFalse(rig.transmit.needsKick());

        assertTrue(poller.poll());
        assertFalse(poller.poll());
        assertTrue(rig.transmit.pollUsed());
        rig.addBuffer(Buffer.writable(0xa000, 100));
        assertFalse(rig.receive.needsKick());
        assertTrue(poller.poll());
        rig.take(VIRTIO_VSOCK_OP_RESPONSE);
        poller.end();

        rig.addBuffer(Buffer.writable(0xa000, 100));
        rig.send(packet(VIRTIO_VSOCK_OP_CREDIT_REQUEST));
        rig.take(VIRTIO_VSOCK_OP_CREDIT_UPDATE);
        rig.driver.reset();
        assertTrue(rig.loop.pollers().isEmpty());
    }

    @Test
    void shutdownOfNothingChangesNothing() {
        VsockTestRig rig = new VsockTestRig().up();
        FakeVsockConnection program = rig.open();

        rig.send(packet(VIRTIO_VSOCK_OP_SHUTDOWN).withFlags(0xfffc));

        rig.assertSilent();
        assertFalse(program.outputEnded || program.inputEnded || program.closed);
    }
}

// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.virtio.net;

import java.util.Arrays;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedClass;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

import dev.isthmus.device.Rate;
import dev.isthmus.testing.virtio.Buffer;
import dev.isthmus.testing.virtio.VirtioRig;
import dev.isthmus.virtio.DeviceStatus;

import static dev.isthmus.virtio.net.VirtioNetProtocol.*;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

/** Packets for the guest, by virtio 1.2, sections 5.1.6.3 and 5.1.6.4, over every transport and ring format. */
@ParameterizedClass
@CsvSource({"MMIO, false", "MMIO, true", "PCI_MSIX, false", "PCI_MSIX, true", "PCI_INTX, false", "PCI_INTX, true"})
class VirtioNetReceiveTest {
    private static final long LARGE = VIRTIO_NET_F_MRG_RXBUF | VIRTIO_NET_F_GUEST_CSUM | VIRTIO_NET_F_GUEST_TSO4;

    private final FakeNetBackend backend = new FakeNetBackend(1, NetTestRig.ALL_OFFLOADS);
    private final NetTestRig rig;

    VirtioNetReceiveTest(VirtioRig.Carrier carrier, boolean packed) {
        rig = new NetTestRig(carrier, backend, NetTestRig.options().withMtu(1500).withPacked(packed));
    }

    private static byte[] packet(int frameBytes) {
        return NetTestRig.packet(NetTestRig.MAC, frameBytes);
    }

    private static byte[] largePacket(int frameBytes) {
        return NetTestRig.withHeader(packet(frameBytes), 1, VIRTIO_NET_HDR_GSO_TCPV4, 54, 1448, 34, 16);
    }

    @ParameterizedTest
    @ValueSource(ints = {14, 60, 1514})
    void packetFillsOneBufferWithItsHeader(int frameBytes) {
        // 5.1.6.4.1: num_buffers is 1 where VIRTIO_NET_F_MRG_RXBUF was not negotiated.
        rig.bringUp(0);
        rig.offerBuffer(NetTestRig.RECEIVE_GPA, 1526);
        rig.transport.takeInterrupts();

        rig.arrive(packet(frameBytes));

        assertEquals(1, rig.memory.readU16(NetTestRig.RECEIVE_GPA + PacketHead.NUM_BUFFERS));
        assertArrayEquals(packet(frameBytes), rig.takeReceived());
        assertEquals(1, rig.transport.takeInterrupts());
        assertEquals(1, rig.counter("receive_packets"));
        assertEquals(frameBytes, rig.counter("receive_bytes"));
    }

    @Test
    void smallPacketsUseUpOneBufferEachAndTheOthersStay() {
        rig.bringUp(LARGE);
        rig.offerBuffers(12, 256);

        rig.arrive(packet(100), packet(200), packet(244));

        assertArrayEquals(packet(100), rig.takeReceived());
        assertArrayEquals(packet(200), rig.takeReceived());
        assertArrayEquals(packet(244), rig.takeReceived());
        assertFalse(rig.receive.pollUsed());
    }

    @ParameterizedTest
    @ValueSource(ints = {245, 500, 1514})
    void packetIsSpreadOverFullBuffers(int frameBytes) {
        // 5.1.6.4.1: all buffers but the last completely, all of them together.
        rig.bringUp(VIRTIO_NET_F_MRG_RXBUF);
        rig.offerBuffers(12, 256);

        rig.arrive(packet(frameBytes));

        int buffers = (frameBytes + 12 + 255) / 256;
        assertEquals(buffers, rig.memory.readU16(NetTestRig.RECEIVE_GPA + PacketHead.NUM_BUFFERS));
        assertArrayEquals(packet(frameBytes), rig.takeReceived());
    }

    @ParameterizedTest
    @ValueSource(ints = {2000, 4084, 40_000, 65_550, FRAME_BYTES_MAX})
    void largePacketsArriveWhole(int frameBytes) {
        rig.bringUp(LARGE);
        for (int i = 0; i < 3; i++) {
            // The first finds a window for small ones and lands in the spare memory.
            rig.offerBuffers(15, 5000);

            rig.arrive(largePacket(frameBytes));

            assertArrayEquals(largePacket(frameBytes), rig.takeReceived());
            rig.driver.reset();
            rig.bringUp(LARGE);
        }
    }

    @Test
    void largeAndSmallPacketsArriveInTurn() {
        rig.bringUp(LARGE);
        rig.offerBuffers(15, 16_000);

        rig.arrive(packet(60), largePacket(50_000), packet(61), largePacket(40_000), packet(62));

        assertArrayEquals(packet(60), rig.takeReceived());
        assertArrayEquals(largePacket(50_000), rig.takeReceived());
        assertArrayEquals(packet(61), rig.takeReceived());
        assertArrayEquals(largePacket(40_000), rig.takeReceived());
        assertArrayEquals(packet(62), rig.takeReceived());
    }

    @Test
    void buffersMayBeSplitAnywhere() {
        // 2.7.4.1
        rig.bringUp(0);
        long gpa = NetTestRig.RECEIVE_GPA;
        rig.receive.offer(Buffer.writable(gpa, 3), Buffer.writable(gpa + 3, 8), Buffer.writable(gpa + 11, 1000));
        rig.notifyQueue(0);

        rig.arrive(packet(300));

        assertTrue(rig.receive.pollUsed());
        assertEquals(312, rig.receive.usedLengthBytes());
        byte[] bytes = new byte[312];
        rig.memory.read(gpa, bytes, 0, 312);
        assertEquals(1, bytes[PacketHead.NUM_BUFFERS]);
        bytes[PacketHead.NUM_BUFFERS] = 0;
        assertArrayEquals(packet(300), bytes);
    }

    @Test
    void packetsWaitForBuffersAtTheBackend() {
        rig.bringUp(0);
        rig.arrive(packet(60), packet(61));
        assertEquals(2, backend.waiting(0));
        assertFalse(backend.receiving(0));

        rig.offerBuffer(NetTestRig.RECEIVE_GPA, 2000);
        assertArrayEquals(packet(60), rig.takeReceived());
        rig.offerBuffer(NetTestRig.RECEIVE_GPA, 2000);
        assertArrayEquals(packet(61), rig.takeReceived());
        rig.offerBuffer(NetTestRig.RECEIVE_GPA, 2000);

        assertTrue(backend.receiving(0));
    }

    @Test
    void packetThatDoesNotFitOneBufferIsDroppedAndCounted() {
        rig.bringUp(0);
        rig.offerBuffer(NetTestRig.RECEIVE_GPA, 500);

        rig.arrive(packet(489), packet(488));

        assertArrayEquals(packet(488), rig.takeReceived());
        assertFalse(rig.receive.pollUsed());
        assertEquals(1, rig.counter("receive_no_room"));
    }

    @Test
    void packetThatIsLargerThanAllBuffersIsHeldUntilMoreCome() {
        rig.bringUp(LARGE);
        rig.offerBuffers(2, 1000);

        rig.arrive(largePacket(2500), packet(60));
        assertFalse(rig.receive.pollUsed());
        rig.offerBuffer(NetTestRig.RECEIVE_GPA + 2000, 1000);

        assertArrayEquals(largePacket(2500), rig.takeReceived());
        rig.offerBuffer(NetTestRig.RECEIVE_GPA + 3000, 1000);
        assertArrayEquals(packet(60), rig.takeReceived());
    }

    @Test
    void packetThatIsHeldTooLongIsDroppedForTheNext() {
        rig.bringUp(LARGE);
        rig.offerBuffers(2, 1000);
        rig.arrive(largePacket(2500), packet(60));

        rig.loop.advanceNanos(ReceiveQueue.HOLD_NANOS);
        rig.loop.runReady();

        assertArrayEquals(packet(60), rig.takeReceived());
        assertEquals(1, rig.counter("receive_no_room"));
    }

    @Test
    void packetThatIsHeldIsForgottenByAReset() {
        rig.bringUp(LARGE);
        rig.offerBuffers(2, 1000);
        rig.arrive(largePacket(2500));

        rig.bringUp(LARGE);
        rig.offerBuffers(4, 1000);
        rig.loop.advanceNanos(ReceiveQueue.HOLD_NANOS);

        assertFalse(rig.receive.pollUsed());
        assertEquals(0, rig.counter("receive_no_room"));
    }

    @ParameterizedTest
    @ValueSource(booleans = {false, true})
    void bufferSmallerThanTheHeaderNeedsAReset(boolean mergeable) {
        // 5.1.6.3.1: each buffer must be at least the size of the header.
        rig.bringUp(mergeable ? VIRTIO_NET_F_MRG_RXBUF : 0);
        rig.offerBuffer(NetTestRig.RECEIVE_GPA, 11);

        assertNotEquals(0, rig.driver.status() & DeviceStatus.DEVICE_NEEDS_RESET);
        rig.arrive(packet(60));
        assertFalse(rig.receive.pollUsed());
    }

    @Test
    void partialChecksumIsLeftToADriverThatTakesIt() {
        rig.bringUp(VIRTIO_NET_F_GUEST_CSUM);
        rig.offerBuffer(NetTestRig.RECEIVE_GPA, 2000);
        byte[] packet = NetTestRig.withHeader(packet(100), VIRTIO_NET_HDR_F_NEEDS_CSUM, 0, 0, 0, 34, 16);

        rig.arrive(packet);

        assertArrayEquals(packet, rig.takeReceived());
        assertEquals(VIRTIO_NET_F_GUEST_CSUM, backend.guestOffloads);
    }

    @Test
    void partialChecksumIsCompletedForADriverThatDoesNotTakeIt() {
        // 5.1.6.4.1: without VIRTIO_NET_F_GUEST_CSUM flags are zero and the packet has its checksum.
        rig.bringUp(0);
        rig.offerBuffer(NetTestRig.RECEIVE_GPA, 2000);
        byte[] packet = packet(101);

        rig.arrive(NetTestRig.withHeader(packet, VIRTIO_NET_HDR_F_NEEDS_CSUM, 0, 0, 0, 34, 16));

        byte[] received = rig.takeReceived();
        assertEquals(0, received[PacketHead.FLAGS]);
        int sum = 0;
        for (int i = 34; i < 101; i++) {
            sum += Byte.toUnsignedInt(packet[12 + i]) << ((i & 1) == 0 ? 8 : 0);
        }
        int checksum = ~PartialChecksum.fold(sum) & 0xffff;
        assertEquals(
                checksum, Byte.toUnsignedInt(received[12 + 50]) << 8 | Byte.toUnsignedInt(received[12 + 51]));
    }

    @Test
    void flagOfAGoodChecksumIsNotForADriverThatDoesNotTakePartialOnes() {
        rig.bringUp(0);
        rig.offerBuffer(NetTestRig.RECEIVE_GPA, 2000);

        rig.arrive(NetTestRig.withHeader(packet(100), VIRTIO_NET_HDR_F_DATA_VALID, 0, 0, 0, 0, 0));

        assertArrayEquals(packet(100), rig.takeReceived());
    }

    @ParameterizedTest
    @CsvSource({"4, 1448", "5, 1448", "3, 1448", "0x81, 1448", "1, 0"})
    void segmentationThatWasNotNegotiatedIsNotPassedOn(String gsoType, int gsoSize) {
        // 5.1.6.4.1
        rig.bringUp(LARGE);
        rig.offerBuffers(3, 5000);

        rig.arrive(
                NetTestRig.withHeader(packet(3000), 1, Integer.decode(gsoType), 54, gsoSize, 34, 16), packet(60));

        assertArrayEquals(packet(60), rig.takeReceived());
        assertEquals(1, rig.counter("receive_invalid"));
    }

    @Test
    void framesLongerThanTheMtuAreNotPassedOn() {
        // 5.1.4.1: mtu plus the Ethernet header, of which a VLAN tag is a part.
        rig.bringUp(VIRTIO_NET_F_MTU);
        rig.offerBuffers(3, 2000);
        byte[] tagged = packet(1518);
        tagged[12 + 12] = (byte) 0x81;
        tagged[12 + 13] = 0;

        rig.arrive(packet(1515), packet(1514), tagged);

        assertArrayEquals(packet(1514), rig.takeReceived());
        assertArrayEquals(tagged, rig.takeReceived());
        assertEquals(1, rig.counter("receive_invalid"));
    }

    @Test
    void whatIsNoFrameIsNotPassedOn() {
        rig.bringUp(0);
        rig.offerBuffers(2, 2000);

        rig.arrive(Arrays.copyOf(packet(14), 25), packet(14));

        assertArrayEquals(packet(14), rig.takeReceived());
        assertEquals(1, rig.counter("receive_invalid"));
    }

    @Test
    void packetsOverTheRateWaitAtTheBackend() {
        rig.bringUp(0);
        rig.device.setLimits(new NetLimits(Rate.of(10), Rate.UNLIMITED, Rate.UNLIMITED, Rate.UNLIMITED));
        rig.offerBuffers(8, 2000);
        rig.arrive(packet(60), packet(61), packet(62), packet(63));
        assertEquals(2, backend.waiting(0));
        assertFalse(backend.receiving(0));

        rig.loop.advanceNanos(100_000_000);
        assertEquals(1, backend.waiting(0));
        rig.device.setLimits(NetLimits.NONE);
        rig.loop.runReady();

        assertEquals(0, backend.waiting(0));
        assertTrue(backend.receiving(0));
        assertNotEquals(0, rig.counter("receive_throttled"));
    }

    @Test
    void moreThanARoundIsReceivedInLaterTurns() {
        rig.bringUp(VIRTIO_NET_F_MRG_RXBUF);
        rig.offerBuffers(16, 100);
        byte[][] packets = new byte[40][];
        Arrays.fill(packets, packet(60));

        backend.arrive(0, packets);
        rig.loop.runReady();

        assertEquals(16, rig.counter("receive_packets"));
        assertEquals(24, backend.waiting(0));
    }
}

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
import dev.isthmus.virtio.VirtioFeatures;

import static dev.isthmus.virtio.net.VirtioNetProtocol.*;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

/** Packets that the guest sends, by the clauses of virtio 1.2, section 5.1.6.2, over every transport and ring format. */
@ParameterizedClass
@CsvSource({"MMIO, false", "MMIO, true", "PCI_MSIX, false", "PCI_MSIX, true", "PCI_INTX, false", "PCI_INTX, true"})
class VirtioNetTransmitTest {
    private final FakeNetBackend backend = new FakeNetBackend(1, NetTestRig.ALL_OFFLOADS);
    private final NetTestRig rig;

    VirtioNetTransmitTest(VirtioRig.Carrier carrier, boolean packed) {
        rig = new NetTestRig(carrier, backend, NetTestRig.options().withPacked(packed));
    }

    private void assertUsed(int head) {
        assertTrue(rig.transmit.pollUsed());
        assertEquals(head, rig.transmit.usedId());
        assertEquals(0, rig.transmit.usedLengthBytes());
    }

    private void assertDropped(byte[] packet, String counter) {
        long before = rig.counter(counter);
        int head = rig.send(packet);
        assertUsed(head);
        assertEquals(0, backend.sent.size());
        assertEquals(before + 1, rig.counter(counter));
    }

    private static byte[] frame(int frameBytes) {
        return NetTestRig.packet(NetTestRig.PEER, frameBytes);
    }

    @ParameterizedTest
    @ValueSource(ints = {14, 60, 1514, FRAME_BYTES_MAX})
    void packetReachesTheBackendAsItIs(int frameBytes) {
        rig.bringUp(0);

        int head = rig.send(frame(frameBytes));

        assertUsed(head);
        assertArrayEquals(frame(frameBytes), backend.sent.getFirst());
        assertEquals(1, rig.counter("transmit_packets"));
        assertEquals(frameBytes, rig.counter("transmit_bytes"));
        assertEquals(1, rig.transport.takeInterrupts());
    }

    @Test
    void packetMayBeSplitAnywhereAndBeIndirect() {
        // 2.7.4.1, 5.1.6.2: no assumptions about the layout.
        rig.bringUp(VirtioFeatures.VIRTIO_F_INDIRECT_DESC);
        byte[] packet = frame(100);
        rig.memory.write(NetTestRig.TRANSMIT_GPA, packet, 0, packet.length);
        long gpa = NetTestRig.TRANSMIT_GPA;

        rig.transmit.addIndirect(
                0xa000,
                Buffer.readable(gpa, 5),
                Buffer.readable(gpa + 5, 1),
                Buffer.readable(gpa + 6, 20),
                Buffer.readable(gpa + 26, 86));
        rig.transmit.publish();
        rig.notifyQueue(1);

        assertArrayEquals(packet, backend.sent.getFirst());
    }

    @Test
    void packetsGoInOrder() {
        rig.bringUp(0);
        for (int i = 0; i < 8; i++) {
            byte[] packet = frame(60 + i);
            rig.memory.write(NetTestRig.TRANSMIT_GPA + 256L * i, packet, 0, packet.length);
            rig.transmit.offer(Buffer.readable(NetTestRig.TRANSMIT_GPA + 256L * i, packet.length));
        }
        rig.notifyQueue(1);

        for (int i = 0; i < 8; i++) {
            assertArrayEquals(frame(60 + i), backend.sent.get(i));
        }
    }

    @Test
    void partialChecksumIsPassedOn() {
        rig.bringUp(VIRTIO_NET_F_CSUM);
        byte[] packet = NetTestRig.withHeader(frame(100), VIRTIO_NET_HDR_F_NEEDS_CSUM, 0, 0, 0, 34, 16);

        rig.send(packet);

        assertArrayEquals(packet, backend.sent.getFirst());
    }

    @ParameterizedTest
    @CsvSource({"1, 54, 11", "4, 74, 12", "5, 42, 56"})
    void segmentationIsPassedOn(int gsoType, int hdrLen, int bit) {
        rig.bringUp(VIRTIO_NET_F_CSUM | 1L << bit);
        byte[] packet = NetTestRig.withHeader(frame(4000), 1, gsoType, hdrLen, 1448, 34, 6);

        rig.send(packet);

        assertArrayEquals(packet, backend.sent.getFirst());
    }

    @Test
    void ecnIsPassedOnWhereItWasNegotiated() {
        long tso = VIRTIO_NET_F_CSUM | VIRTIO_NET_F_HOST_TSO4;
        byte[] packet = NetTestRig.withHeader(frame(4000), 1, 0x81, 54, 1448, 34, 16);

        rig.bringUp(tso);
        assertDropped(packet, "transmit_invalid");
        rig.bringUp(tso | VIRTIO_NET_F_HOST_ECN);
        rig.send(packet);

        assertArrayEquals(packet, backend.sent.getFirst());
    }

    @Test
    void unknownFlagsAndUnusedFieldsDoNotReachTheBackend() {
        // 5.1.6.2.2: flags that are not recognized are ignored; csum_start is not used without NEEDS_CSUM.
        rig.bringUp(VIRTIO_NET_F_CSUM);
        byte[] packet = NetTestRig.withHeader(frame(100), 0xfe, 0, 0xffff, 7, 0xffff, 0xffff);
        packet[PacketHead.NUM_BUFFERS] = 5;

        rig.send(packet);

        assertArrayEquals(frame(100), backend.sent.getFirst());
    }

    @ParameterizedTest
    @CsvSource({
        // start, offset: before the network header, and beyond the end by one, and as far as can be
        "13, 16", "34, 65", "99, 0", "65535, 65535", "98, 1"
    })
    void checksumOutsideThePacketIsDropped(int start, int offset) {
        rig.bringUp(VIRTIO_NET_F_CSUM);

        assertDropped(NetTestRig.withHeader(frame(100), 1, 0, 0, 0, start, offset), "transmit_invalid");
    }

    @ParameterizedTest
    @CsvSource({
        // flags, type, size: no checksum; sizes of nothing; unknown types; ECN alone, and with UDP
        "0, 1, 1448", "1, 1, 0", "1, 2, 1448", "1, 3, 1448", "1, 0x80, 1448", "1, 0x85, 1448", "1, 0x7f, 1448"
    })
    void segmentationAgainstTheRulesIsDropped(String flags, String gsoType, int gsoSize) {
        rig.bringUp(rig.driver.deviceFeatures() & NetTestRig.ALL_OFFLOADS);

        assertDropped(
                NetTestRig.withHeader(frame(4000), Integer.decode(flags), Integer.decode(gsoType), 54, gsoSize, 34, 16),
                "transmit_invalid");
    }

    @ParameterizedTest
    @ValueSource(ints = {1, 4, 5})
    void offloadsThatWereNotNegotiatedAreDropped(int gsoType) {
        rig.bringUp(0);
        assertDropped(NetTestRig.withHeader(frame(100), 1, 0, 0, 0, 34, 16), "transmit_invalid");
        rig.bringUp(VIRTIO_NET_F_CSUM);
        assertDropped(NetTestRig.withHeader(frame(4000), 1, gsoType, 54, 1448, 34, 16), "transmit_invalid");
    }

    @ParameterizedTest
    @CsvSource({"0, 50", "65535, 4000", "40, 50", "100, 100"})
    void headerLengthIsAHintThatBecomesSound(int hint, int sound) {
        // 5.1.6.2.2: the device must not rely on hdr_len.
        rig.bringUp(VIRTIO_NET_F_CSUM | VIRTIO_NET_F_HOST_TSO4);

        rig.send(NetTestRig.withHeader(frame(4000), 1, 1, hint, 1448, 32, 16));

        byte[] sent = backend.sent.getFirst();
        assertEquals(
                sound,
                Byte.toUnsignedInt(sent[PacketHead.HDR_LEN]) | Byte.toUnsignedInt(sent[PacketHead.HDR_LEN + 1]) << 8);
    }

    @Test
    void frameOfAWrongLengthIsDropped() {
        rig.bringUp(0);

        assertDropped(Arrays.copyOf(frame(14), PacketHead.BYTES_MIN - 1), "transmit_invalid");
        assertDropped(frame(FRAME_BYTES_MAX + 1), "transmit_invalid");
    }

    @Test
    void packetWithoutAHeaderNeedsAReset() {
        rig.bringUp(0);

        rig.send(new byte[11]);

        assertNotEquals(0, rig.driver.status() & DeviceStatus.DEVICE_NEEDS_RESET);
        assertEquals(0, backend.sent.size());
        rig.bringUp(0);
        rig.send(frame(60));
        assertEquals(1, backend.sent.size());
    }

    @Test
    void malformedRingNeedsAReset() {
        rig.bringUp(0);
        rig.transmit.addMalformed();
        rig.transmit.publish();
        rig.notifyQueue(1);

        assertNotEquals(0, rig.driver.status() & DeviceStatus.DEVICE_NEEDS_RESET);
    }

    @Test
    void packetWaitsWhileTheBackendIsFull() {
        rig.bringUp(0);
        backend.answer = SendOutcome.FULL;
        int head = rig.send(frame(60));
        rig.transmit.offer(Buffer.readable(NetTestRig.TRANSMIT_GPA, 100));
        rig.notifyQueue(1);
        assertFalse(rig.transmit.pollUsed());

        backend.answer = SendOutcome.TAKEN;
        backend.tellWritable(0);
        rig.loop.runReady();

        assertUsed(head);
        assertEquals(2, backend.sent.size());
        assertArrayEquals(frame(60), backend.sent.getFirst());
    }

    @Test
    void packetThatWaitsIsForgottenByAReset() {
        rig.bringUp(0);
        backend.answer = SendOutcome.FULL;
        rig.send(frame(60));

        rig.driver.reset();
        backend.answer = SendOutcome.TAKEN;
        backend.tellWritable(0);
        rig.loop.runReady();

        assertFalse(backend.started);
        assertEquals(0, backend.sent.size());
        assertEquals(0, rig.driver.status());
    }

    @ParameterizedTest
    @CsvSource({"REFUSED, transmit_refused", "GONE, transmit_link_down"})
    void packetThatTheBackendWillNotHaveIsDroppedAndCounted(SendOutcome outcome, String counter) {
        rig.bringUp(0);
        backend.answer = outcome;

        assertDropped(frame(60), counter);
    }

    @Test
    void packetsOverTheRateWaitForTheirTurn() {
        rig.bringUp(0);
        rig.device.setLimits(new NetLimits(Rate.UNLIMITED, Rate.UNLIMITED, Rate.of(10), Rate.UNLIMITED));
        for (int i = 0; i < 5; i++) {
            rig.send(frame(60));
        }
        // The bucket holds a tenth of a second, and what starts may make it over full.
        assertEquals(2, backend.sent.size());

        rig.loop.advanceNanos(100_000_000);
        assertEquals(3, backend.sent.size());
        rig.device.setLimits(NetLimits.NONE);
        rig.loop.runReady();

        assertEquals(5, backend.sent.size());
    }

    @Test
    void bytesOverTheRateWaitForTheirTurn() {
        rig.bringUp(0);
        rig.device.setLimits(new NetLimits(Rate.UNLIMITED, Rate.UNLIMITED, Rate.UNLIMITED, Rate.of(10_000)));
        rig.send(frame(1514));
        rig.send(frame(1000));
        assertEquals(1, backend.sent.size());

        // 514 bytes more than the bucket holds are to leak.
        rig.loop.advanceNanos(51_400_000);

        assertEquals(2, backend.sent.size());
        assertNotEquals(0, rig.counter("transmit_throttled"));
    }

    @Test
    void oneInterruptDoesForABatch() {
        rig.bringUp(0);
        rig.transport.takeInterrupts();
        for (int i = 0; i < 8; i++) {
            rig.transmit.add(Buffer.readable(NetTestRig.TRANSMIT_GPA, 100));
        }
        rig.transmit.publish();
        rig.notifyQueue(1);

        assertEquals(1, rig.transport.takeInterrupts());
        assertEquals(8, backend.sent.size());
    }
}

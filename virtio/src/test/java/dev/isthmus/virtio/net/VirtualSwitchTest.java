// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.virtio.net;

import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

import org.junit.jupiter.api.Test;

import dev.isthmus.memory.GuestMemory;
import dev.isthmus.memory.ScatterList;
import dev.isthmus.testing.device.ManualEventLoop;
import dev.isthmus.testing.jvm.Allocations;
import dev.isthmus.testing.memory.FakeGuestMemory;
import dev.isthmus.testing.virtio.Buffer;
import dev.isthmus.testing.virtio.QueueDriver;
import dev.isthmus.testing.virtio.VirtioRig;
import dev.isthmus.virtio.VirtioFeatures;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

/** A switch between machines: where frames go, what is dropped, ports that come and go. */
class VirtualSwitchTest {
    private static final MacAddress GROUP = MacAddress.parse("33:33:00:00:00:01");

    private final VirtualSwitch network = new VirtualSwitch();
    private final ManualEventLoop loop = new ManualEventLoop();

    /** A machine at a port: what came to it, and how to send. */
    private final class Station implements NetBackend.Listener {
        final SwitchPort port;
        final MacAddress mac;
        final List<byte[]> received = new ArrayList<>();
        int linkChanges;
        private final MemorySegment memory = MemorySegment.ofArray(new byte[VirtioNetProtocol.PACKET_BYTES_MAX]);

        Station(SwitchPort port, int number) {
            this.port = port;
            this.mac = new MacAddress(0x5254_0000_0000L + number);
            port.attach(this);
            port.start(loop);
        }

        SendOutcome send(MacAddress destination, int frameBytes) {
            byte[] packet = packet(destination, frameBytes);
            ScatterList list = new ScatterList();
            list.add(MemorySegment.ofArray(packet), 0, packet.length);
            SendOutcome outcome = port.send(0, list);
            loop.runReady();
            return outcome;
        }

        byte[] packet(MacAddress destination, int frameBytes) {
            byte[] packet = NetTestRig.packet(destination, frameBytes);
            MacAddress.write(mac.value(), packet, VirtioNetProtocol.HEADER_BYTES + MacAddress.BYTES);
            return packet;
        }

        long counter(String name) {
            long[] found = {-1};
            port.report((counter, value) -> found[0] = counter.equals(name) ? value : found[0]);
            return found[0];
        }

        int take() {
            int count = received.size();
            received.clear();
            return count;
        }

        @Override
        public void readable(int pair) {
            ScatterList target = new ScatterList();
            target.add(memory, 0, memory.byteSize());
            int lengthBytes = port.receive(pair, target);
            while (lengthBytes != NetBackend.NOTHING) {
                received.add(Arrays.copyOf((byte[]) memory.heapBase().orElseThrow(), lengthBytes));
                lengthBytes = port.receive(pair, target);
            }
        }

        @Override
        public void writable(int pair) {}

        @Override
        public void linkChanged() {
            linkChanges++;
        }
    }

    private final Station a = new Station(network.newPort(), 1);
    private final Station b = new Station(network.newPort(), 2);
    private final Station c = new Station(network.newPort(), 3);

    @Test
    void frameToAnUnknownAddressGoesToAllOthers() {
        a.send(b.mac, 60);

        assertArrayEquals(a.packet(b.mac, 60), b.received.getFirst());
        assertEquals(1, c.take());
        assertEquals(0, a.take());
        assertEquals(1, a.counter("switch_flooded"));
    }

    @Test
    void frameToAKnownAddressGoesToItsPortAlone() {
        b.send(a.mac, 60);
        c.take();

        a.send(b.mac, 60);

        assertEquals(1, b.take());
        assertEquals(0, c.take());
        assertEquals(1, a.counter("switch_forwarded"));
    }

    @Test
    void broadcastAndMulticastGoToAllOthers() {
        a.send(new MacAddress(MacAddress.BROADCAST), 60);
        a.send(GROUP, 60);

        assertEquals(2, b.take());
        assertEquals(2, c.take());
    }

    @Test
    void frameToAnAddressBehindItsOwnPortGoesNowhere() {
        a.send(GROUP, 60);
        b.take();

        a.send(a.mac, 60);

        assertEquals(0, b.take());
        assertEquals(1, a.counter("switch_filtered"));
    }

    @Test
    void framesThatNoSwitchPassesOnGoNowhere() {
        a.send(MacAddress.parse("01:80:c2:00:00:0e"), 60);
        assertEquals(0, b.take());
        a.send(MacAddress.parse("01:80:c2:00:00:10"), 60);
        assertEquals(1, b.take());
    }

    @Test
    void addressMovesWithItsMachine() {
        b.send(a.mac, 60);
        byte[] moved = b.packet(a.mac, 60);
        ScatterList list = new ScatterList();
        list.add(MemorySegment.ofArray(moved), 0, moved.length);
        c.port.send(0, list);
        loop.runReady();
        b.take();
        c.take();

        a.send(b.mac, 60);

        assertEquals(0, b.take());
        assertEquals(1, c.take());
    }

    @Test
    void isolatedPortsReachOthersButNotEachOther() {
        Station d = new Station(network.newPort(true), 4);
        Station e = new Station(network.newPort(true), 5);

        d.send(new MacAddress(MacAddress.BROADCAST), 60);

        assertEquals(1, a.take());
        assertEquals(0, e.take());
        a.send(new MacAddress(MacAddress.BROADCAST), 60);
        assertEquals(1, e.take());
    }

    @Test
    void framesForAPortThatIsFullAreDroppedAndCounted() {
        b.send(a.mac, 60);
        ScatterList large = new ScatterList();
        byte[] packet = a.packet(b.mac, 60_000);
        large.add(MemorySegment.ofArray(packet), 0, packet.length);

        for (int i = 0; i < 30; i++) {
            assertEquals(SendOutcome.TAKEN, a.port.send(0, large));
        }

        assertEquals(30 - (1 << 20) / 60_032, a.counter("switch_dropped"));
        b.take();
        loop.runReady();
        assertEquals((1 << 20) / 60_032, b.take());
    }

    @Test
    void portWithoutADriverGetsNothingAndLosesWhatWaited() {
        b.send(a.mac, 60);
        ScatterList list = new ScatterList();
        byte[] packet = a.packet(b.mac, 60);
        list.add(MemorySegment.ofArray(packet), 0, packet.length);
        a.port.send(0, list);

        b.port.stop();
        loop.runReady();
        a.send(b.mac, 60);
        assertEquals(1, a.counter("switch_dropped"));
        b.port.start(loop);
        loop.runReady();

        assertEquals(0, b.take());
        a.send(b.mac, 60);
        assertEquals(1, b.take());
    }

    @Test
    void receptionThatIsOffIsNotTold() {
        b.port.setReceiving(0, false);
        a.send(b.mac, 60);
        assertEquals(0, b.take());

        b.port.setReceiving(0, true);
        a.send(b.mac, 60);

        assertEquals(2, b.take());
    }

    @Test
    void closedPortIsGoneAndItsNumberServesAnother() {
        b.send(a.mac, 60);
        b.port.close();
        b.port.close();

        assertFalse(b.port.linkUp());
        assertEquals(1, b.linkChanges);
        assertEquals(SendOutcome.GONE, b.send(a.mac, 60));
        a.send(b.mac, 60);
        assertEquals(1, a.counter("switch_flooded"));
        Station d = new Station(network.newPort(), 4);
        a.send(d.mac, 60);
        assertEquals(1, d.take());
    }

    private static byte[] largePacket(Station from, MacAddress destination) {
        byte[] packet = from.packet(destination, 54 + 4000);
        packet[26] = 0x45;
        packet[32] = 0;
        packet[33] = 0;
        packet[35] = 6;
        packet[58] = 0x50;
        return NetTestRig.withHeader(packet, 1, VirtioNetProtocol.VIRTIO_NET_HDR_GSO_TCPV4, 54, 1448, 34, 16);
    }

    private void sendLarge(byte[] packet) {
        ScatterList list = new ScatterList();
        list.add(MemorySegment.ofArray(packet), 0, packet.length);
        a.port.send(0, list);
        loop.runReady();
    }

    @Test
    void largePacketPassesWholeOrInSegmentsAsItsReceiverTakesIt() {
        b.port.setGuestOffloads(
                VirtioNetProtocol.VIRTIO_NET_F_GUEST_CSUM | VirtioNetProtocol.VIRTIO_NET_F_GUEST_TSO4);
        byte[] packet = largePacket(a, GROUP);

        sendLarge(packet);

        assertEquals(1, b.received.size());
        assertArrayEquals(packet, b.received.getFirst());
        assertEquals(3, c.received.size());
        assertEquals(12 + 54 + 1448, c.received.getFirst().length);
        assertEquals(12 + 54 + 4000 - 2 * 1448, c.received.getLast().length);
    }

    @Test
    void largePacketThatCannotBeCutGoesToThoseThatTakeIt() {
        b.port.setGuestOffloads(
                VirtioNetProtocol.VIRTIO_NET_F_GUEST_CSUM | VirtioNetProtocol.VIRTIO_NET_F_GUEST_TSO4);
        byte[] packet = largePacket(a, GROUP);
        packet[35] = 99;

        sendLarge(packet);

        assertEquals(1, b.take());
        assertEquals(0, c.take());
        assertEquals(1, a.counter("switch_filtered"));
    }

    @Test
    void switchHasSoManyPortsAndNoMore() {
        for (int i = 3; i < VirtualSwitch.PORTS_MAX; i++) {
            network.newPort();
        }

        assertThrows(IllegalStateException.class, network::newPort);
    }

    @Test
    void framesBetweenPortsAllocateNothing() {
        b.send(a.mac, 60);
        byte[] packet = a.packet(b.mac, 1514);
        ScatterList list = new ScatterList();
        list.add(MemorySegment.ofArray(packet), 0, packet.length);
        ScatterList target = new ScatterList();
        target.add(b.memory, 0, b.memory.byteSize());

        Allocations.assertNoneOnceWarm(10_000, () -> {
            for (int i = 0; i < 10_000; i++) {
                a.port.send(0, list);
                if (b.port.receive(0, target) != packet.length) {
                    throw new AssertionError("not received");
                }
            }
        });
    }

    /** A machine with a driver: sends from one page and receives into another. */
    private static final class Machine {
        final GuestMemory memory = FakeGuestMemory.ofBytes(0x4_0000);
        final ManualEventLoop loop = new ManualEventLoop();
        final QueueDriver receive = new QueueDriver(memory, 0x1000, 16, false);
        final QueueDriver transmit = new QueueDriver(memory, 0x2000, 16, false);
        final VirtioRig rig;

        Machine(NetBackend backend, MacAddress mac, long features) {
            VirtioNet device = new VirtioNet(backend, new VirtioNetOptions(mac).withQueueSizeMax(16), "test");
            rig = new VirtioRig(VirtioRig.Carrier.PCI_MSIX, device, memory, loop);
            assertTrue(rig.driver().negotiate(features | VirtioFeatures.VIRTIO_F_VERSION_1));
            rig.driver().setUpQueue(0, receive);
            rig.driver().setUpQueue(1, transmit);
            rig.driver().driverOk();
            receive.offer(Buffer.writable(0x1_0000, 2000));
            rig.driver().notifyQueue(0);
            loop.runReady();
        }
    }

    @Test
    void guestsReachEachOtherThroughTheirDevicesWithChecksumsCompletedWhereNeeded() {
        Machine sender = new Machine(network.newPort(), NetTestRig.PEER, VirtioNetProtocol.VIRTIO_NET_F_CSUM);
        Machine receiver = new Machine(network.newPort(), NetTestRig.MAC, 0);
        byte[] frame = NetTestRig.packet(NetTestRig.MAC, 100);
        byte[] packet = NetTestRig.withHeader(frame, VirtioNetProtocol.VIRTIO_NET_HDR_F_NEEDS_CSUM, 0, 0, 0, 34, 16);
        sender.memory.write(0x1_0000, packet, 0, packet.length);

        sender.transmit.offer(Buffer.readable(0x1_0000, packet.length));
        sender.rig.driver().notifyQueue(1);
        sender.loop.runReady();
        receiver.loop.runReady();

        assertTrue(sender.transmit.pollUsed());
        assertTrue(receiver.receive.pollUsed());
        assertEquals(packet.length, receiver.receive.usedLengthBytes());
        byte[] received = new byte[packet.length];
        receiver.memory.read(0x1_0000, received, 0, received.length);
        ScatterList expected = new ScatterList();
        expected.add(MemorySegment.ofArray(frame), 0, frame.length);
        assertTrue(PartialChecksum.complete(expected, frame.length, 34, 16));
        frame[PacketHead.NUM_BUFFERS] = 1;
        assertArrayEquals(frame, received);
    }
}

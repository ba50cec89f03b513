// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.virtio.net;

import org.junit.jupiter.api.Test;

import dev.isthmus.device.LoopPoller;
import dev.isthmus.testing.virtio.Buffer;
import dev.isthmus.testing.virtio.RingDriver;
import dev.isthmus.testing.virtio.VirtioRig;
import dev.isthmus.virtio.DeviceStatus;
import dev.isthmus.virtio.VirtioFeatures;

import static dev.isthmus.virtio.net.VirtioNetProtocol.*;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

/** A network device's life: its link, several queue pairs, a loop that looks by itself, resets. */
class VirtioNetTest {
    private static final long MQ = VIRTIO_NET_F_CTRL_VQ | VIRTIO_NET_F_MQ;

    private final FakeNetBackend backend = new FakeNetBackend(1, 0);
    private final NetTestRig rig = new NetTestRig(backend);

    private static byte[] packet(int frameBytes) {
        return NetTestRig.packet(NetTestRig.MAC, frameBytes);
    }

    private static NetTestRig rigOfPairs(int pairs) {
        return new NetTestRig(VirtioRig.Carrier.PCI_MSIX, new FakeNetBackend(pairs, 0), NetTestRig.options());
    }

    // Link.

    @Test
    void linkThatIsTakenDownDropsPacketsOfBothDirectionsAndIsTold() {
        rig.bringUp(VIRTIO_NET_F_STATUS);
        rig.offerBuffer(NetTestRig.RECEIVE_GPA, 2000);
        rig.transport.takeInterrupts();

        rig.device.setLink(false);
        rig.loop.runReady();
        assertEquals(0, rig.driver.readConfig(6, 2));
        assertEquals(1, rig.transport.takeInterrupts());
        rig.send(packet(60));
        rig.arrive(packet(60));

        assertTrue(rig.transmit.pollUsed());
        assertEquals(0, backend.sent.size());
        assertFalse(rig.receive.pollUsed());
        assertEquals(1, rig.counter("transmit_link_down"));
        assertEquals(1, rig.counter("receive_link_down"));
    }

    @Test
    void linkThatComesUpAgainPassesWhatComesThen() {
        rig.bringUp(VIRTIO_NET_F_STATUS);
        rig.offerBuffer(NetTestRig.RECEIVE_GPA, 2000);
        rig.device.setLink(false);
        rig.loop.runReady();
        rig.arrive(packet(60));

        rig.device.setLink(true);
        rig.arrive(packet(61));

        assertEquals(VIRTIO_NET_S_LINK_UP, rig.driver.readConfig(6, 2));
        assertArrayEquals(packet(61), rig.takeReceived());
    }

    @Test
    void linkOfTheBackendShowsBeforeAndWhileADriverRuns() {
        backend.setLink(false);
        assertEquals(0, rig.driver.readConfig(6, 2));
        rig.bringUp(VIRTIO_NET_F_STATUS);
        rig.transport.takeInterrupts();

        backend.setLink(true);

        assertEquals(VIRTIO_NET_S_LINK_UP, rig.driver.readConfig(6, 2));
        assertEquals(1, rig.transport.takeInterrupts());
        rig.device.setLink(false);
        backend.setLink(false);
        backend.setLink(true);
        assertEquals(0, rig.driver.readConfig(6, 2), "it stays down until it is taken up");
    }

    @Test
    void packetThatWaitsForTheBackendIsDroppedWithTheLink() {
        rig.bringUp(0);
        backend.answer = SendOutcome.FULL;
        rig.send(packet(60));

        rig.device.setLink(false);
        rig.loop.runReady();

        assertTrue(rig.transmit.pollUsed());
    }

    // Several queue pairs.

    @Test
    void onlyTheFirstPairIsInUseUntilTheDriverSaysSo() {
        // 5.1.6.5.5: after a reset packets are queued only on receiveq1.
        NetTestRig many = rigOfPairs(3);
        many.bringUp(MQ);
        assertEquals(1, many.backend.activePairs);

        assertEquals(VIRTIO_NET_OK, many.command(VIRTIO_NET_CTRL_MQ, 0, (byte) 2, (byte) 0));

        assertEquals(2, many.backend.activePairs);
        many.bringUp(MQ);
        assertEquals(1, many.backend.activePairs);
    }

    @Test
    void pairsThatAreNotThereAreRefused() {
        NetTestRig many = rigOfPairs(3);
        many.bringUp(MQ);

        assertEquals(VIRTIO_NET_ERR, many.command(VIRTIO_NET_CTRL_MQ, 0, (byte) 0, (byte) 0));
        assertEquals(VIRTIO_NET_ERR, many.command(VIRTIO_NET_CTRL_MQ, 0, (byte) 4, (byte) 0));
        assertEquals(VIRTIO_NET_ERR, many.command(VIRTIO_NET_CTRL_MQ, 0, (byte) 1, (byte) 0x80));
        assertEquals(VIRTIO_NET_OK, many.command(VIRTIO_NET_CTRL_MQ, 0, (byte) 3, (byte) 0));
    }

    @Test
    void packetsPassOnTheSecondPairWhileItIsInUse() {
        NetTestRig many = rigOfPairs(2);
        assertTrue(many.driver.negotiate(MQ | VirtioFeatures.VIRTIO_F_VERSION_1));
        RingDriver receive = many.newQueue(0x4000);
        RingDriver transmit = many.newQueue(0x5000);
        many.driver.setUpQueue(2, receive);
        many.driver.setUpQueue(3, transmit);
        many.driver.setUpQueue(4, many.control);
        many.driver.driverOk();
        byte[] sent = packet(60);
        many.memory.write(NetTestRig.TRANSMIT_GPA, sent, 0, sent.length);
        transmit.offer(Buffer.readable(NetTestRig.TRANSMIT_GPA, sent.length));
        many.notifyQueue(3);
        assertEquals(0, many.backend.sent.size());

        many.command(VIRTIO_NET_CTRL_MQ, 0, (byte) 2, (byte) 0);
        assertEquals(1, many.backend.sentPairs.getFirst());
        receive.offer(Buffer.writable(NetTestRig.RECEIVE_GPA, 2000));
        many.notifyQueue(2);
        many.backend.arrive(1, packet(60));
        many.loop.runReady();
        assertTrue(receive.pollUsed());

        many.command(VIRTIO_NET_CTRL_MQ, 0, (byte) 1, (byte) 0);
        receive.offer(Buffer.writable(NetTestRig.RECEIVE_GPA, 2000));
        many.notifyQueue(2);
        many.backend.arrive(1, packet(60));
        many.loop.runReady();
        assertFalse(receive.pollUsed(), "the device must not queue packets there any more");
    }

    @Test
    void controlQueueIsTheThirdWhereSeveralPairsWereNotNegotiated() {
        NetTestRig many = rigOfPairs(4);
        assertTrue(many.driver.negotiate(
                VIRTIO_NET_F_CTRL_VQ | VIRTIO_NET_F_CTRL_RX | VirtioFeatures.VIRTIO_F_VERSION_1));
        many.driver.setUpQueue(2, many.control);
        many.driver.driverOk();
        many.memory.writeU32(NetTestRig.COMMAND_GPA, 0);

        many.control.offer(
                Buffer.readable(NetTestRig.COMMAND_GPA, 3), Buffer.writable(NetTestRig.ACK_GPA, 1));
        many.notifyQueue(2);

        assertTrue(many.control.pollUsed());
    }

    // Resets.

    @Test
    void queueThatIsResetLeavesTheOthersAndStartsAgain() {
        // 2.6.1
        rig.bringUp(VirtioFeatures.VIRTIO_F_RING_RESET);
        rig.offerBuffer(NetTestRig.RECEIVE_GPA, 2000);

        rig.driver.resetQueue(0);
        rig.arrive(packet(60));
        rig.send(packet(61));
        assertEquals(1, backend.sent.size());
        assertFalse(backend.receiving(0));

        rig.receive = rig.newQueue(0x1000);
        rig.driver.setUpQueue(0, rig.receive);
        rig.offerBuffer(NetTestRig.RECEIVE_GPA, 2000);
        assertArrayEquals(packet(60), rig.takeReceived());
    }

    @Test
    void deviceIsDetachedByAResetAndTakenUpAgain() {
        rig.bringUp(0);
        rig.driver.reset();
        assertFalse(backend.started);
        assertEquals(0, rig.loop.pollers().size());

        rig.bringUp(0);
        rig.send(packet(60));

        assertEquals(1, backend.sent.size());
        assertEquals(2, backend.starts);
    }

    @Test
    void deviceThatNeedsAResetTakesNothingMore() {
        rig.bringUp(VIRTIO_NET_F_CTRL_VQ);
        rig.offerBuffer(NetTestRig.RECEIVE_GPA, 2000);
        rig.control.addMalformed();
        rig.control.publish();
        rig.notifyQueue(2);
        assertNotEquals(0, rig.driver.status() & DeviceStatus.DEVICE_NEEDS_RESET);

        rig.send(packet(60));
        rig.arrive(packet(60));

        assertEquals(0, backend.sent.size());
        assertFalse(rig.receive.pollUsed());
        assertFalse(backend.receiving(0));
    }

    // A loop that looks by itself.

    private LoopPoller poller() {
        assertEquals(1, rig.loop.pollers().size());
        return rig.loop.pollers().getFirst();
    }

    private void sendSilently(int frameBytes) {
        byte[] sent = packet(frameBytes);
        rig.memory.write(NetTestRig.TRANSMIT_GPA, sent, 0, sent.length);
        rig.transmit.offer(Buffer.readable(NetTestRig.TRANSMIT_GPA, sent.length));
    }

    @Test
    void packetsAndBuffersAreFoundWithoutNotifications() {
        rig.bringUp(0);
        backend.arrive(0, packet(62));
        poller().begin();
        assertFalse(poller().poll());

        sendSilently(60);
        assertFalse(rig.transmit.needsKick());
        rig.receive.offer(Buffer.writable(NetTestRig.RECEIVE_GPA, 2000));
        assertFalse(rig.receive.needsKick());
        assertTrue(poller().poll());

        assertEquals(1, backend.sent.size());
        assertTrue(rig.receive.pollUsed());
        assertFalse(poller().poll());
    }

    @Test
    void notificationsAreAskedForAgainAndWhatCameBeforeIsServed() {
        rig.bringUp(VIRTIO_NET_F_CTRL_VQ);
        poller().begin();
        sendSilently(60);
        backend.arrive(0, packet(62));
        rig.receive.offer(Buffer.writable(NetTestRig.RECEIVE_GPA, 2000));

        poller().end();

        assertEquals(1, backend.sent.size());
        assertTrue(rig.receive.pollUsed());
        sendSilently(61);
        assertTrue(rig.transmit.needsKick());
    }

    @Test
    void packetThatWaitsGivesTheLoopNothingToDo() {
        rig.bringUp(0);
        poller().begin();
        backend.answer = SendOutcome.FULL;
        sendSilently(60);
        assertTrue(poller().poll());

        sendSilently(60);

        assertFalse(poller().poll());
    }

    @Test
    void packetThatCameIsFoundWithoutBeingTold() {
        rig.bringUp(0);
        rig.offerBuffers(2, 2000);
        poller().begin();
        assertFalse(poller().poll());

        backend.arriveSilently(0, packet(62));

        assertTrue(poller().poll());
        assertTrue(rig.receive.pollUsed());
        assertFalse(poller().poll());
    }

    @Test
    void deviceStopsLookingForPacketsInVainAndLooksAgainAfterOneWasTold() {
        rig.bringUp(0);
        rig.offerBuffers(2, 2000);
        poller().begin();
        for (int i = 0; i < ReceiveQueue.VAIN_LOOKS_MAX; i++) {
            assertFalse(poller().poll());
        }
        int before = backend.receives;
        assertFalse(poller().poll());
        assertEquals(before, backend.receives);

        rig.arrive(packet(62));
        assertFalse(poller().poll());
        assertTrue(backend.receives > before + 2);
    }

    @Test
    void deviceDoesNotLookForPacketsWithoutBuffers() {
        rig.bringUp(0);
        rig.notifyQueue(0);
        poller().begin();
        backend.arriveSilently(0, packet(62));
        int before = backend.receives;

        assertFalse(poller().poll());

        assertEquals(before, backend.receives);
    }
}

// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.virtio.vsock;

import java.io.ByteArrayOutputStream;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

import dev.isthmus.testing.virtio.VirtioRig;

import static dev.isthmus.virtio.vsock.VirtioVsockProtocol.VIRTIO_VSOCK_OP_CREDIT_REQUEST;
import static dev.isthmus.virtio.vsock.VirtioVsockProtocol.VIRTIO_VSOCK_OP_CREDIT_UPDATE;
import static dev.isthmus.virtio.vsock.VirtioVsockProtocol.VIRTIO_VSOCK_OP_REQUEST;
import static dev.isthmus.virtio.vsock.VirtioVsockProtocol.VIRTIO_VSOCK_OP_RESPONSE;
import static dev.isthmus.virtio.vsock.VirtioVsockProtocol.VIRTIO_VSOCK_OP_RST;
import static dev.isthmus.virtio.vsock.VirtioVsockProtocol.VIRTIO_VSOCK_OP_RW;
import static dev.isthmus.virtio.vsock.VirtioVsockProtocol.VIRTIO_VSOCK_OP_SHUTDOWN;
import static dev.isthmus.virtio.vsock.VirtioVsockProtocol.VIRTIO_VSOCK_SHUTDOWN_F_RECEIVE;
import static dev.isthmus.virtio.vsock.VirtioVsockProtocol.VIRTIO_VSOCK_SHUTDOWN_F_SEND;
import static dev.isthmus.virtio.vsock.VsockTestRig.PORT;
import static dev.isthmus.virtio.vsock.VsockTestRig.packet;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

/** Streams by virtio 1.2, sections 5.10.6.3 and 5.10.6.5: credit both ways, half-closes, ends. */
class VirtioVsockStreamTest {
    private static final int BOTH = VIRTIO_VSOCK_SHUTDOWN_F_RECEIVE | VIRTIO_VSOCK_SHUTDOWN_F_SEND;
    private static final int PAYLOAD = VsockTestRig.BUFFER_BYTES - Packet.HEADER_BYTES;
    private static final int BUFFER = 64 << 10;

    private final VsockTestRig rig = new VsockTestRig(
            VirtioRig.Carrier.MMIO, VsockTestRig.options().withBuffers(BUFFER, 1 << 20));

    private static byte[] pattern(int length, int seed) {
        byte[] bytes = new byte[length];
        for (int i = 0; i < length; i++) {
            bytes[i] = (byte) (i * 31 + i / 251 + seed);
        }
        return bytes;
    }

    private static byte[] dataOf(List<Packet> packets) {
        ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        for (Packet next : packets) {
            assertEquals(VIRTIO_VSOCK_OP_RW, next.op());
            bytes.writeBytes(next.data());
        }
        return bytes.toByteArray();
    }

    private FakeVsockConnection openWithRoom(long bufAlloc) {
        rig.up();
        rig.send(packet(VIRTIO_VSOCK_OP_REQUEST).withCredit(bufAlloc, 0));
        rig.take(VIRTIO_VSOCK_OP_RESPONSE);
        return rig.backend.last();
    }

    private FakeVsockConnection open() {
        return openWithRoom(VsockTestRig.ROOM);
    }

    // To the guest.

    @Test
    void dataIsReadAtOnceForAsManyBuffersAsItFills() {
        FakeVsockConnection program = open();
        byte[] bytes = pattern(3 * PAYLOAD + 5, 1);

        program.send(bytes);

        List<Packet> packets = rig.takeAll();
        assertEquals(4, packets.size());
        assertArrayEquals(bytes, dataOf(packets));
        assertEquals(4 + 1, rig.counter("receive_packets"));
    }

    @Test
    void guestWithoutRoomIsSentNothingAndAskedOnce() {
        FakeVsockConnection program = openWithRoom(10);

        program.send(pattern(25, 1));

        assertEquals(10, rig.take(VIRTIO_VSOCK_OP_RW).len());
        rig.take(VIRTIO_VSOCK_OP_CREDIT_REQUEST);
        rig.assertSilent();
        assertFalse(program.watchesRead);
        rig.send(packet(VIRTIO_VSOCK_OP_CREDIT_UPDATE).withCredit(10, 4));
        assertEquals(4, rig.take(VIRTIO_VSOCK_OP_RW).len());
        rig.take(VIRTIO_VSOCK_OP_CREDIT_REQUEST);
        rig.send(packet(VIRTIO_VSOCK_OP_CREDIT_UPDATE).withCredit(100, 14));
        assertEquals(11, rig.take(VIRTIO_VSOCK_OP_RW).len());
        rig.assertSilent();
        assertTrue(program.watchesRead);
    }

    @Test
    void guestThatTakesBackRoomOrClaimsTooMuchIsSentNothing() {
        FakeVsockConnection program = openWithRoom(100);
        program.send(pattern(60, 1));
        rig.take(VIRTIO_VSOCK_OP_RW);

        rig.send(packet(VIRTIO_VSOCK_OP_CREDIT_UPDATE).withCredit(50, 0));
        program.send(pattern(60, 1));
        rig.take(VIRTIO_VSOCK_OP_CREDIT_REQUEST);
        rig.assertSilent();
        // As if it had received 61 of 60 bytes.
        rig.send(packet(VIRTIO_VSOCK_OP_CREDIT_UPDATE).withCredit(100, 61));
        rig.send(packet(VIRTIO_VSOCK_OP_CREDIT_UPDATE).withCredit(0, 60));
        // It is not asked again while it answers that there is none.
        rig.assertSilent();
        rig.send(packet(VIRTIO_VSOCK_OP_CREDIT_UPDATE).withCredit(0xffff_ffffL, 60));
        assertEquals(60, rig.take(VIRTIO_VSOCK_OP_RW).len());
    }

    @Test
    void programIsNotReadWithoutBuffersAndIsOnceTheyCome() {
        FakeVsockConnection program = open();
        byte[] bytes = pattern(40 * PAYLOAD, 3);

        program.send(bytes);

        assertEquals(bytes.length - VsockTestRig.QUEUE_SIZE * PAYLOAD + PAYLOAD, program.unread(), "buffers");
        assertFalse(program.watchesRead);
        ByteArrayOutputStream received = new ByteArrayOutputStream();
        for (int i = 0; i < 5; i++) {
            received.writeBytes(dataOf(rig.takeAll()));
        }
        assertArrayEquals(bytes, received.toByteArray());
        assertTrue(program.watchesRead);
    }

    @Test
    void connectionsTakeTurns() {
        rig.up();
        rig.send(packet(1, PORT, VIRTIO_VSOCK_OP_REQUEST), packet(2, PORT, VIRTIO_VSOCK_OP_REQUEST));
        rig.take(1, PORT, VIRTIO_VSOCK_OP_RESPONSE);
        rig.take(2, PORT, VIRTIO_VSOCK_OP_RESPONSE);
        FakeVsockConnection greedy = rig.backend.connections.get(0);
        greedy.send(pattern(1 << 20, 1));
        FakeVsockConnection modest = rig.backend.connections.get(1);
        modest.send(pattern(10, 2));

        // The greedy one's first turn, and its second, which begins before the other has anything.
        rig.takeAll();
        rig.takeAll();

        assertEquals(2, rig.take().dstPort());
    }

    @Test
    void countersRunOverWithoutHarm() {
        // 5.10.6.3: counters are free-running, of 32 bits.
        Credit credit = new Credit(BUFFER);
        PacketHeader header = new PacketHeader();
        credit.peerTells(1 << 20, 0);
        long sent = 0;
        while (sent < (1L << 32) + (5 << 20)) {
            assertEquals(1 << 20, credit.peerFree());
            credit.sent(700_000);
            sent += 700_000;
            assertEquals((1 << 20) - 700_000, credit.peerFree());
            credit.peerTells(1 << 20, sent & 0xffff_ffffL);
        }
        for (long forwarded = 0; forwarded < (1L << 32) + BUFFER; forwarded += BUFFER / 2) {
            assertFalse(credit.updateDue());
            credit.forwarded(BUFFER / 2);
            assertTrue(credit.updateDue());
            header.begin(0, 0, 0, 0, VIRTIO_VSOCK_OP_CREDIT_UPDATE);
            credit.tell(header);
            assertEquals((forwarded + BUFFER / 2) & 0xffff_ffffL, header.fwdCnt());
        }
    }

    // From the guest.

    @Test
    void creditIsToldWhenAsked() {
        open();
        rig.send(packet(VIRTIO_VSOCK_OP_RW, pattern(1000, 1)));
        rig.assertSilent();

        rig.send(packet(VIRTIO_VSOCK_OP_CREDIT_REQUEST));

        Packet update = rig.take(VIRTIO_VSOCK_OP_CREDIT_UPDATE);
        assertEquals(1000, update.fwdCnt());
        assertEquals(BUFFER, update.bufAlloc());
    }

    @Test
    void creditIsToldUnaskedOnceHalfOfItIsBack() {
        open();

        rig.send(packet(VIRTIO_VSOCK_OP_RW, pattern(BUFFER / 2 - 1, 1)));
        rig.assertSilent();
        rig.send(packet(VIRTIO_VSOCK_OP_RW, pattern(1, 1)));

        assertEquals(BUFFER / 2, rig.take(VIRTIO_VSOCK_OP_CREDIT_UPDATE).fwdCnt());
        rig.assertSilent();
    }

    @Test
    void whatTheProgramDoesNotTakeWaitsInOrderWithoutCredit() {
        FakeVsockConnection program = open();
        program.room = 1000;
        byte[] bytes = pattern(BUFFER, 5);

        rig.send(packet(VIRTIO_VSOCK_OP_RW, Arrays.copyOf(bytes, 20_000)));
        rig.send(packet(VIRTIO_VSOCK_OP_RW, Arrays.copyOfRange(bytes, 20_000, BUFFER)));

        rig.assertSilent();
        assertEquals(1000, program.taken().length);
        assertTrue(program.watchesWrite);
        assertEquals(BUFFER, rig.device.heldBytes());
        assertEquals(BUFFER - 1000, rig.counter("transmit_held_bytes"));
        program.makeRoom(40_000);
        assertEquals(41_000, rig.take(VIRTIO_VSOCK_OP_CREDIT_UPDATE).fwdCnt());
        assertEquals(32 << 10, rig.device.heldBytes(), "memory goes back as it drains");
        program.makeRoom(BUFFER);
        assertFalse(program.watchesWrite);
        assertArrayEquals(bytes, program.taken());
        assertEquals(0, rig.device.heldBytes());
    }

    @Test
    void guestThatSendsMoreThanItsCreditLosesTheConnection() {
        // 5.10.6.3.1.
        FakeVsockConnection program = open();
        program.room = 0;
        rig.send(packet(VIRTIO_VSOCK_OP_RW, pattern(BUFFER, 5)));
        assertFalse(program.closed);

        rig.send(packet(VIRTIO_VSOCK_OP_RW, (byte) 1));

        rig.take(VIRTIO_VSOCK_OP_RST);
        assertTrue(program.closed);
        assertEquals(0, rig.device.heldBytes());
    }

    @Test
    void dataOfNoBytesIsNothing() {
        FakeVsockConnection program = open();

        rig.send(packet(VIRTIO_VSOCK_OP_RW));

        rig.assertSilent();
        assertFalse(program.closed);
    }

    // Ends: of the guest's sides.

    @Test
    void guestThatEndsItsSendingStillReceives() {
        FakeVsockConnection program = open();

        rig.send(packet(VIRTIO_VSOCK_OP_SHUTDOWN).withFlags(VIRTIO_VSOCK_SHUTDOWN_F_SEND));

        assertTrue(program.outputEnded);
        assertFalse(program.closed);
        program.send(new byte[] {1, 2});
        rig.take(VIRTIO_VSOCK_OP_RW);
        rig.assertSilent();
        // These hints are permanent: clear bits do not reset them.
        rig.send(packet(VIRTIO_VSOCK_OP_SHUTDOWN).withFlags(0));
        rig.send(packet(VIRTIO_VSOCK_OP_RW, (byte) 1));
        rig.take(VIRTIO_VSOCK_OP_RST);
    }

    @Test
    void endOfTheGuestsSendingFollowsWhatWaits() {
        FakeVsockConnection program = open();
        program.room = 0;
        rig.send(packet(VIRTIO_VSOCK_OP_RW, pattern(100, 1)));

        rig.send(packet(VIRTIO_VSOCK_OP_SHUTDOWN).withFlags(VIRTIO_VSOCK_SHUTDOWN_F_SEND));

        assertFalse(program.outputEnded);
        program.makeRoom(1000);
        assertEquals(100, program.taken().length);
        assertTrue(program.outputEnded);
        assertFalse(program.closed);
    }

    @Test
    void guestThatEndsItsReceivingIsSentNothing() {
        FakeVsockConnection program = open();

        rig.send(packet(VIRTIO_VSOCK_OP_SHUTDOWN).withFlags(VIRTIO_VSOCK_SHUTDOWN_F_RECEIVE));

        assertTrue(program.inputEnded);
        assertFalse(program.watchesRead);
        program.send(new byte[] {1});
        program.events().readable();
        rig.assertSilent();
        rig.send(packet(VIRTIO_VSOCK_OP_RW, (byte) 3));
        assertArrayEquals(new byte[] {3}, program.taken());
    }

    @Test
    void wholeShutdownIsAnsweredByAReset() {
        // 5.10.6.5: followed by a VIRTIO_VSOCK_OP_RST response from the peer.
        FakeVsockConnection program = open();

        rig.send(packet(VIRTIO_VSOCK_OP_SHUTDOWN).withFlags(BOTH));

        rig.take(VIRTIO_VSOCK_OP_RST);
        rig.assertSilent();
        assertTrue(program.closed && program.outputEnded);
        assertEquals(0, rig.device.connectionCount());
        rig.send(packet(VIRTIO_VSOCK_OP_REQUEST));
        rig.take(VIRTIO_VSOCK_OP_RESPONSE);
    }

    @Test
    void wholeShutdownInTwoStepsIsAnsweredByAReset() {
        open();

        rig.send(packet(VIRTIO_VSOCK_OP_SHUTDOWN).withFlags(VIRTIO_VSOCK_SHUTDOWN_F_RECEIVE));
        rig.assertSilent();
        rig.send(packet(VIRTIO_VSOCK_OP_SHUTDOWN).withFlags(VIRTIO_VSOCK_SHUTDOWN_F_SEND));

        rig.take(VIRTIO_VSOCK_OP_RST);
    }

    @Test
    void wholeShutdownIsAnsweredOnceTheProgramHasAll() {
        FakeVsockConnection program = open();
        program.room = 0;
        rig.send(packet(VIRTIO_VSOCK_OP_RW, pattern(100, 1)));

        rig.send(packet(VIRTIO_VSOCK_OP_SHUTDOWN).withFlags(BOTH));
        rig.assertSilent();
        assertFalse(program.closed);
        program.makeRoom(1000);

        assertArrayEquals(pattern(100, 1), program.taken());
        assertTrue(program.closed);
        rig.take(VIRTIO_VSOCK_OP_RST);
    }

    @Test
    void programGetsAllOfAGuestThatWouldNotWait() {
        FakeVsockConnection program = open();
        program.room = 0;
        rig.send(packet(VIRTIO_VSOCK_OP_RW, pattern(100, 1)));
        rig.send(packet(VIRTIO_VSOCK_OP_SHUTDOWN).withFlags(BOTH), packet(VIRTIO_VSOCK_OP_RST));
        assertFalse(program.closed);
        assertEquals(1, rig.device.connectionCount());
        // The ports are free.
        rig.send(packet(VIRTIO_VSOCK_OP_REQUEST));
        rig.take(VIRTIO_VSOCK_OP_RESPONSE);

        program.makeRoom(1000);

        assertArrayEquals(pattern(100, 1), program.taken());
        assertTrue(program.closed);
        assertEquals(1, rig.device.connectionCount());
        assertEquals(0, rig.device.heldBytes());
    }

    @Test
    void programThatNeverTakesWhatAGuestLeftIsGivenUp() {
        FakeVsockConnection program = open();
        program.room = 0;
        rig.send(packet(VIRTIO_VSOCK_OP_RW, pattern(100, 1)));
        rig.send(packet(VIRTIO_VSOCK_OP_SHUTDOWN).withFlags(BOTH), packet(VIRTIO_VSOCK_OP_RST));

        rig.loop.advanceNanos(Connections.LINGER_TIMEOUT_NANOS + 1_000_000_000L);

        assertTrue(program.closed);
        assertEquals(0, rig.device.connectionCount());
        rig.assertSilent();
    }

    @Test
    void programThatGoesWithoutWhatAGuestLeftEndsIt() {
        FakeVsockConnection program = open();
        program.room = 0;
        rig.send(packet(VIRTIO_VSOCK_OP_RW, pattern(100, 1)));
        rig.send(packet(VIRTIO_VSOCK_OP_SHUTDOWN).withFlags(BOTH), packet(VIRTIO_VSOCK_OP_RST));

        program.hangUp();

        assertTrue(program.closed);
        assertEquals(0, rig.device.connectionCount());
    }

    // Ends: of the program's sides.

    @Test
    void programThatEndsItsSendingIsToldAndStillReceives() {
        FakeVsockConnection program = open();
        program.send(pattern(10, 1));
        program.endSending();

        assertEquals(10, rig.take(VIRTIO_VSOCK_OP_RW).len());
        assertEquals(
                VIRTIO_VSOCK_SHUTDOWN_F_SEND,
                rig.take(VIRTIO_VSOCK_OP_SHUTDOWN).flags());
        rig.assertSilent();
        rig.send(packet(VIRTIO_VSOCK_OP_RW, (byte) 3));
        assertArrayEquals(new byte[] {3}, program.taken());
        assertFalse(program.closed);
    }

    @Test
    void programThatGoesIsToldAfterItsLastWords() {
        FakeVsockConnection program = openWithRoom(10);
        program.send(pattern(15, 1));
        rig.take(VIRTIO_VSOCK_OP_RW);
        rig.take(VIRTIO_VSOCK_OP_CREDIT_REQUEST);

        program.broken = false;
        program.ended = true;
        program.hungUp = true;
        program.events().hungUp();

        assertEquals(
                VIRTIO_VSOCK_SHUTDOWN_F_RECEIVE,
                rig.take(VIRTIO_VSOCK_OP_SHUTDOWN).flags());
        rig.assertSilent();
        rig.send(packet(VIRTIO_VSOCK_OP_CREDIT_UPDATE).withCredit(10, 10));
        assertEquals(5, rig.take(VIRTIO_VSOCK_OP_RW).len());
        assertEquals(BOTH, rig.take(VIRTIO_VSOCK_OP_SHUTDOWN).flags());
        assertFalse(program.closed);
        rig.send(packet(VIRTIO_VSOCK_OP_RST));
        assertTrue(program.closed);
    }

    @Test
    void guestThatDoesNotAnswerAShutdownIsResetInTime() {
        // 5.10.6.5: if no VIRTIO_VSOCK_OP_RST response is received.
        FakeVsockConnection program = open();
        program.hangUp();
        // The last words come first: that there are none is found by reading.
        assertEquals(
                VIRTIO_VSOCK_SHUTDOWN_F_RECEIVE,
                rig.take(VIRTIO_VSOCK_OP_SHUTDOWN).flags());
        assertEquals(BOTH, rig.take(VIRTIO_VSOCK_OP_SHUTDOWN).flags());
        rig.assertSilent();

        rig.loop.advanceNanos(Connections.CLOSE_TIMEOUT_NANOS + 1_000_000_000L);

        rig.take(VIRTIO_VSOCK_OP_RST);
        assertTrue(program.closed);
        assertEquals(0, rig.device.connectionCount());
        assertEquals(1, rig.counter("connections_timed_out"));
    }

    @Test
    void shutdownsThatCrossAreAnsweredByAReset() {
        FakeVsockConnection program = open();
        program.hangUp();
        rig.takeAll();

        rig.send(packet(VIRTIO_VSOCK_OP_SHUTDOWN).withFlags(BOTH));

        rig.take(VIRTIO_VSOCK_OP_RST);
        assertTrue(program.closed);
    }

    @Test
    void programThatTakesNoMoreIsToldAndTheGuestIsNotHeldUp() {
        FakeVsockConnection program = open();
        program.room = 0;
        rig.send(packet(VIRTIO_VSOCK_OP_RW, pattern(BUFFER, 1)));
        program.broken = true;
        program.tell();

        Packet told = rig.take(VIRTIO_VSOCK_OP_SHUTDOWN);
        assertEquals(VIRTIO_VSOCK_SHUTDOWN_F_RECEIVE, told.flags());
        assertEquals(BUFFER, told.fwdCnt());
        assertEquals(0, rig.device.heldBytes());
        rig.send(packet(VIRTIO_VSOCK_OP_RW, pattern(BUFFER, 1)));
        assertEquals(2 * BUFFER, rig.take(VIRTIO_VSOCK_OP_CREDIT_UPDATE).fwdCnt());
        assertFalse(program.closed);
    }

    @Test
    void programThatBreaksWhileItIsWrittenToIsTold() {
        FakeVsockConnection program = open();
        program.broken = true;

        rig.send(packet(VIRTIO_VSOCK_OP_RW, pattern(5, 1)));

        assertEquals(
                VIRTIO_VSOCK_SHUTDOWN_F_RECEIVE,
                rig.take(VIRTIO_VSOCK_OP_SHUTDOWN).flags());
        program.ended = true;
        program.tell();
        assertEquals(BOTH, rig.take(VIRTIO_VSOCK_OP_SHUTDOWN).flags());
    }

    @Test
    void programThatHangsUpAfterTheGuestEndedReceivingIsToldWhole() {
        FakeVsockConnection program = open();
        rig.send(packet(VIRTIO_VSOCK_OP_SHUTDOWN).withFlags(VIRTIO_VSOCK_SHUTDOWN_F_RECEIVE));

        program.hangUp();

        assertEquals(BOTH, rig.take(VIRTIO_VSOCK_OP_SHUTDOWN).flags());
    }

    @Test
    void programThatHangsUpWhileTheEndOfTheGuestsDataWaitsEndsTheConnection() {
        FakeVsockConnection program = open();
        program.room = 0;
        rig.send(packet(VIRTIO_VSOCK_OP_RW, pattern(5, 1)));
        rig.send(packet(VIRTIO_VSOCK_OP_SHUTDOWN).withFlags(BOTH));

        program.hangUp();

        rig.take(VIRTIO_VSOCK_OP_RST);
        assertTrue(program.closed);
    }

    @Test
    void resetOfTheGuestThatCrossesOursEndsTheConnection() {
        rig.bringUp(0);
        rig.send(packet(VIRTIO_VSOCK_OP_REQUEST), packet(VIRTIO_VSOCK_OP_SHUTDOWN).withFlags(BOTH));
        assertEquals(1, rig.device.connectionCount());
        // Ignored: the end of it is on the way.
        rig.send(packet(VIRTIO_VSOCK_OP_RW, (byte) 1), packet(VIRTIO_VSOCK_OP_REQUEST));

        rig.send(packet(VIRTIO_VSOCK_OP_RST));

        assertEquals(0, rig.device.connectionCount());
        rig.fillReceive();
        rig.assertSilent();
    }

    @ParameterizedTest
    @ValueSource(ints = {1, 2, 3, 100, 1000})
    void tableFindsEveryConnectionHoweverManyComeAndGo(int max) {
        FlowTable table = new FlowTable(max);
        Random random = new Random(max);
        Map<Long, Flow> model = new HashMap<>();
        BufferPool pool = new BufferPool(1 << 20);
        for (int step = 0; step < 20_000; step++) {
            long guestPort = random.nextInt(2 * max);
            Flow found = table.find(guestPort, PORT);
            assertEquals(model.get(guestPort), found);
            if (found != null && random.nextInt(4) == 0) {
                table.freePorts(found);
                assertEquals(null, table.find(guestPort, PORT));
                table.freePorts(found);
            }
            if (found != null) {
                table.remove(found);
                model.remove(guestPort);
            } else if (!table.isFull()) {
                Flow flow = new Flow(
                        guestPort,
                        PORT,
                        new FakeVsockConnection(),
                        Flow.State.OPEN,
                        pool,
                        BufferPool.CHUNK_BYTES);
                table.add(flow);
                model.put(guestPort, flow);
            }
            assertEquals(model.size(), table.count());
        }
        for (int i = 0; i < table.count(); i++) {
            assertTrue(model.containsValue(table.at(i)));
        }
    }
}

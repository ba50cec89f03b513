// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.machine.net;

import java.io.IOException;
import java.net.StandardProtocolFamily;
import java.net.UnixDomainSocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.ServerSocketChannel;
import java.nio.channels.SocketChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Random;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

import dev.isthmus.machine.VmException;
import dev.isthmus.testing.jvm.Allocations;
import dev.isthmus.virtio.net.SendOutcome;
import dev.isthmus.virtio.net.VirtioNetProtocol;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

/** Unix sockets that frames go over, with a peer that does right and wrong. */
@Timeout(300)
class StreamBackendTest {
    private static final int HEADER_BYTES = VirtioNetProtocol.HEADER_BYTES;

    @TempDir
    private Path folder;

    private Path path() {
        return folder.resolve("socket");
    }

    private static byte[] packet(int frameBytes) {
        byte[] bytes = new byte[HEADER_BYTES + frameBytes];
        new Random(frameBytes).nextBytes(bytes);
        return bytes;
    }

    private static byte[] frame(byte[] packet) {
        return Arrays.copyOfRange(packet, HEADER_BYTES, packet.length);
    }

    private static ByteBuffer encoded(byte[] frame) {
        return ByteBuffer.allocate(4 + frame.length).putInt(frame.length).put(frame).flip();
    }

    private SocketChannel peerOfListener(LiveBackend guest) throws IOException {
        SocketChannel peer = SocketChannel.open(UnixDomainSocketAddress.of(path()));
        guest.awaitLinkChange();
        assertTrue(guest.backend.linkUp());
        return peer;
    }

    private static byte[] readFrame(SocketChannel peer) throws IOException {
        ByteBuffer length = ByteBuffer.allocate(4);
        readFully(peer, length);
        ByteBuffer frame = ByteBuffer.wrap(new byte[length.flip().getInt()]);
        readFully(peer, frame);
        return frame.array();
    }

    private static void readFully(SocketChannel peer, ByteBuffer buffer) throws IOException {
        while (buffer.hasRemaining()) {
            assertTrue(peer.read(buffer) >= 0, "end of stream");
        }
    }

    private static void write(SocketChannel peer, ByteBuffer bytes) throws IOException {
        while (bytes.hasRemaining()) {
            peer.write(bytes);
        }
    }

    private static long counter(LiveBackend guest, String wanted) {
        long[] found = {-1};
        guest.backend.report((name, value) -> found[0] = name.equals(wanted) ? value : found[0]);
        return found[0];
    }

    @Test
    void machinesOfTwoProcessesHaveAWire() {
        try (LiveBackend one = new LiveBackend(StreamBackend.listen(path(), "one"));
                LiveBackend other = new LiveBackend(StreamBackend.connect(path(), "other"))) {
            one.awaitLinkChange();

            for (int frameBytes : new int[] {14, 60, 1514, 9014, 65535}) {
                byte[] there = packet(frameBytes);
                assertEquals(SendOutcome.TAKEN, other.send(0, there));
                assertArrayEquals(frame(there), one.await(_ -> true).frame());
                assertEquals(SendOutcome.TAKEN, one.send(0, there));
                assertArrayEquals(frame(there), other.await(_ -> true).frame());
            }
        }
    }

    @Test
    void framesFlowBothWaysAtOnceWhateverPiecesTheyComeIn() throws InterruptedException {
        int frames = 20_000;
        try (LiveBackend one = new LiveBackend(StreamBackend.listen(path(), "one"));
                LiveBackend other = new LiveBackend(StreamBackend.connect(path(), "other"))) {
            one.awaitLinkChange();
            Thread sender = Thread.ofPlatform().start(() -> sendMany(one, frames));
            sendMany(other, frames);
            for (int i = 0; i < frames; i++) {
                assertArrayEquals(frame(packet(14 + i % 4000)), one.await(_ -> true).frame());
                assertArrayEquals(frame(packet(14 + i % 4000)), other.await(_ -> true).frame());
            }
            sender.join();
        }
    }

    private static void sendMany(LiveBackend guest, int frames) {
        for (int i = 0; i < frames; i++) {
            assertEquals(SendOutcome.TAKEN, guest.send(0, packet(14 + i % 4000)));
        }
    }

    @Test
    void headerOfWhatIsReceivedIsZeroes() throws IOException {
        try (LiveBackend guest = new LiveBackend(StreamBackend.listen(path(), "test"));
                SocketChannel peer = peerOfListener(guest)) {
            write(peer, encoded(packet(100)));

            byte[] received = guest.await(_ -> true).packet();

            assertArrayEquals(new byte[HEADER_BYTES], Arrays.copyOf(received, HEADER_BYTES));
        }
    }

    @Test
    void senderIsFullWhereThePeerReadsNothingAndGoesOnWhereItStopped() throws IOException {
        try (LiveBackend guest = new LiveBackend(StreamBackend.listen(path(), "test"));
                SocketChannel peer = peerOfListener(guest)) {
            int sent = 0;
            while (guest.trySend(0, packet(5000 + sent)) == SendOutcome.TAKEN) {
                sent++;
            }
            assertTrue(sent > 5, "sent " + sent);
            assertEquals(SendOutcome.FULL, guest.trySend(0, packet(1)));

            for (int i = 0; i < sent; i++) {
                assertArrayEquals(frame(packet(5000 + i)), readFrame(peer));
            }

            assertEquals(SendOutcome.TAKEN, guest.send(0, packet(77)));
            assertArrayEquals(frame(packet(77)), readFrame(peer));
        }
    }

    @Test
    void frameThatIsTooLongIsPassedOverAndTheNextArrives() throws IOException {
        try (LiveBackend guest = new LiveBackend(StreamBackend.listen(path(), "test"));
                SocketChannel peer = peerOfListener(guest)) {
            write(peer, encoded(new byte[1_000_000]));
            write(peer, encoded(new byte[VirtioNetProtocol.FRAME_BYTES_MAX + 1]));
            write(peer, encoded(frame(packet(60))));

            assertArrayEquals(frame(packet(60)), guest.await(_ -> true).frame());
            assertEquals(2, counter(guest, "stream_oversized"));
        }
    }

    @Test
    void frameThatThePeerWouldNotTakeIsRefused() throws IOException {
        try (LiveBackend guest = new LiveBackend(StreamBackend.listen(path(), "test"));
                SocketChannel peer = peerOfListener(guest)) {
            assertEquals(SendOutcome.REFUSED, guest.trySend(0, packet(65536)));
            assertEquals(1, counter(guest, "stream_refused"));

            assertEquals(SendOutcome.TAKEN, guest.send(0, packet(65535)));
            assertArrayEquals(frame(packet(65535)), readFrame(peer));
        }
    }

    @Test
    void listenerWaitsForTheNextPeerWhenOneHasGone() throws IOException {
        try (LiveBackend guest = new LiveBackend(StreamBackend.listen(path(), "test"))) {
            assertFalse(guest.backend.linkUp());
            assertEquals(SendOutcome.GONE, guest.trySend(0, packet(60)));
            for (int i = 0; i < 3; i++) {
                SocketChannel peer = peerOfListener(guest);
                // Half a frame, which must not spoil the next peer's.
                write(peer, ByteBuffer.wrap(new byte[] {0, 0, 1, 0, 7}));
                peer.close();
                guest.awaitLinkChange();
                assertFalse(guest.backend.linkUp());
            }
            try (SocketChannel peer = peerOfListener(guest)) {
                write(peer, encoded(frame(packet(60))));
                assertArrayEquals(frame(packet(60)), guest.await(_ -> true).frame());
            }
        }
        assertFalse(Files.exists(path()));
    }

    @Test
    void peerThatGoesWhileNobodyReceivesIsNoticed() throws IOException {
        try (LiveBackend guest = new LiveBackend(StreamBackend.listen(path(), "test"))) {
            SocketChannel peer = peerOfListener(guest);
            guest.onLoop(() -> guest.backend.setReceiving(0, false));
            write(peer, encoded(frame(packet(60))));

            peer.close();

            guest.awaitLinkChange();
            assertFalse(guest.backend.linkUp());
        }
    }

    @Test
    void whatComesWhileNoDriverRunsIsLostAndThePeerNeedNotWait() throws IOException {
        try (LiveBackend guest = new LiveBackend(StreamBackend.listen(path(), "test"));
                SocketChannel peer = peerOfListener(guest)) {
            guest.stop();
            // Far more than the socket holds.
            for (int i = 0; i < 2000; i++) {
                write(peer, encoded(new byte[1514]));
            }
            write(peer, ByteBuffer.wrap(new byte[] {0, 0}));

            guest.start();
            // The other half of the length.
            write(peer, ByteBuffer.wrap(new byte[] {0, 60}));
            write(peer, ByteBuffer.wrap(frame(packet(60))));

            byte[] last = guest.await(r -> r.frame().length != 1514).frame();
            assertArrayEquals(frame(packet(60)), last);
        }
    }

    @Test
    void whoeverConnectsTriesAgainWhenThePeerHasComeBack() {
        LiveBackend listener = new LiveBackend(StreamBackend.listen(path(), "listener"));
        try (LiveBackend guest = new LiveBackend(StreamBackend.connect(path(), "test"))) {
            assertTrue(guest.backend.linkUp());
            listener.awaitLinkChange();
            listener.close();
            guest.awaitLinkChange();
            assertFalse(guest.backend.linkUp());

            listener = new LiveBackend(StreamBackend.listen(path(), "listener"));
            guest.awaitLinkChange();

            assertTrue(guest.backend.linkUp());
            listener.awaitLinkChange();
            assertEquals(SendOutcome.TAKEN, guest.send(0, packet(60)));
            assertArrayEquals(frame(packet(60)), listener.await(_ -> true).frame());
        } finally {
            listener.close();
        }
    }

    @Test
    void connectingToNobodyIsRefusedWithTheRemedy() {
        VmException refusal =
                assertThrows(VmException.class, () -> StreamBackend.connect(path(), "test"));

        assertEquals("Nobody listens at the network's socket " + path() + ".", refusal.getMessage());
        assertEquals("Start the machine or program that listens there first.", refusal.remedy());
    }

    @Test
    void pathInUseIsRefused() {
        try (StreamBackend _ = StreamBackend.listen(path(), "test")) {
            VmException refusal =
                    assertThrows(VmException.class, () -> StreamBackend.listen(path(), "test"));

            assertEquals(
                    "The network's socket " + path() + " can't be made: the path is in use.",
                    refusal.getMessage());
        }
    }

    @Test
    void pathThatIsTooLongIsRefused() {
        Path tooLong = folder.resolve("x".repeat(100));

        assertThrows(VmException.Configuration.class, () -> StreamBackend.listen(tooLong, "test"));
        assertThrows(VmException.Configuration.class, () -> StreamBackend.connect(tooLong, "test"));
    }

    @Test
    void descriptorThatIsNotOpenIsRefused() {
        VmException refusal =
                assertThrows(VmException.class, () -> StreamBackend.inherit(99_999, "test"));

        assertEquals("Descriptor 99999 is not open.", refusal.getMessage());
    }

    @Test
    void deviceIsToldNothingWhileReceptionIsOff() throws IOException {
        try (LiveBackend guest = new LiveBackend(StreamBackend.listen(path(), "test"));
                SocketChannel peer = peerOfListener(guest)) {
            guest.onLoop(() -> guest.backend.setReceiving(0, false));
            write(peer, encoded(frame(packet(60))));
            assertNull(guest.tryAwait(_ -> true, 200));

            guest.onLoop(() -> guest.backend.setReceiving(0, true));

            assertArrayEquals(frame(packet(60)), guest.await(_ -> true).frame());
        }
    }

    @Test
    void blockedWriterHoldsNobodyUpWhenItsBackendIsClosed() throws IOException {
        try (ServerSocketChannel server = ServerSocketChannel.open(StandardProtocolFamily.UNIX)) {
            server.bind(UnixDomainSocketAddress.of(path()));
            try (LiveBackend guest = new LiveBackend(StreamBackend.connect(path(), "test"))) {
                while (guest.trySend(0, packet(60_000)) == SendOutcome.TAKEN) {
                    // Until it is full.
                }
            }
        }
    }

    @Test
    void frameAllocatesNothing() {
        try (FramePair wire = new FramePair(path())) {
            Allocations.assertNoneOnceWarm(2000, () -> wire.pass(2000));
        }
    }
}

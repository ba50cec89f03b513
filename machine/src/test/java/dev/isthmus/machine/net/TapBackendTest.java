// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.machine.net;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.List;
import java.util.Random;

import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

import dev.isthmus.kvm.linux.TapFd;
import dev.isthmus.memory.ScatterList;
import dev.isthmus.virtio.net.NetBackend;
import dev.isthmus.virtio.net.SendOutcome;
import dev.isthmus.virtio.net.VirtioNetProtocol;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

/** Taps of the kernel, in a namespace where programs answer what the test sends as the guest. */
@Timeout(300)
class TapBackendTest {
    private static final int PORT = 7000;
    private static final int GUEST_PORT = 40000;
    private static final int SEGMENT_BYTES = 1400;

    @BeforeEach
    void tapsAreThere() {
        NetNamespace.requireTaps();
    }

    private static TapBackend open(int pairs) {
        TapOptions options = new TapOptions(NetNamespace.uniqueName()).withQueuePairs(pairs).withUp(false);
        return TapBackend.open(options, "test net");
    }

    private static byte[] pattern(int length) {
        byte[] bytes = new byte[length];
        new Random(length).nextBytes(bytes);
        return bytes;
    }

    /** Sends a datagram to the echo server until its answer comes: the server takes a while to start. */
    private static LiveBackend.Received echo(LiveBackend guest, int pair, int guestPort, byte[] mac, byte[] data) {
        for (int i = 0; i < 300; i++) {
            assertEquals(SendOutcome.TAKEN, guest.send(pair, Frames.udp(mac, guestPort, PORT, data)));
            LiveBackend.@Nullable Received answer = guest.tryAwait(r -> isAnswer(r, guestPort), 200);
            if (answer != null) {
                return answer;
            }
        }
        throw new AssertionError("no answer");
    }

    private static boolean isAnswer(LiveBackend.Received received, int guestPort) {
        byte[] packet = received.packet();
        return Frames.isUdp(packet, PORT)
                && Short.toUnsignedInt(ByteBuffer.wrap(packet).getShort(Frames.TRANSPORT + 2)) == guestPort;
    }

    @Test
    void datagramsPassBothWaysWithChecksumsLeftToTheHost() {
        try (NetNamespace space = new NetNamespace();
                LiveBackend guest = new LiveBackend(open(1))) {
            TapBackend tap = (TapBackend) guest.backend;
            space.take(tap);
            byte[] mac = space.hardwareAddress(tap.interfaceName());
            space.start("socat", "UDP4-LISTEN:" + PORT + ",fork", "PIPE");
            byte[] data = pattern(1000);

            byte[] answer = echo(guest, 0, GUEST_PORT, mac, data).packet();

            assertArrayEquals(data, Frames.udpData(answer));
            assertEquals(0, answer[0], "no partial checksum without VIRTIO_NET_F_GUEST_CSUM");
            assertTrue(Frames.checksumIsRight(answer));
        }
    }

    @Test
    void guestThatTakesPartialChecksumsGetsThem() {
        try (NetNamespace space = new NetNamespace();
                LiveBackend guest = new LiveBackend(open(1))) {
            TapBackend tap = (TapBackend) guest.backend;
            space.take(tap);
            byte[] mac = space.hardwareAddress(tap.interfaceName());
            space.start("socat", "UDP4-LISTEN:" + PORT + ",fork", "PIPE");
            guest.onLoop(() -> tap.setGuestOffloads(VirtioNetProtocol.VIRTIO_NET_F_GUEST_CSUM));
            byte[] data = pattern(1000);

            byte[] answer = echo(guest, 0, GUEST_PORT, mac, data).packet();

            assertArrayEquals(data, Frames.udpData(answer));
            assertEquals(VirtioNetProtocol.VIRTIO_NET_HDR_F_NEEDS_CSUM, answer[0]);
            assertFalse(Frames.checksumIsRight(answer));
        }
    }

    @Test
    void tcpSegmentOf60KilobytesArrivesAndComesBackInLargeOnes() {
        try (NetNamespace space = new NetNamespace();
                LiveBackend guest = new LiveBackend(open(1))) {
            TapBackend tap = (TapBackend) guest.backend;
            space.take(tap);
            byte[] mac = space.hardwareAddress(tap.interfaceName());
            space.start("socat", "TCP4-LISTEN:" + PORT + ",fork", "PIPE");
            guest.onLoop(() -> tap.setGuestOffloads(tap.offloads() & VirtioNetProtocol.GUEST_OFFLOADS));
            byte[] data = pattern(60_000);

            TcpGuest connection = TcpGuest.connect(guest, mac, GUEST_PORT, PORT);
            connection.sendLarge(data, SEGMENT_BYTES);
            byte[] echoed = connection.receive(data.length);

            assertArrayEquals(data, echoed);
            assertTrue(connection.largestSegmentBytes() > 1500, "largest " + connection.largestSegmentBytes());
        }
    }

    @Test
    void tcpComesInFramesOfTheMtuToAGuestWithoutOffloads() {
        try (NetNamespace space = new NetNamespace();
                LiveBackend guest = new LiveBackend(open(1))) {
            TapBackend tap = (TapBackend) guest.backend;
            space.take(tap);
            byte[] mac = space.hardwareAddress(tap.interfaceName());
            space.start("socat", "TCP4-LISTEN:" + PORT + ",fork", "PIPE");
            byte[] data = pattern(60_000);

            TcpGuest connection = TcpGuest.connect(guest, mac, GUEST_PORT, PORT);
            connection.sendLarge(data, SEGMENT_BYTES);
            byte[] echoed = connection.receive(data.length);

            assertArrayEquals(data, echoed);
            assertTrue(connection.largestSegmentBytes() <= 1460, "largest " + connection.largestSegmentBytes());
        }
    }

    @Test
    void largeDatagramIsCutIntoDatagrams() throws IOException {
        try (NetNamespace space = new NetNamespace();
                LiveBackend guest = new LiveBackend(open(1))) {
            TapBackend tap = (TapBackend) guest.backend;
            assumeTrue(
                    (tap.offloads() & VirtioNetProtocol.VIRTIO_NET_F_HOST_USO) != 0, "needs Linux 6.2");
            space.take(tap);
            byte[] mac = space.hardwareAddress(tap.interfaceName());
            Process server = space.start("socat", "-u", "UDP4-RECV:" + PORT, "-");
            space.awaitUdpServer(PORT);
            byte[] data = pattern(5 * 1000 + 500);

            byte[] large = Frames.toBeSegmented(
                    Frames.udp(mac, GUEST_PORT, PORT, data),
                    VirtioNetProtocol.VIRTIO_NET_HDR_GSO_UDP_L4,
                    Frames.UDP_BYTES,
                    1000);
            assertEquals(SendOutcome.TAKEN, guest.send(0, large));

            assertArrayEquals(data, server.getInputStream().readNBytes(data.length));
            assertEquals(6, space.udpDatagramsReceived());
        }
    }

    @Test
    void answersComeOnTheQueueThatTheirFlowWasSentOn() {
        try (NetNamespace space = new NetNamespace();
                LiveBackend guest = new LiveBackend(open(2))) {
            TapBackend tap = (TapBackend) guest.backend;
            assertEquals(2, tap.queuePairs());
            space.take(tap);
            byte[] mac = space.hardwareAddress(tap.interfaceName());
            space.start("socat", "UDP4-LISTEN:" + PORT + ",fork", "PIPE");
            guest.onLoop(() -> {
                tap.setActivePairs(2);
                tap.setReceiving(1, true);
            });

            for (int flow = 0; flow < 8; flow++) {
                int pair = flow % 2;
                // The first tells the kernel where the flow's guest is.
                echo(guest, pair, GUEST_PORT + flow, mac, pattern(100));
                assertEquals(pair, echo(guest, pair, GUEST_PORT + flow, mac, pattern(100)).pair());
            }
        }
    }

    @Test
    void queueThatIsOutOfUseGetsNothing() {
        try (NetNamespace space = new NetNamespace();
                LiveBackend guest = new LiveBackend(open(2))) {
            TapBackend tap = (TapBackend) guest.backend;
            space.take(tap);
            byte[] mac = space.hardwareAddress(tap.interfaceName());
            space.start("socat", "UDP4-LISTEN:" + PORT + ",fork", "PIPE");
            guest.onLoop(() -> {
                tap.setActivePairs(2);
                tap.setReceiving(1, true);
            });
            echo(guest, 1, GUEST_PORT, mac, pattern(100));

            guest.onLoop(() -> tap.setActivePairs(1));

            assertEquals(0, echo(guest, 0, GUEST_PORT, mac, pattern(100)).pair());
            assertTrue(tap.linkUp());
            guest.onLoop(() -> tap.setActivePairs(2));
            echo(guest, 1, GUEST_PORT, mac, pattern(100));
            assertEquals(1, echo(guest, 1, GUEST_PORT, mac, pattern(100)).pair());
        }
    }

    @Test
    void nothingIsToldWhileReceptionIsOffAndAllComesAfterwards() {
        try (NetNamespace space = new NetNamespace();
                LiveBackend guest = new LiveBackend(open(1))) {
            TapBackend tap = (TapBackend) guest.backend;
            space.take(tap);
            byte[] mac = space.hardwareAddress(tap.interfaceName());
            space.start("socat", "UDP4-LISTEN:" + PORT + ",fork", "PIPE");
            echo(guest, 0, GUEST_PORT, mac, pattern(100));
            guest.onLoop(() -> tap.setReceiving(0, false));

            guest.send(0, Frames.udp(mac, GUEST_PORT, PORT, pattern(200)));
            assertNull(guest.tryAwait(r -> isAnswer(r, GUEST_PORT), 300));
            guest.onLoop(() -> tap.setReceiving(0, true));

            byte[] answer = guest.await(r -> isAnswer(r, GUEST_PORT)).packet();
            assertArrayEquals(pattern(200), Frames.udpData(answer));
        }
    }

    @Test
    void whatCameWhileNoDriverRanIsLost() {
        try (NetNamespace space = new NetNamespace();
                LiveBackend guest = new LiveBackend(open(1))) {
            TapBackend tap = (TapBackend) guest.backend;
            space.take(tap);
            byte[] mac = space.hardwareAddress(tap.interfaceName());
            space.start("socat", "UDP4-LISTEN:" + PORT + ",fork", "PIPE");
            echo(guest, 0, GUEST_PORT, mac, pattern(100));
            guest.stop();
            // A datagram for the guest from the host: there once the command has ended.
            NetNamespace.run("ip", "netns", "exec", space.name, "sh", "-c",
                    "echo lost | socat -u - UDP4-SENDTO:" + Frames.GUEST_ADDRESS + ":99,bind=:9999");

            guest.start();

            echo(guest, 0, GUEST_PORT, mac, pattern(100));
            guest.received.forEach(r -> assertFalse(Frames.isUdp(r.packet(), 9999)));
        }
    }

    @Test
    void deletedTapTakesTheLinkDownAndNothingElse() {
        NetNamespace space = new NetNamespace();
        try (LiveBackend guest = new LiveBackend(open(2))) {
            TapBackend tap = (TapBackend) guest.backend;
            space.take(tap);
            assertTrue(tap.linkUp());

            space.ip("link del " + tap.interfaceName());
            guest.awaitLinkChange();

            assertFalse(tap.linkUp());
            assertEquals(SendOutcome.GONE, guest.trySend(0, new byte[100]));
            // A driver that comes and goes meanwhile finds no network.
            guest.stop();
            guest.start();
            guest.onLoop(() -> {
                tap.setGuestOffloads(0);
                tap.setActivePairs(2);
                tap.setReceiving(1, true);
                assertEquals(NetBackend.NOTHING, tap.receive(1, new ScatterList()));
            });
            assertEquals(0, guest.linkChanges.availablePermits());
        } finally {
            space.close();
        }
    }

    @Test
    void tapDeletedWhileNoDriverRunsTakesTheLinkDown() {
        try (LiveBackend guest = new LiveBackend(open(1))) {
            TapBackend tap = (TapBackend) guest.backend;
            guest.stop();

            NetNamespace.run("ip", "link", "del", tap.interfaceName());
            guest.awaitLinkChange();

            assertFalse(tap.linkUp());
        }
    }

    @Test
    void hostSideThatIsDownDropsWhatTheGuestSends() {
        try (LiveBackend guest = new LiveBackend(open(1))) {
            assertEquals(SendOutcome.REFUSED, guest.trySend(0, Frames.udp(new byte[6], 1, 2, new byte[10])));
            assertTrue(guest.backend.linkUp());
            long[] refused = new long[1];
            guest.backend.report((name, value) -> refused[0] = name.equals("tap_refused") ? value : refused[0]);
            assertEquals(1, refused[0]);
        }
    }

    @Test
    void headerThatTheKernelDoesNotTakeIsRefusedAndTheNextPasses() {
        try (NetNamespace space = new NetNamespace();
                LiveBackend guest = new LiveBackend(open(1))) {
            TapBackend tap = (TapBackend) guest.backend;
            space.take(tap);
            byte[] mac = space.hardwareAddress(tap.interfaceName());
            byte[] wrong = Frames.udp(mac, 1, 2, new byte[10]);
            wrong[1] = 77;

            assertEquals(SendOutcome.REFUSED, guest.trySend(0, wrong));
            assertEquals(SendOutcome.TAKEN, guest.trySend(0, Frames.udp(mac, 1, 2, new byte[10])));
        }
    }

    @Test
    void sendersWaitWhereTheHostHasNoRoomAndGoOnAfterwards() {
        String name = NetNamespace.uniqueName();
        TapOptions options = new TapOptions(name).withUp(false).withSendBuffer(4096);
        try (NetNamespace space = new NetNamespace();
                LiveBackend guest = new LiveBackend(TapBackend.open(options, "test net"))) {
            space.take((TapBackend) guest.backend);
            byte[] mac = space.hardwareAddress(name);
            space.start("socat", "UDP4-LISTEN:" + PORT + ",fork", "PIPE");
            echo(guest, 0, GUEST_PORT, mac, pattern(100));

            for (int i = 0; i < 2000; i++) {
                assertEquals(SendOutcome.TAKEN, guest.send(0, Frames.udp(mac, GUEST_PORT, PORT, pattern(1000))));
            }
        }
    }

    @Test
    void inheritedDescriptorsServeAsWell() {
        try (NetNamespace space = new NetNamespace()) {
            String name = NetNamespace.uniqueName();
            List<Integer> descriptors = List.of(
                    TapFd.open(name, true).fd().number(),
                    TapFd.open(name, true).fd().number());
            try (LiveBackend guest = new LiveBackend(TapBackend.inherit(descriptors, "test net"))) {
                TapBackend tap = (TapBackend) guest.backend;
                assertEquals(name, tap.interfaceName());
                assertEquals(2, tap.queuePairs());
                space.take(tap);
                byte[] mac = space.hardwareAddress(name);
                space.start("socat", "UDP4-LISTEN:" + PORT + ",fork", "PIPE");

                assertArrayEquals(
                        pattern(100),
                        Frames.udpData(echo(guest, 0, GUEST_PORT, mac, pattern(100)).packet()));
            }
        }
    }
}

// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.machine.net;

import java.io.IOException;
import java.io.InputStream;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Objects;
import java.util.concurrent.TimeUnit;

import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

import dev.isthmus.machine.VmException;
import dev.isthmus.testing.tools.HostPrograms;
import dev.isthmus.virtio.net.SendOutcome;
import dev.isthmus.virtio.net.VirtioNetProtocol;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

/** passt itself, with the test as its guest. */
@Timeout(300)
class PasstBackendTest {
    private static final int ARP = 0x0806;
    private static final byte[] GUEST_ADDRESS = {(byte) 192, 0, 2, 77};
    private static final byte[] GATEWAY_ADDRESS = {(byte) 192, 0, 2, 1};

    private static String message(Exception refusal) {
        return Objects.requireNonNull(refusal.getMessage());
    }

    @BeforeEach
    void passtIsThere() {
        HostPrograms.require("passt");
    }

    private static PasstOptions options() throws IOException {
        return PasstOptions.DEFAULT
                .withGuestAddresses(List.of(InetAddress.getByAddress(GUEST_ADDRESS)))
                .withGateways(List.of(InetAddress.getByAddress(GATEWAY_ADDRESS)));
    }

    private static LiveBackend start(PasstOptions options) {
        return new LiveBackend(PasstBackend.start(options, "test net"));
    }

    private static boolean isAlive(long pid) {
        return ProcessHandle.of(pid).filter(ProcessHandle::isAlive).isPresent();
    }

    /** Asks who has the gateway's address, and returns its hardware address. */
    private static byte[] resolveGateway(LiveBackend guest) {
        ByteBuffer request = ByteBuffer.wrap(new byte[VirtioNetProtocol.HEADER_BYTES + 42]);
        request.position(VirtioNetProtocol.HEADER_BYTES);
        request.putInt(-1).putShort((short) -1).put(Frames.GUEST_MAC).putShort((short) ARP);
        request.putShort((short) 1).putShort((short) 0x0800).put((byte) 6).put((byte) 4).putShort((short) 1);
        request.put(Frames.GUEST_MAC).put(GUEST_ADDRESS).put(new byte[6]).put(GATEWAY_ADDRESS);
        assertEquals(SendOutcome.TAKEN, guest.send(0, request.array()));
        byte[] answer = guest.await(r -> ByteBuffer.wrap(r.frame()).getShort(12) == ARP).frame();
        assertArrayEquals(GATEWAY_ADDRESS, Arrays.copyOfRange(answer, 28, 32));
        return Arrays.copyOfRange(answer, 22, 28);
    }

    @Test
    void gatewayAnswersAndPasstEndsWhenItsBackendIsClosed() throws IOException {
        long pid;
        try (LiveBackend guest = start(options())) {
            pid = ((PasstBackend) guest.backend).pid();
            assertTrue(isAlive(pid));
            assertEquals(6, resolveGateway(guest).length);
        }
        assertFalse(isAlive(pid));
    }

    @Test
    void nothingIsLeftAmongTheTemporaryFiles() throws IOException {
        try (LiveBackend guest = start(options())) {
            long pid = ((PasstBackend) guest.backend).pid();
            List<String> command =
                    List.of(Files.readString(Path.of("/proc/" + pid + "/cmdline")).split("\0"));
            Path socket = Path.of(command.get(command.indexOf("--socket") + 1));

            assertFalse(Files.exists(socket.resolveSibling(".")), socket.toString());
        }
    }

    @Test
    void passtDoesNotRunAsRoot() throws IOException {
        try (LiveBackend guest = start(options())) {
            long pid = ((PasstBackend) guest.backend).pid();
            String status = Files.readString(Path.of("/proc/" + pid + "/status"));
            assertFalse(status.contains("\nUid:\t0\t"), status);
        }
    }

    @Test
    void killedPasstTakesTheLinkDownAndNothingElse() throws IOException {
        try (LiveBackend guest = start(options())) {
            resolveGateway(guest);
            long pid = ((PasstBackend) guest.backend).pid();

            ProcessHandle.of(pid).orElseThrow().destroyForcibly();
            guest.awaitLinkChange();

            assertFalse(guest.backend.linkUp());
            assertEquals(SendOutcome.GONE, guest.trySend(0, new byte[100]));
            guest.stop();
            guest.start();
            assertEquals(0, guest.linkChanges.availablePermits());
        }
    }

    @Test
    void forwardedPortLeadsToTheGuest() throws IOException, InterruptedException {
        int port = freePort();
        PasstOptions options = options()
                .withForwards(List.of(
                        new PortForward(PortForward.Protocol.TCP, InetAddress.getLoopbackAddress(), port, 80)));
        try (LiveBackend guest = start(options)) {
            byte[] gateway = resolveGateway(guest);
            Thread client = Thread.ofPlatform().start(() -> connectTo(port));
            // The guest's side of the connection begins with this.
            byte[] syn = guest.await(r -> isSynToPort(r.packet(), 80)).packet();
            assertArrayEquals(gateway, Arrays.copyOfRange(syn, Frames.ETHERNET + 6, Frames.ETHERNET + 12));
            assertTrue(Frames.checksumIsRight(syn));
            client.join(TimeUnit.SECONDS.toMillis(60));
        }
    }

    private static boolean isSynToPort(byte[] packet, int port) {
        ByteBuffer view = ByteBuffer.wrap(packet);
        return packet.length >= Frames.TRANSPORT + Frames.TCP_BYTES
                && view.getShort(Frames.ETHERNET + 12) == 0x0800
                && packet[Frames.IP + 9] == 6
                && view.getShort(Frames.TRANSPORT + 2) == port
                && Frames.tcpFlags(packet) == Frames.SYN;
    }

    private static void connectTo(int port) {
        try (Socket socket = new Socket()) {
            socket.connect(new InetSocketAddress(InetAddress.getLoopbackAddress(), port), 10_000);
            InputStream _ = socket.getInputStream();
        } catch (IOException e) {
            throw new AssertionError(e);
        }
    }

    private static int freePort() throws IOException {
        try (ServerSocket socket = new ServerSocket(0)) {
            return socket.getLocalPort();
        }
    }

    @Test
    void portInUseIsNamedWithTheRemedy() throws IOException {
        try (ServerSocket taken = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
            PortForward forward = new PortForward(
                    PortForward.Protocol.TCP, InetAddress.getLoopbackAddress(), taken.getLocalPort(), 22);

            VmException refusal = assertThrows(
                    VmException.class,
                    () -> PasstBackend.start(options().withForwards(List.of(forward)), "test net"));

            assertTrue(message(refusal).startsWith("passt did not start: "), message(refusal));
            assertTrue(message(refusal).contains(String.valueOf(taken.getLocalPort())), message(refusal));
            assertTrue(refusal.remedy().startsWith("Forward ports that nobody"), refusal.remedy());
        }
    }

    @Test
    void frameThatIsTooLongForPasstIsRefusedAndItGoesOn() throws IOException {
        try (LiveBackend guest = start(options())) {
            byte[] tooLong = new byte[VirtioNetProtocol.HEADER_BYTES + 65536];
            assertEquals(SendOutcome.REFUSED, guest.trySend(0, tooLong));

            byte[] longest = new byte[VirtioNetProtocol.HEADER_BYTES + 65535];
            assertEquals(SendOutcome.TAKEN, guest.send(0, longest));
            byte[] shortest = new byte[VirtioNetProtocol.HEADER_BYTES + VirtioNetProtocol.ETHERNET_HEADER_BYTES];
            assertEquals(SendOutcome.TAKEN, guest.send(0, shortest));

            assertEquals(6, resolveGateway(guest).length);
        }
    }

    @Test
    void smallestMtuIsTaken() throws IOException {
        try (LiveBackend guest = start(options().withMtu(1280))) {
            assertTrue(guest.backend.linkUp());
        }
    }

    @Test
    void missingPasstIsSaidWithTheRemedy() throws IOException {
        PasstOptions options = options();

        VmException refusal =
                assertThrows(VmException.class, () -> PasstProcess.start(options, "isthmus-no-passt"));

        assertEquals("User-mode networking needs passt, which is not installed.", refusal.getMessage());
        assertEquals("Install it (apt install passt), or give the machine a tap instead.", refusal.remedy());
    }

    @Test
    void missingUserIsNamed() throws IOException {
        PasstOptions options = options().withRunAs("isthmus-nobody");
        assumeTrue(System.getProperty("user.name").equals("root"), "others stay who they are");

        VmException refusal =
                assertThrows(VmException.class, () -> PasstBackend.start(options, "test net"));

        assertEquals("passt is to run as isthmus-nobody, but there is no such user.", refusal.getMessage());
    }

    @Test
    void optionsAreWordsOfTheCommand() throws IOException {
        InetAddress address = InetAddress.getByAddress(new byte[] {127, 0, 0, 1});
        PasstOptions options = options()
                .withForwards(List.of(
                        new PortForward(PortForward.Protocol.TCP, address, 2222, 22),
                        new PortForward(PortForward.Protocol.TCP, null, 8080, 80)))
                .withNameServers(List.of(InetAddress.getByAddress(new byte[] {9, 9, 9, 9})))
                .withMtu(1500);

        String[] command = PasstCommand.of("passt", options, Path.of("/run/s"), new PasstUser("nobody"));

        assertEquals(
                "passt --foreground --quiet --one-off --socket /run/s --runas nobody --no-map-gw --mtu 1500"
                        + " --address 192.0.2.77 --gateway 192.0.2.1 --dns 9.9.9.9"
                        + " --tcp-ports 127.0.0.1/2222:22 --tcp-ports 8080:80 --udp-ports none",
                String.join(" ", command));
    }

    @Test
    void numbersOutOfRangeAreRefused() {
        assertThrows(IllegalArgumentException.class, () -> PasstOptions.DEFAULT.withMtu(1279));
        assertThrows(IllegalArgumentException.class, () -> PasstOptions.DEFAULT.withMtu(65521));
        assertThrows(
                IllegalArgumentException.class, () -> new PortForward(PortForward.Protocol.TCP, null, 0, 22));
        assertThrows(
                IllegalArgumentException.class, () -> new PortForward(PortForward.Protocol.UDP, null, 22, 65536));
    }
}

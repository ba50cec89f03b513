// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.machine.net;

import java.io.ByteArrayOutputStream;

import org.jspecify.annotations.Nullable;

import dev.isthmus.virtio.net.SendOutcome;
import dev.isthmus.virtio.net.VirtioNetProtocol;

import static org.junit.jupiter.api.Assertions.assertEquals;

/** A TCP connection of a guest that has no TCP: just enough to send one large segment and receive what comes in order. */
final class TcpGuest {
    private final LiveBackend guest;
    private final byte[] hostMac;
    private final int port;
    private final int hostPort;
    private int sequence;
    private int expected;
    private int largestSegmentBytes;

    private TcpGuest(LiveBackend guest, byte[] hostMac, int port, int hostPort, int sequence) {
        this.guest = guest;
        this.hostMac = hostMac;
        this.port = port;
        this.hostPort = hostPort;
        this.sequence = sequence;
    }

    /** Connects to a server that may not listen yet. */
    static TcpGuest connect(LiveBackend guest, byte[] hostMac, int port, int hostPort) {
        for (int i = 0; i < 300; i++) {
            TcpGuest connection = new TcpGuest(guest, hostMac, port, hostPort, 1000 * i);
            connection.transmit(Frames.SYN, new byte[0]);
            LiveBackend.@Nullable Received answer =
                    guest.tryAwait(r -> Frames.isTcp(r.packet(), hostPort), 200);
            if (answer != null && Frames.tcpFlags(answer.packet()) == (Frames.SYN | Frames.ACK)) {
                connection.sequence++;
                connection.expected = Frames.tcpSequence(answer.packet()) + 1;
                connection.transmit(Frames.ACK, new byte[0]);
                return connection;
            }
        }
        throw new AssertionError("nobody listens");
    }

    private void transmit(int flags, byte[] data) {
        byte[] segment = Frames.tcp(hostMac, port, hostPort, sequence, expected, flags, data);
        assertEquals(SendOutcome.TAKEN, guest.send(0, segment));
    }

    /** Sends data in one packet, which the host cuts into segments. */
    void sendLarge(byte[] data, int segmentBytes) {
        byte[] packet = Frames.tcp(hostMac, port, hostPort, sequence, expected, Frames.ACK | Frames.PSH, data);
        byte[] large = Frames.toBeSegmented(
                packet, VirtioNetProtocol.VIRTIO_NET_HDR_GSO_TCPV4, Frames.TCP_BYTES, segmentBytes);
        assertEquals(SendOutcome.TAKEN, guest.send(0, large));
        sequence += data.length;
    }

    /** Receives so much, acknowledging each segment. */
    byte[] receive(int lengthBytes) {
        ByteArrayOutputStream all = new ByteArrayOutputStream();
        while (all.size() < lengthBytes) {
            byte[] segment = guest.await(r -> Frames.isTcp(r.packet(), hostPort)).packet();
            byte[] data = Frames.tcpData(segment);
            if (data.length > 0 && Frames.tcpSequence(segment) == expected) {
                largestSegmentBytes = Math.max(largestSegmentBytes, data.length);
                all.writeBytes(data);
                expected += data.length;
            }
            transmit(Frames.ACK, new byte[0]);
        }
        return all.toByteArray();
    }

    int largestSegmentBytes() {
        return largestSegmentBytes;
    }
}

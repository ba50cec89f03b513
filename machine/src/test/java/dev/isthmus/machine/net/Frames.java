// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.machine.net;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Arrays;

import dev.isthmus.virtio.net.VirtioNetProtocol;

/** Packets of a guest without a driver: header, Ethernet, IPv4, and UDP or TCP. */
final class Frames {
    static final String HOST_ADDRESS = "10.98.0.1";
    static final String GUEST_ADDRESS = "10.98.0.2";
    static final byte[] GUEST_MAC = {0x52, 0x54, 0, 0x12, 0x34, 0x56};

    /** Where in a packet. */
    static final int ETHERNET = VirtioNetProtocol.HEADER_BYTES;

    static final int IP = ETHERNET + 14;
    static final int TRANSPORT = IP + 20;
    static final int UDP_BYTES = 8;
    static final int TCP_BYTES = 20;

    static final int SYN = 2;
    static final int PSH = 8;
    static final int ACK = 16;

    private static final int PROTOCOL_TCP = 6;
    private static final int PROTOCOL_UDP = 17;
    private static final int HOST_IP = 0x0a62_0001;
    private static final int GUEST_IP = 0x0a62_0002;

    private Frames() {}

    /** Lays out everything up to IPv4, with a partial checksum of what follows where the header is to say so. */
    private static byte[] ip(byte[] hostMac, int protocol, int transportBytes, int checksumOffset) {
        ByteBuffer packet = ByteBuffer.wrap(new byte[TRANSPORT + transportBytes]);
        packet.position(ETHERNET);
        packet.put(hostMac).put(GUEST_MAC).putShort((short) 0x0800);
        packet.put((byte) 0x45).put((byte) 0).putShort((short) (20 + transportBytes));
        packet.putShort((short) 1).putShort((short) 0x4000).put((byte) 64).put((byte) protocol).putShort((short) 0);
        packet.putInt(GUEST_IP).putInt(HOST_IP);
        packet.putShort(IP + 10, (short) ~sum(packet, IP, 20, 0));
        setHeader(packet, VirtioNetProtocol.VIRTIO_NET_HDR_F_NEEDS_CSUM, 0, 0, 0, 34, checksumOffset);
        // The pseudo header alone: the rest is for whoever completes it.
        int pseudo = sum(packet, IP + 12, 8, protocol + transportBytes);
        packet.putShort(TRANSPORT + checksumOffset, (short) pseudo);
        return packet.array();
    }

    private static void setHeader(
            ByteBuffer packet, int flags, int gsoType, int hdrLen, int gsoSize, int csumStart, int csumOffset) {
        packet.order(ByteOrder.LITTLE_ENDIAN);
        packet.put(0, (byte) flags).put(1, (byte) gsoType);
        packet.putShort(2, (short) hdrLen).putShort(4, (short) gsoSize);
        packet.putShort(6, (short) csumStart).putShort(8, (short) csumOffset);
        packet.order(ByteOrder.BIG_ENDIAN);
    }

    /** Returns a datagram to the host whose checksum is left to it. */
    static byte[] udp(byte[] hostMac, int sourcePort, int port, byte[] data) {
        ByteBuffer packet = ByteBuffer.wrap(ip(hostMac, PROTOCOL_UDP, UDP_BYTES + data.length, 6));
        packet.position(TRANSPORT);
        packet.putShort((short) sourcePort).putShort((short) port).putShort((short) (UDP_BYTES + data.length));
        packet.put(TRANSPORT + UDP_BYTES, data);
        return packet.array();
    }

    /** Returns a TCP segment to the host whose checksum is left to it. */
    static byte[] tcp(byte[] hostMac, int sourcePort, int port, int sequence, int acknowledged, int flags, byte[] data) {
        ByteBuffer packet = ByteBuffer.wrap(ip(hostMac, PROTOCOL_TCP, TCP_BYTES + data.length, 16));
        packet.position(TRANSPORT);
        packet.putShort((short) sourcePort).putShort((short) port).putInt(sequence).putInt(acknowledged);
        packet.put((byte) (TCP_BYTES << 2)).put((byte) flags).putShort((short) 0xffff);
        packet.put(TRANSPORT + TCP_BYTES, data);
        return packet.array();
    }

    /** Has a TCP segment or datagram cut up by the host. */
    static byte[] toBeSegmented(byte[] packet, int gsoType, int transportHeaderBytes, int gsoSize) {
        ByteBuffer changed = ByteBuffer.wrap(packet.clone());
        int checksumOffset = gsoType == VirtioNetProtocol.VIRTIO_NET_HDR_GSO_UDP_L4 ? 6 : 16;
        int flags = VirtioNetProtocol.VIRTIO_NET_HDR_F_NEEDS_CSUM;
        setHeader(changed, flags, gsoType, 34 + transportHeaderBytes, gsoSize, 34, checksumOffset);
        return changed.array();
    }

    private static int sum(ByteBuffer packet, int offset, int lengthBytes, int start) {
        int sum = start;
        for (int i = 0; i < lengthBytes; i += 2) {
            sum += Short.toUnsignedInt(packet.getShort(offset + i));
        }
        while (sum >>> 16 != 0) {
            sum = (sum & 0xffff) + (sum >>> 16);
        }
        return sum;
    }

    static boolean isIp(byte[] packet, int protocol, int hostPort) {
        ByteBuffer view = ByteBuffer.wrap(packet);
        return packet.length >= TRANSPORT + UDP_BYTES
                && view.getShort(ETHERNET + 12) == 0x0800
                && packet[IP + 9] == protocol
                && Short.toUnsignedInt(view.getShort(TRANSPORT)) == hostPort;
    }

    static boolean isUdp(byte[] packet, int hostPort) {
        return isIp(packet, PROTOCOL_UDP, hostPort);
    }

    static boolean isTcp(byte[] packet, int hostPort) {
        return isIp(packet, PROTOCOL_TCP, hostPort);
    }

    static byte[] udpData(byte[] packet) {
        return Arrays.copyOfRange(packet, TRANSPORT + UDP_BYTES, packet.length);
    }

    static int tcpFlags(byte[] packet) {
        return packet[TRANSPORT + 13];
    }

    static int tcpSequence(byte[] packet) {
        return ByteBuffer.wrap(packet).getInt(TRANSPORT + 4);
    }

    static int tcpAcknowledged(byte[] packet) {
        return ByteBuffer.wrap(packet).getInt(TRANSPORT + 8);
    }

    /** Returns the data of a segment, without what Ethernet padded. */
    static byte[] tcpData(byte[] packet) {
        int ipBytes = Short.toUnsignedInt(ByteBuffer.wrap(packet).getShort(IP + 2));
        int start = TRANSPORT + ((packet[TRANSPORT + 12] & 0xf0) >>> 2);
        return Arrays.copyOfRange(packet, start, IP + ipBytes);
    }

    /** Tells whether the checksum of the segment or datagram is complete and right. */
    static boolean checksumIsRight(byte[] packet) {
        ByteBuffer view = ByteBuffer.wrap(Arrays.copyOf(packet, packet.length + 1));
        int transportBytes = Short.toUnsignedInt(view.getShort(IP + 2)) - 20;
        int even = transportBytes + (transportBytes & 1);
        if (TRANSPORT + transportBytes < view.capacity()) {
            view.put(TRANSPORT + transportBytes, (byte) 0);
        }
        return sum(view, TRANSPORT, even, sum(view, IP + 12, 8, packet[IP + 9] + transportBytes)) == 0xffff;
    }
}

// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.virtio.net;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

/** What the header of every packet that reaches a backend promises, whatever the driver wrote. */
final class HeaderPromises {
    private HeaderPromises() {}

    private static int u16(byte[] packet, int offset) {
        return Byte.toUnsignedInt(packet[offset]) | Byte.toUnsignedInt(packet[offset + 1]) << 8;
    }

    /** Expects a packet to keep them under the features that were negotiated. */
    static void assertKept(byte[] packet, long features) {
        int frameBytes = packet.length - VirtioNetProtocol.HEADER_BYTES;
        int flags = packet[PacketHead.FLAGS];
        int gsoType = Byte.toUnsignedInt(packet[PacketHead.GSO_TYPE]);
        assertTrue(frameBytes >= 14 && frameBytes <= VirtioNetProtocol.FRAME_BYTES_MAX);
        assertEquals(0, u16(packet, PacketHead.NUM_BUFFERS));
        if (flags == 0) {
            for (int i = 0; i < VirtioNetProtocol.HEADER_BYTES; i++) {
                assertEquals(0, packet[i]);
            }
            return;
        }
        assertEquals(VirtioNetProtocol.VIRTIO_NET_HDR_F_NEEDS_CSUM, flags);
        assertTrue((features & VirtioNetProtocol.VIRTIO_NET_F_CSUM) != 0);
        int start = u16(packet, PacketHead.CSUM_START);
        int end = start + u16(packet, PacketHead.CSUM_OFFSET) + 2;
        assertTrue(start >= 14 && end <= frameBytes);
        if (gsoType == VirtioNetProtocol.VIRTIO_NET_HDR_GSO_NONE) {
            assertEquals(0, u16(packet, PacketHead.GSO_SIZE) | u16(packet, PacketHead.HDR_LEN));
            return;
        }
        long needed = switch (gsoType) {
            case 1 -> VirtioNetProtocol.VIRTIO_NET_F_HOST_TSO4;
            case 4 -> VirtioNetProtocol.VIRTIO_NET_F_HOST_TSO6;
            case 5 -> VirtioNetProtocol.VIRTIO_NET_F_HOST_USO;
            case 0x81 -> VirtioNetProtocol.VIRTIO_NET_F_HOST_TSO4 | VirtioNetProtocol.VIRTIO_NET_F_HOST_ECN;
            case 0x84 -> VirtioNetProtocol.VIRTIO_NET_F_HOST_TSO6 | VirtioNetProtocol.VIRTIO_NET_F_HOST_ECN;
            default -> throw new AssertionError("type " + gsoType);
        };
        assertEquals(needed, features & needed);
        assertTrue(u16(packet, PacketHead.GSO_SIZE) > 0);
        assertTrue(u16(packet, PacketHead.HDR_LEN) >= end && u16(packet, PacketHead.HDR_LEN) <= frameBytes);
    }
}

// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.virtio.net;

import org.jspecify.annotations.Nullable;

/** Checks the headers of packets against what was negotiated (virtio 1.2, sections 5.1.6.2 and 5.1.6.4). */
final class HeaderCheck {
    /** Size of a checksum. */
    private static final int CHECKSUM_BYTES = 2;

    private HeaderCheck() {}

    /**
     * Checks the header of a packet that the guest sends, and leaves in it only what the backend may rely on: flags that
     * are known, fields that are in use.
     *
     * @param features those of {@link VirtioNetProtocol#HOST_OFFLOADS} that were negotiated
     * @return null, or what is wrong
     */
    static @Nullable String transmitted(PacketHead head, long features, long frameBytes) {
        // 5.1.6.2.2: flags that the device does not recognize are ignored.
        boolean needsCsum = (head.flags() & VirtioNetProtocol.VIRTIO_NET_HDR_F_NEEDS_CSUM) != 0;
        int gsoType = head.gsoType();
        if (!needsCsum) {
            if (gsoType != VirtioNetProtocol.VIRTIO_NET_HDR_GSO_NONE) {
                return "segmentation without a checksum to complete";
            }
            head.setHeader(0, VirtioNetProtocol.VIRTIO_NET_HDR_GSO_NONE, 0, 0, 0, 0);
            return null;
        }
        if ((features & VirtioNetProtocol.VIRTIO_NET_F_CSUM) == 0) {
            return "partial checksum that was not negotiated";
        }
        int checksumEnd = head.csumStart() + head.csumOffset() + CHECKSUM_BYTES;
        if (head.csumStart() < VirtioNetProtocol.ETHERNET_HEADER_BYTES || checksumEnd > frameBytes) {
            return "partial checksum outside the packet";
        }
        int gsoSize = 0;
        int hdrLen = 0;
        if (gsoType != VirtioNetProtocol.VIRTIO_NET_HDR_GSO_NONE) {
            long needed = feature(gsoType, true);
            if (needed == 0 || (features & needed) != needed) {
                return "segmentation that was not negotiated";
            }
            gsoSize = head.gsoSize();
            if (gsoSize == 0) {
                return "segments of no size";
            }
            // A hint that may be anything (5.1.6.2.2): it becomes one that is within the packet.
            hdrLen = (int) Math.min(Math.max(head.hdrLen(), checksumEnd), frameBytes);
        }
        head.setHeader(
                VirtioNetProtocol.VIRTIO_NET_HDR_F_NEEDS_CSUM,
                gsoType,
                hdrLen,
                gsoSize,
                head.csumStart(),
                head.csumOffset());
        return null;
    }

    /**
     * Returns the features that a segmentation needs, 0 where there is none such.
     *
     * @param host for what the device takes; otherwise for what the driver takes, for UDP either of two
     */
    static long feature(int gsoType, boolean host) {
        boolean ecn = (gsoType & VirtioNetProtocol.VIRTIO_NET_HDR_GSO_ECN) != 0;
        long ecnFeature = host ? VirtioNetProtocol.VIRTIO_NET_F_HOST_ECN : VirtioNetProtocol.VIRTIO_NET_F_GUEST_ECN;
        long more = ecn ? ecnFeature : 0;
        return switch (gsoType & ~VirtioNetProtocol.VIRTIO_NET_HDR_GSO_ECN) {
            case VirtioNetProtocol.VIRTIO_NET_HDR_GSO_TCPV4 ->
                more | (host ? VirtioNetProtocol.VIRTIO_NET_F_HOST_TSO4 : VirtioNetProtocol.VIRTIO_NET_F_GUEST_TSO4);
            case VirtioNetProtocol.VIRTIO_NET_HDR_GSO_TCPV6 ->
                more | (host ? VirtioNetProtocol.VIRTIO_NET_F_HOST_TSO6 : VirtioNetProtocol.VIRTIO_NET_F_GUEST_TSO6);
            case VirtioNetProtocol.VIRTIO_NET_HDR_GSO_UDP_L4 ->
                ecn
                        ? 0
                        : host
                                ? VirtioNetProtocol.VIRTIO_NET_F_HOST_USO
                                : VirtioNetProtocol.VIRTIO_NET_F_GUEST_USO4
                                        | VirtioNetProtocol.VIRTIO_NET_F_GUEST_USO6;
            default -> 0;
        };
    }

    /**
     * Tells whether a guest takes a packet with this segmentation: the last word on what backends give (5.1.6.4.1).
     *
     * @param offloads those of {@link VirtioNetProtocol#GUEST_OFFLOADS} that are on
     */
    static boolean receivable(PacketHead head, long offloads) {
        int gsoType = head.gsoType();
        if (gsoType == VirtioNetProtocol.VIRTIO_NET_HDR_GSO_NONE) {
            return true;
        }
        long needed = feature(gsoType, false);
        long present = offloads & needed;
        boolean all = gsoType == VirtioNetProtocol.VIRTIO_NET_HDR_GSO_UDP_L4 ? present != 0 : present == needed;
        return needed != 0
                && all
                && (head.flags() & VirtioNetProtocol.VIRTIO_NET_HDR_F_NEEDS_CSUM) != 0
                && head.gsoSize() != 0;
    }
}

// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.virtio.net;

/** Names and numbers of the network device (virtio 1.2, section 5.1; USO of guests by virtio 1.3). */
public final class VirtioNetProtocol {
    private VirtioNetProtocol() {}

    // Features (5.1.3), as masks.

    /** The device takes packets with partial checksums. */
    public static final long VIRTIO_NET_F_CSUM = 1L;
    /** The driver takes packets with partial checksums. */
    public static final long VIRTIO_NET_F_GUEST_CSUM = 1L << 1;
    /** Guest offloads can be switched by the control queue. */
    public static final long VIRTIO_NET_F_CTRL_GUEST_OFFLOADS = 1L << 2;
    /** The device tells the largest MTU. */
    public static final long VIRTIO_NET_F_MTU = 1L << 3;
    /** The device has a MAC address. */
    public static final long VIRTIO_NET_F_MAC = 1L << 5;
    /** The driver takes large TCP segments over IPv4. */
    public static final long VIRTIO_NET_F_GUEST_TSO4 = 1L << 7;
    /** The driver takes large TCP segments over IPv6. */
    public static final long VIRTIO_NET_F_GUEST_TSO6 = 1L << 8;
    /** The driver takes large TCP segments with ECN. */
    public static final long VIRTIO_NET_F_GUEST_ECN = 1L << 9;
    /** The device takes large TCP segments over IPv4. */
    public static final long VIRTIO_NET_F_HOST_TSO4 = 1L << 11;
    /** The device takes large TCP segments over IPv6. */
    public static final long VIRTIO_NET_F_HOST_TSO6 = 1L << 12;
    /** The device takes large TCP segments with ECN. */
    public static final long VIRTIO_NET_F_HOST_ECN = 1L << 13;
    /** The driver can merge receive buffers. */
    public static final long VIRTIO_NET_F_MRG_RXBUF = 1L << 15;
    /** The configuration has a status. */
    public static final long VIRTIO_NET_F_STATUS = 1L << 16;
    /** There is a control queue. */
    public static final long VIRTIO_NET_F_CTRL_VQ = 1L << 17;
    /** Promiscuous mode and MAC filters by the control queue. */
    public static final long VIRTIO_NET_F_CTRL_RX = 1L << 18;
    /** VLAN filters by the control queue. */
    public static final long VIRTIO_NET_F_CTRL_VLAN = 1L << 19;
    /** More receive modes by the control queue. */
    public static final long VIRTIO_NET_F_CTRL_RX_EXTRA = 1L << 20;
    /** The driver announces itself when asked to. */
    public static final long VIRTIO_NET_F_GUEST_ANNOUNCE = 1L << 21;
    /** Several queue pairs with automatic receive steering. */
    public static final long VIRTIO_NET_F_MQ = 1L << 22;
    /** The MAC address can be set by the control queue. */
    public static final long VIRTIO_NET_F_CTRL_MAC_ADDR = 1L << 23;
    /** The driver takes large UDP packets to be segmented, over IPv4. */
    public static final long VIRTIO_NET_F_GUEST_USO4 = 1L << 54;
    /** The driver takes large UDP packets to be segmented, over IPv6. */
    public static final long VIRTIO_NET_F_GUEST_USO6 = 1L << 55;
    /** The device takes large UDP packets to be segmented. */
    public static final long VIRTIO_NET_F_HOST_USO = 1L << 56;
    /** The device tells speed and duplex. */
    public static final long VIRTIO_NET_F_SPEED_DUPLEX = 1L << 63;

    /** What a backend may take of the driver's work: checksums and segments of what the guest sends. */
    public static final long HOST_OFFLOADS = VIRTIO_NET_F_CSUM
            | VIRTIO_NET_F_HOST_TSO4
            | VIRTIO_NET_F_HOST_TSO6
            | VIRTIO_NET_F_HOST_ECN
            | VIRTIO_NET_F_HOST_USO;

    /** What a backend may leave to the driver: checksums and segments of what the guest receives. */
    public static final long GUEST_OFFLOADS = VIRTIO_NET_F_GUEST_CSUM
            | VIRTIO_NET_F_GUEST_TSO4
            | VIRTIO_NET_F_GUEST_TSO6
            | VIRTIO_NET_F_GUEST_ECN
            | VIRTIO_NET_F_GUEST_USO4
            | VIRTIO_NET_F_GUEST_USO6;

    // Configuration space (5.1.4).

    /** The link is up. */
    public static final int VIRTIO_NET_S_LINK_UP = 1;
    /** The driver is asked to announce itself. */
    public static final int VIRTIO_NET_S_ANNOUNCE = 2;

    // The header before each packet (5.1.6).

    /** Size of {@code struct virtio_net_hdr} without a hash. */
    public static final int HEADER_BYTES = 12;

    /** {@code csum_start} and {@code csum_offset} say where a checksum is to be completed. */
    public static final int VIRTIO_NET_HDR_F_NEEDS_CSUM = 1;
    /** The checksum has been found right. */
    public static final int VIRTIO_NET_HDR_F_DATA_VALID = 2;

    /** No segmentation. */
    public static final int VIRTIO_NET_HDR_GSO_NONE = 0;
    /** TCP over IPv4 is to be segmented. */
    public static final int VIRTIO_NET_HDR_GSO_TCPV4 = 1;
    /** UDP is to be fragmented, which this device never offers. */
    public static final int VIRTIO_NET_HDR_GSO_UDP = 3;
    /** TCP over IPv6 is to be segmented. */
    public static final int VIRTIO_NET_HDR_GSO_TCPV6 = 4;
    /** UDP is to be segmented. */
    public static final int VIRTIO_NET_HDR_GSO_UDP_L4 = 5;
    /** The TCP segment has ECN set; added to the others. */
    public static final int VIRTIO_NET_HDR_GSO_ECN = 0x80;

    // Control queue (5.1.6.5).

    /** The command was carried out. */
    public static final int VIRTIO_NET_OK = 0;
    /** The command was refused. */
    public static final int VIRTIO_NET_ERR = 1;

    /** Class of receive modes. */
    public static final int VIRTIO_NET_CTRL_RX = 0;
    /** Receive everything. */
    public static final int VIRTIO_NET_CTRL_RX_PROMISC = 0;
    /** Receive all multicast packets. */
    public static final int VIRTIO_NET_CTRL_RX_ALLMULTI = 1;
    /** Receive all unicast packets. */
    public static final int VIRTIO_NET_CTRL_RX_ALLUNI = 2;
    /** Receive no multicast packets. */
    public static final int VIRTIO_NET_CTRL_RX_NOMULTI = 3;
    /** Receive no unicast packets. */
    public static final int VIRTIO_NET_CTRL_RX_NOUNI = 4;
    /** Receive no broadcast packets. */
    public static final int VIRTIO_NET_CTRL_RX_NOBCAST = 5;

    /** Class of MAC addresses. */
    public static final int VIRTIO_NET_CTRL_MAC = 1;
    /** Set the addresses to receive besides the device's own. */
    public static final int VIRTIO_NET_CTRL_MAC_TABLE_SET = 0;
    /** Set the device's own address. */
    public static final int VIRTIO_NET_CTRL_MAC_ADDR_SET = 1;

    /** Class of VLAN filters. */
    public static final int VIRTIO_NET_CTRL_VLAN = 2;
    /** Receive a VLAN. */
    public static final int VIRTIO_NET_CTRL_VLAN_ADD = 0;
    /** Receive a VLAN no more. */
    public static final int VIRTIO_NET_CTRL_VLAN_DEL = 1;

    /** Class of announcements. */
    public static final int VIRTIO_NET_CTRL_ANNOUNCE = 3;
    /** The driver knows that it is to announce itself. */
    public static final int VIRTIO_NET_CTRL_ANNOUNCE_ACK = 0;

    /** Class of several queues. */
    public static final int VIRTIO_NET_CTRL_MQ = 4;
    /** Set how many queue pairs are in use. */
    public static final int VIRTIO_NET_CTRL_MQ_VQ_PAIRS_SET = 0;

    /** Class of guest offloads. */
    public static final int VIRTIO_NET_CTRL_GUEST_OFFLOADS = 5;
    /** Set which guest offloads are on. */
    public static final int VIRTIO_NET_CTRL_GUEST_OFFLOADS_SET = 0;

    // Ethernet (IEEE 802.3, 802.1Q).

    /** Destination, source, type. */
    public static final int ETHERNET_HEADER_BYTES = 14;
    /** A VLAN tag between source and type. */
    public static final int VLAN_TAG_BYTES = 4;
    /** Type of a frame with a VLAN tag. */
    public static final int ETHERTYPE_VLAN = 0x8100;
    /** The largest frame: 65550 bytes by 5.1.6.3, and a VLAN tag. */
    public static final int FRAME_BYTES_MAX = 65550 + VLAN_TAG_BYTES;
    /** The largest frame with the header before it. */
    public static final int PACKET_BYTES_MAX = HEADER_BYTES + FRAME_BYTES_MAX;
}

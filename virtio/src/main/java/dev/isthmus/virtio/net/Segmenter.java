// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.virtio.net;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

import dev.isthmus.memory.ScatterList;
import dev.isthmus.memory.ScatterView;

/**
 * Cuts a packet that was left to be segmented into frames with complete checksums (virtio 1.2, section 5.1.6.2), for
 * guests that do not take large ones: TCP over IPv4 and IPv6 as RFC 9293 has it, and UDP, each segment a datagram.
 *
 * <p>Headers are those of the packet, but for lengths, the identification of IPv4, the sequence number, checksums, and the
 * flags CWR of all but the first, FIN and PSH of all but the last. IPv6 packets with extension headers and fragments are
 * refused.
 *
 * <p>Owned by one thread; allocates nothing.
 */
final class Segmenter {
    /** Most segments of a packet: none of a decent size has more, and a guest cannot have us make tens of thousands. */
    static final int SEGMENTS_MAX = 1024;

    /** Ethernet with a tag, IPv4 and TCP with all their options. */
    private static final int HEADERS_MAX = 18 + 60 + 60;

    private static final int ETHERTYPE_IPV4 = 0x0800;
    private static final int ETHERTYPE_IPV6 = 0x86dd;
    private static final int PROTOCOL_TCP = 6;
    private static final int PROTOCOL_UDP = 17;

    private static final int IPV4_HEADER_BYTES = 20;
    private static final int IPV4_TOTAL_LENGTH = 2;
    private static final int IPV4_IDENTIFICATION = 4;
    private static final int IPV4_FRAGMENT = 6;
    private static final int IPV4_PROTOCOL = 9;
    private static final int IPV4_CHECKSUM = 10;
    private static final int IPV4_SOURCE = 12;
    private static final int IPV4_MORE_OR_OFFSET = 0x3fff;

    private static final int IPV6_HEADER_BYTES = 40;
    private static final int IPV6_PAYLOAD_LENGTH = 4;
    private static final int IPV6_NEXT_HEADER = 6;
    private static final int IPV6_SOURCE = 8;

    private static final int TCP_HEADER_BYTES = 20;
    private static final int TCP_SEQUENCE = 4;
    private static final int TCP_DATA_OFFSET = 12;
    private static final int TCP_FLAGS = 13;
    private static final int TCP_CHECKSUM = 16;
    private static final int TCP_FIN_PSH = 0x09;
    private static final int TCP_CWR = 0x80;

    private static final int UDP_HEADER_BYTES = 8;
    private static final int UDP_LENGTH = 4;
    private static final int UDP_CHECKSUM = 6;

    /** Of the packet, before anything is changed. */
    private final byte[] original = new byte[HEADERS_MAX];

    /** Of a segment: the header of zeroes that goes before a frame, and the frame's own headers. */
    private final byte[] headers = new byte[VirtioNetProtocol.HEADER_BYTES + HEADERS_MAX];

    private final MemorySegment headersSegment = MemorySegment.ofArray(headers);
    private final ScatterList segment = new ScatterList();
    private ScatterView packet = new ScatterList();
    private int network;
    private int transport;
    private int headerBytes;
    private boolean ipv4;
    private boolean tcp;
    private int segmentBytes;
    private int payloadBytes;

    /**
     * Begins with a packet.
     *
     * @param newPacket header and frame, until the last {@link #segment}
     * @param head its start
     * @return how many segments it has, 0 where it is refused
     */
    int begin(ScatterView newPacket, PacketHead head) {
        packet = newPacket;
        segmentBytes = head.gsoSize();
        int frameBytes = (int) (newPacket.totalBytes() - VirtioNetProtocol.HEADER_BYTES);
        int known = Math.min(frameBytes, HEADERS_MAX);
        copyStart(known);
        network = VirtioNetProtocol.ETHERNET_HEADER_BYTES + (head.tagged() ? VirtioNetProtocol.VLAN_TAG_BYTES : 0);
        tcp = (head.gsoType() & ~VirtioNetProtocol.VIRTIO_NET_HDR_GSO_ECN)
                != VirtioNetProtocol.VIRTIO_NET_HDR_GSO_UDP_L4;
        if (segmentBytes == 0 || !parse(known) || transport != head.csumStart()) {
            return 0;
        }
        payloadBytes = frameBytes - headerBytes;
        int count = (payloadBytes + segmentBytes - 1) / segmentBytes;
        return count > SEGMENTS_MAX ? 0 : count;
    }

    private void copyStart(int lengthBytes) {
        long skip = VirtioNetProtocol.HEADER_BYTES;
        int done = 0;
        for (int i = 0; done < lengthBytes; i++) {
            long from = Math.min(skip, packet.lengthBytes(i));
            skip -= from;
            int count = (int) Math.min(packet.lengthBytes(i) - from, lengthBytes - done);
            MemorySegment.copy(
                    packet.segment(i), ValueLayout.JAVA_BYTE, packet.offset(i) + from, original, done, count);
            done += count;
        }
    }

    private int u8(int offset) {
        return Byte.toUnsignedInt(original[offset]);
    }

    private int u16(int offset) {
        return u8(offset) << 8 | u8(offset + 1);
    }

    /** Finds where headers begin and end; tells whether they are sound, and within the bytes that are known. */
    private boolean parse(int known) {
        if (known < network + IPV4_HEADER_BYTES) {
            return false;
        }
        int protocol = tcp ? PROTOCOL_TCP : PROTOCOL_UDP;
        int etherType = u16(network - 2);
        ipv4 = etherType == ETHERTYPE_IPV4;
        if (ipv4) {
            int words = u8(network) & 0xf;
            if (words * 4 < IPV4_HEADER_BYTES
                    || u8(network + IPV4_PROTOCOL) != protocol
                    || (u16(network + IPV4_FRAGMENT) & IPV4_MORE_OR_OFFSET) != 0) {
                return false;
            }
            transport = network + words * 4;
        } else {
            if (etherType != ETHERTYPE_IPV6
                    || known < network + IPV6_HEADER_BYTES
                    || u8(network + IPV6_NEXT_HEADER) != protocol) {
                return false;
            }
            transport = network + IPV6_HEADER_BYTES;
        }
        if (known < transport + (tcp ? TCP_HEADER_BYTES : UDP_HEADER_BYTES)) {
            return false;
        }
        int transportBytes = tcp ? (u8(transport + TCP_DATA_OFFSET) >>> 4) * 4 : UDP_HEADER_BYTES;
        headerBytes = transport + transportBytes;
        return transportBytes >= (tcp ? TCP_HEADER_BYTES : UDP_HEADER_BYTES) && headerBytes <= known;
    }

    /**
     * Makes a segment.
     *
     * @param index which, below what {@link #begin} returned
     * @return header and frame, until the next call
     */
    ScatterView segment(int index) {
        int start = index * segmentBytes;
        int count = Math.min(segmentBytes, payloadBytes - start);
        boolean last = start + count == payloadBytes;
        System.arraycopy(original, 0, headers, VirtioNetProtocol.HEADER_BYTES, headerBytes);
        int transportBytes = headerBytes - transport + count;
        if (ipv4) {
            put16(network + IPV4_TOTAL_LENGTH, transport - network + transportBytes);
            put16(network + IPV4_IDENTIFICATION, u16(network + IPV4_IDENTIFICATION) + index);
            put16(network + IPV4_CHECKSUM, 0);
            put16(network + IPV4_CHECKSUM, ~sum(network, transport - network));
        } else {
            put16(network + IPV6_PAYLOAD_LENGTH, transportBytes);
        }
        int checksum;
        if (tcp) {
            long sequence = ((long) u16(transport + TCP_SEQUENCE) << 16 | u16(transport + TCP_SEQUENCE + 2)) + start;
            put16(transport + TCP_SEQUENCE, (int) (sequence >>> 16));
            put16(transport + TCP_SEQUENCE + 2, (int) sequence);
            int cleared = (index == 0 ? 0 : TCP_CWR) | (last ? 0 : TCP_FIN_PSH);
            headers[VirtioNetProtocol.HEADER_BYTES + transport + TCP_FLAGS] &= (byte) ~cleared;
            checksum = TCP_CHECKSUM;
        } else {
            put16(transport + UDP_LENGTH, transportBytes);
            checksum = UDP_CHECKSUM;
        }
        put16(transport + checksum, pseudoHeaderSum(transportBytes));
        segment.clear();
        segment.add(headersSegment, 0, (long) VirtioNetProtocol.HEADER_BYTES + headerBytes);
        segment.addSlice(packet, (long) VirtioNetProtocol.HEADER_BYTES + headerBytes + start, count);
        PartialChecksum.complete(segment, segment.totalBytes(), transport, checksum);
        return segment;
    }

    private void put16(int offset, int value) {
        headers[VirtioNetProtocol.HEADER_BYTES + offset] = (byte) (value >>> 8);
        headers[VirtioNetProtocol.HEADER_BYTES + offset + 1] = (byte) value;
    }

    private int sum(int offset, int lengthBytes) {
        return PartialChecksum.sum(headersSegment, (long) VirtioNetProtocol.HEADER_BYTES + offset, lengthBytes);
    }

    /** Both addresses, the protocol, and the length (RFC 9293, section 3.1; RFC 8200, section 8.1). */
    private int pseudoHeaderSum(int transportBytes) {
        int addresses = ipv4 ? sum(network + IPV4_SOURCE, 8) : sum(network + IPV6_SOURCE, 32);
        return PartialChecksum.fold((long) addresses + transportBytes + (tcp ? PROTOCOL_TCP : PROTOCOL_UDP));
    }
}

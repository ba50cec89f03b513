// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.virtio.net;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

import dev.isthmus.memory.ScatterView;

/**
 * A copy of the first bytes of a packet, read once: its header, and the part of its frame that switches and filters go by.
 *
 * <pre>
 *  +0   u8    flags          +12  u8[6] destination
 *  +1   u8    gso_type       +18  u8[6] source
 *  +2   le16  hdr_len        +24  be16  type
 *  +4   le16  gso_size       +26  be16  VLAN tag, where the type says so
 *  +6   le16  csum_start
 *  +8   le16  csum_offset
 *  +10  le16  num_buffers
 * </pre>
 *
 * <p>Owned by one thread; allocates nothing.
 */
final class PacketHead {
    static final int FLAGS = 0;
    static final int GSO_TYPE = 1;
    static final int HDR_LEN = 2;
    static final int GSO_SIZE = 4;
    static final int CSUM_START = 6;
    static final int CSUM_OFFSET = 8;
    static final int NUM_BUFFERS = 10;

    private static final int DESTINATION = VirtioNetProtocol.HEADER_BYTES;
    private static final int SOURCE = DESTINATION + MacAddress.BYTES;
    private static final int TYPE = SOURCE + MacAddress.BYTES;
    private static final int VLAN_TAG = TYPE + 2;
    private static final int VLAN_ID_MASK = 0xfff;

    /** The least that a packet has. */
    static final int BYTES_MIN = VirtioNetProtocol.HEADER_BYTES + VirtioNetProtocol.ETHERNET_HEADER_BYTES;

    private static final int BYTES = BYTES_MIN + VirtioNetProtocol.VLAN_TAG_BYTES;

    private final byte[] bytes = new byte[BYTES];
    private int lengthBytes;

    /** Reads a packet of {@link #BYTES_MIN} bytes or more. */
    void read(ScatterView packet, long packetBytes) {
        lengthBytes = (int) Math.min(packetBytes, BYTES);
        int done = 0;
        for (int i = 0; done < lengthBytes; i++) {
            int count = (int) Math.min(packet.lengthBytes(i), lengthBytes - done);
            MemorySegment.copy(
                    packet.segment(i), ValueLayout.JAVA_BYTE, packet.offset(i), bytes, done, count);
            done += count;
        }
    }

    int flags() {
        return Byte.toUnsignedInt(bytes[FLAGS]);
    }

    int gsoType() {
        return Byte.toUnsignedInt(bytes[GSO_TYPE]);
    }

    int hdrLen() {
        return u16(HDR_LEN);
    }

    int gsoSize() {
        return u16(GSO_SIZE);
    }

    int csumStart() {
        return u16(CSUM_START);
    }

    int csumOffset() {
        return u16(CSUM_OFFSET);
    }

    private int u16(int offset) {
        return Byte.toUnsignedInt(bytes[offset]) | Byte.toUnsignedInt(bytes[offset + 1]) << 8;
    }

    private int networkU16(int offset) {
        return Byte.toUnsignedInt(bytes[offset]) << 8 | Byte.toUnsignedInt(bytes[offset + 1]);
    }

    long destination() {
        return MacAddress.read(bytes, DESTINATION);
    }

    long source() {
        return MacAddress.read(bytes, SOURCE);
    }

    /** Tells whether the frame has a VLAN tag. */
    boolean tagged() {
        return lengthBytes == BYTES && networkU16(TYPE) == VirtioNetProtocol.ETHERTYPE_VLAN;
    }

    /** Returns the VLAN of a frame with a tag; 0 for priority without a VLAN. */
    int vlanId() {
        return networkU16(VLAN_TAG) & VLAN_ID_MASK;
    }

    /** Replaces the header in this copy. */
    void setHeader(int flags, int gsoType, int hdrLen, int gsoSize, int csumStart, int csumOffset) {
        bytes[FLAGS] = (byte) flags;
        bytes[GSO_TYPE] = (byte) gsoType;
        setU16(HDR_LEN, hdrLen);
        setU16(GSO_SIZE, gsoSize);
        setU16(CSUM_START, csumStart);
        setU16(CSUM_OFFSET, csumOffset);
        setU16(NUM_BUFFERS, 0);
    }

    private void setU16(int offset, int value) {
        bytes[offset] = (byte) value;
        bytes[offset + 1] = (byte) (value >>> 8);
    }

    /** Copies the header out. */
    void writeHeader(MemorySegment target) {
        MemorySegment.copy(bytes, 0, target, ValueLayout.JAVA_BYTE, 0, VirtioNetProtocol.HEADER_BYTES);
    }
}

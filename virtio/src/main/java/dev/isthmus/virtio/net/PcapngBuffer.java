// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.virtio.net;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;

import dev.isthmus.memory.ScatterView;

/**
 * Blocks of a pcapng file that wait to be written (draft-ietf-opsawg-pcapng), with one interface and times in nanoseconds.
 *
 * <pre>
 *  Section Header   type, length, byte-order magic, version 1.0, section length unknown, length
 *  Interface        type, length, Ethernet, no limit of size, if_name, if_tsresol, length
 *  Enhanced Packet  type, length, interface 0, time (high, low), captured, original, frame, epb_flags, length
 * </pre>
 *
 * <p>Loop thread only; allocates nothing after it was made.
 */
final class PcapngBuffer {
    private static final int SECTION_HEADER_BLOCK = 0x0a0d_0d0a;
    private static final int BYTE_ORDER_MAGIC = 0x1a2b_3c4d;
    private static final int INTERFACE_DESCRIPTION_BLOCK = 1;
    private static final int ENHANCED_PACKET_BLOCK = 6;
    private static final int LINKTYPE_ETHERNET = 1;

    private static final int OPT_ENDOFOPT = 0;
    private static final int IF_NAME = 2;
    private static final int IF_TSRESOL = 9;
    private static final int EPB_FLAGS = 2;

    /** Times are in units of 10^-9 seconds. */
    private static final int NANOSECONDS = 9;

    /** All of an Enhanced Packet Block but the frame and its padding. */
    private static final int PACKET_OVERHEAD_BYTES = 28 + 12 + 4;

    private static final int LARGEST_BLOCK_BYTES = PACKET_OVERHEAD_BYTES + VirtioNetProtocol.FRAME_BYTES_MAX + 3;

    private static final ValueLayout.OfInt U32 =
            ValueLayout.JAVA_INT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);

    private static final int NAME_BYTES_MAX = 256;

    /** Which way a frame goes, by the guest's view: the lowest bits of {@code epb_flags}. */
    enum Direction {
        INBOUND(1),
        OUTBOUND(2);

        private final int flags;

        Direction(int flags) {
            this.flags = flags;
        }
    }

    private final MemorySegment bytes = Arena.ofAuto().allocate(2 * LARGEST_BLOCK_BYTES, Long.BYTES);
    private long position;

    /** Begins with what a file begins with. */
    PcapngBuffer(String interfaceName) {
        put(SECTION_HEADER_BLOCK);
        put(28);
        put(BYTE_ORDER_MAGIC);
        put(1);
        put(-1);
        put(-1);
        put(28);

        byte[] name = interfaceName.getBytes(StandardCharsets.UTF_8);
        int nameBytes = Math.min(name.length, NAME_BYTES_MAX);
        int length = 16 + 4 + padded(nameBytes) + 8 + 4 + 4;
        put(INTERFACE_DESCRIPTION_BLOCK);
        put(length);
        put(LINKTYPE_ETHERNET);
        put(0);
        putOption(IF_NAME, nameBytes);
        MemorySegment.copy(name, 0, bytes, ValueLayout.JAVA_BYTE, position, nameBytes);
        pad(position + nameBytes);
        putOption(IF_TSRESOL, 1);
        put(NANOSECONDS);
        putOption(OPT_ENDOFOPT, 0);
        put(length);
    }

    private void put(int value) {
        bytes.set(U32, position, value);
        position += Integer.BYTES;
    }

    private void putOption(int code, int lengthBytes) {
        put(code | lengthBytes << 16);
    }

    private static int padded(int lengthBytes) {
        return (lengthBytes + 3) & ~3;
    }

    /** Fills up to a multiple of 4 with zeroes. */
    private void pad(long end) {
        position = end;
        while ((position & 3) != 0) {
            bytes.set(ValueLayout.JAVA_BYTE, position++, (byte) 0);
        }
    }

    MemorySegment bytes() {
        return bytes;
    }

    long lengthBytes() {
        return position;
    }

    /** Starts again, once the bytes are written. */
    void clear() {
        position = 0;
    }

    /** Tells whether another packet fits for certain. */
    boolean hasRoom() {
        return bytes.byteSize() - position >= LARGEST_BLOCK_BYTES;
    }

    /**
     * Adds a packet, for which there is room. A checksum that was left to the other side is completed: programs that read
     * captures would take it for a wrong one. A packet to be segmented stays one large frame, as it does where Linux
     * captures it.
     *
     * @param packet header and frame; there may be more behind them
     * @param packetBytes how long they are
     */
    void add(ScatterView packet, int packetBytes, PacketHead head, Direction direction, long epochNanos) {
        int frameBytes = packetBytes - VirtioNetProtocol.HEADER_BYTES;
        int length = PACKET_OVERHEAD_BYTES + padded(frameBytes);
        put(ENHANCED_PACKET_BLOCK);
        put(length);
        put(0);
        put((int) (epochNanos >>> 32));
        put((int) epochNanos);
        put(frameBytes);
        put(frameBytes);
        long frame = position;
        copyFrame(packet, frameBytes);
        head.read(packet, packetBytes);
        if ((head.flags() & VirtioNetProtocol.VIRTIO_NET_HDR_F_NEEDS_CSUM) != 0) {
            PartialChecksum.complete(bytes, frame, frameBytes, head.csumStart(), head.csumOffset());
        }
        pad(frame + frameBytes);
        putOption(EPB_FLAGS, Integer.BYTES);
        put(direction.flags);
        putOption(OPT_ENDOFOPT, 0);
        put(length);
    }

    private void copyFrame(ScatterView packet, long frameBytes) {
        long skip = VirtioNetProtocol.HEADER_BYTES;
        long done = 0;
        for (int i = 0; done < frameBytes; i++) {
            long elementBytes = packet.lengthBytes(i);
            long from = Math.min(skip, elementBytes);
            skip -= from;
            long count = Math.min(elementBytes - from, frameBytes - done);
            MemorySegment.copy(packet.segment(i), packet.offset(i) + from, bytes, position + done, count);
            done += count;
        }
    }
}

// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.virtio.net;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;

import dev.isthmus.memory.ScatterView;

/**
 * Completes checksums that were left to the device (virtio 1.2, section 5.1.6.2; RFC 1071): in the place of the checksum
 * is the sum of the pseudo header. Any thread; allocates nothing.
 */
final class PartialChecksum {
    private static final ValueLayout.OfInt U32 = ValueLayout.JAVA_INT_UNALIGNED.withOrder(ByteOrder.BIG_ENDIAN);

    private PartialChecksum() {}

    /**
     * Completes the checksum of a packet, if there is room for one where its header says so.
     *
     * @param packet header and frame
     * @param packetBytes how long they are
     * @return whether it was completed
     */
    static boolean complete(ScatterView packet, long packetBytes, int csumStart, int csumOffset) {
        long start = (long) VirtioNetProtocol.HEADER_BYTES + csumStart;
        long place = start + csumOffset;
        if (place + 2 > packetBytes) {
            return false;
        }
        int checksum = checksum(sum(packet, start, packetBytes));
        packet.setByte(place, (byte) (checksum >>> 8));
        packet.setByte(place + 1, (byte) checksum);
        return true;
    }

    /**
     * Completes the checksum of a frame in one piece, if there is room for one where its header says so.
     *
     * @param offset where the frame begins
     */
    static boolean complete(MemorySegment segment, long offset, long frameBytes, int csumStart, int csumOffset) {
        if ((long) csumStart + csumOffset + 2 > frameBytes) {
            return false;
        }
        int checksum = checksum(sum(segment, offset + csumStart, frameBytes - csumStart));
        long place = offset + csumStart + csumOffset;
        segment.set(ValueLayout.JAVA_BYTE, place, (byte) (checksum >>> 8));
        segment.set(ValueLayout.JAVA_BYTE, place + 1, (byte) checksum);
        return true;
    }

    /** To UDP, 0 means no checksum (RFC 768); the complement is as right. */
    private static int checksum(int sum) {
        int checksum = ~sum & 0xffff;
        return checksum == 0 ? 0xffff : checksum;
    }

    /** Returns the ones' complement sum of the bytes in [start, end), the first one the high half of a word. */
    static int sum(ScatterView packet, long start, long end) {
        long sum = 0;
        long position = 0;
        boolean odd = false;
        for (int i = 0; position < end; i++) {
            long elementBytes = packet.lengthBytes(i);
            long skip = Math.max(start - position, 0);
            long count = Math.min(elementBytes, end - position) - skip;
            if (count > 0) {
                int part = sum(packet.segment(i), packet.offset(i) + skip, count);
                sum += odd ? swap(part) : part;
                odd ^= (count & 1) != 0;
            }
            position += elementBytes;
        }
        return fold(sum);
    }

    /** Returns the ones' complement sum of a piece of memory. */
    static int sum(MemorySegment segment, long offset, long lengthBytes) {
        long sum = 0;
        long done = 0;
        for (; done + Integer.BYTES <= lengthBytes; done += Integer.BYTES) {
            sum += Integer.toUnsignedLong(segment.get(U32, offset + done));
        }
        for (; done < lengthBytes; done++) {
            int value = Byte.toUnsignedInt(segment.get(ValueLayout.JAVA_BYTE, offset + done));
            sum += (done & 1) == 0 ? value << 8 : value;
        }
        return fold(sum);
    }

    private static int swap(int value) {
        return (value & 0xff) << 8 | value >>> 8;
    }

    /** Adds the carries of words of 16 bits. */
    static int fold(long sum) {
        long folded = sum;
        while (folded >>> 16 != 0) {
            folded = (folded & 0xffff) + (folded >>> 16);
        }
        return (int) folded;
    }
}

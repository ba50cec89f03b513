// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.virtio.net;

import java.io.ByteArrayOutputStream;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import java.util.Random;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

import dev.isthmus.memory.ScatterList;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

/** Large packets cut into frames: every header of every segment, by the RFCs. */
class SegmenterTest {
    private static final int HEADER = VirtioNetProtocol.HEADER_BYTES;

    private final Segmenter segmenter = new Segmenter();
    private final PacketHead head = new PacketHead();

    /** A large packet under construction, with what the checks go by. */
    private static final class Large {
        final boolean ipv4;
        final boolean tcp;
        final int network;
        final int transport;
        final int payload;
        byte[] packet;

        Large(boolean ipv4, boolean tcp, boolean tagged, int options, int payloadBytes, int gsoSize) {
            this.ipv4 = ipv4;
            this.tcp = tcp;
            network = HEADER + (tagged ? 18 : 14);
            transport = network + (ipv4 ? 20 + options : 40);
            payload = transport + (tcp ? 20 + options : 8);
            packet = NetTestRig.packet(NetTestRig.MAC, payload - HEADER + payloadBytes);
            if (tagged) {
                put16(HEADER + 12, 0x8100);
                put16(HEADER + 14, 7);
            }
            put16(network - 2, ipv4 ? 0x0800 : 0x86dd);
            int protocol = tcp ? 6 : 17;
            if (ipv4) {
                packet[network] = (byte) (0x40 | (20 + options) / 4);
                put16(network + 4, 0xfffe);
                put16(network + 6, 0x4000);
                packet[network + 9] = (byte) protocol;
            } else {
                packet[network] = 0x60;
                packet[network + 6] = (byte) protocol;
            }
            if (tcp) {
                put16(transport + 4, 0xffff);
                put16(transport + 6, 0xff00);
                packet[transport + 12] = (byte) (((20 + options) / 4) << 4);
                packet[transport + 13] = (byte) 0x99;
            }
            int type = tcp ? ipv4 ? 1 : 4 : 5;
            packet = NetTestRig.withHeader(
                    packet, 1, type, payload - HEADER, gsoSize, transport - HEADER, tcp ? 16 : 6);
        }

        void put16(int offset, int value) {
            packet[offset] = (byte) (value >>> 8);
            packet[offset + 1] = (byte) value;
        }
    }

    private static int u16(byte[] bytes, int offset) {
        return Byte.toUnsignedInt(bytes[offset]) << 8 | Byte.toUnsignedInt(bytes[offset + 1]);
    }

    /** The packet in pieces of random sizes behind its header. */
    private static ScatterList pieces(byte[] packet, Random random) {
        MemorySegment segment = MemorySegment.ofArray(packet);
        ScatterList list = new ScatterList();
        list.add(segment, 0, HEADER);
        int done = HEADER;
        while (done < packet.length) {
            int part = Math.min(packet.length - done, 1 + random.nextInt(500));
            list.add(segment, done, part);
            done += part;
        }
        return list;
    }

    private int begin(ScatterList packet) {
        head.read(packet, packet.totalBytes());
        return segmenter.begin(packet, head);
    }

    /** The ones' complement sum that a receiver makes, with the pseudo header; all ones where the checksum is right. */
    private static int verify(Large large, byte[] frame) {
        int transportBytes = frame.length - large.transport;
        int addresses = large.ipv4 ? large.network + 12 : large.network + 8;
        MemorySegment segment = MemorySegment.ofArray(frame);
        long sum = PartialChecksum.sum(segment, addresses, large.ipv4 ? 8 : 32);
        sum += transportBytes + (large.tcp ? 6 : 17);
        sum += PartialChecksum.sum(segment, large.transport, transportBytes);
        return PartialChecksum.fold(sum);
    }

    @ParameterizedTest
    @CsvSource({
        "true, true, false, 0, 5000, 1448",
        "true, true, true, 12, 60000, 1448",
        "true, true, false, 40, 2896, 1448",
        "false, true, false, 0, 5000, 1428",
        "false, true, true, 20, 3, 1",
        "true, false, false, 0, 5000, 1472",
        "true, false, true, 8, 999, 333",
        "false, false, false, 0, 65000, 1452",
        "true, true, false, 0, 100, 1448"
    })
    void segmentsTogetherAreThePacketAndEachIsSound(
            boolean ipv4, boolean tcp, boolean tagged, int options, int payloadBytes, int gsoSize) {
        Large large = new Large(ipv4, tcp, tagged, options, payloadBytes, gsoSize);
        ScatterList list = pieces(large.packet, new Random(payloadBytes));
        ByteArrayOutputStream payload = new ByteArrayOutputStream();

        int count = begin(list);

        assertEquals((payloadBytes + gsoSize - 1) / gsoSize, count);
        for (int i = 0; i < count; i++) {
            byte[] frame = FakeNetBackend.bytesOf(segmenter.segment(i));
            int bytes = Math.min(gsoSize, payloadBytes - i * gsoSize);
            assertEquals(large.payload + bytes, frame.length);
            assertArrayEquals(new byte[HEADER], Arrays.copyOf(frame, HEADER));
            assertArrayEquals(
                    Arrays.copyOfRange(large.packet, HEADER, large.network),
                    Arrays.copyOfRange(frame, HEADER, large.network));
            checkNetwork(large, frame, i);
            checkTransport(large, frame, i, i * gsoSize, i == count - 1);
            assertEquals(0xffff, verify(large, frame));
            payload.write(frame, large.payload, bytes);
        }
        assertArrayEquals(
                Arrays.copyOfRange(large.packet, large.payload, large.packet.length), payload.toByteArray());
    }

    private static void checkNetwork(Large large, byte[] frame, int index) {
        if (large.ipv4) {
            assertEquals(frame.length - large.network, u16(frame, large.network + 2));
            assertEquals((0xfffe + index) & 0xffff, u16(frame, large.network + 4));
            int headerBytes = large.transport - large.network;
            assertEquals(0xffff, PartialChecksum.sum(MemorySegment.ofArray(frame), large.network, headerBytes));
        } else {
            assertEquals(frame.length - large.transport, u16(frame, large.network + 4));
        }
    }

    private static void checkTransport(Large large, byte[] frame, int index, int start, boolean last) {
        if (large.tcp) {
            long sequence = (long) u16(frame, large.transport + 4) << 16 | u16(frame, large.transport + 6);
            assertEquals((0xffff_ff00L + start) & 0xffff_ffffL, sequence);
            int flags = 0x10 | (index == 0 ? 0x80 : 0) | (last ? 0x09 : 0);
            assertEquals(flags, Byte.toUnsignedInt(frame[large.transport + 13]));
        } else {
            assertEquals(frame.length - large.transport, u16(frame, large.transport + 4));
        }
    }

    @ParameterizedTest
    @CsvSource({
        // offset in the frame and value: no IP; a fragment; another protocol; headers of no length, and of too much
        "12, 0x12", "20, 0x20", "21, 1", "23, 17", "14, 0x44", "46, 0x40", "14, 0x4f"
    })
    void packetThatIsNotWhatItsHeaderSaysIsRefused(int offset, String value) {
        Large large = new Large(true, true, false, 0, 5000, 1448);
        large.packet[HEADER + offset] = (byte) (int) Integer.decode(value);

        assertEquals(0, begin(pieces(large.packet, new Random(1))));
    }

    @ParameterizedTest
    @ValueSource(ints = {14, 33, 34, 53})
    void packetThatEndsInItsHeadersIsRefused(int frameBytes) {
        Large large = new Large(true, true, false, 0, 5000, 1448);

        assertEquals(0, begin(pieces(Arrays.copyOf(large.packet, HEADER + frameBytes), new Random(1))));
    }

    @Test
    void packetOfTooManySegmentsIsRefused() {
        assertEquals(
                Segmenter.SEGMENTS_MAX,
                begin(pieces(new Large(true, true, false, 0, 1024, 1).packet, new Random(1))));
        assertEquals(0, begin(pieces(new Large(true, true, false, 0, 1025, 1).packet, new Random(1))));
        assertEquals(0, begin(pieces(new Large(true, true, false, 0, 1000, 0).packet, new Random(1))));
    }

    @ParameterizedTest
    @ValueSource(longs = {1, 2, 3})
    void packetsOfAnyContentsAreCutWithinTheirBounds(long seed) {
        Random random = new Random(seed);
        int cut = 0;
        for (int i = 0; i < 20_000; i++) {
            Large large = new Large(
                    random.nextBoolean(), random.nextBoolean(), random.nextBoolean(), 4 * random.nextInt(11),
                    random.nextInt(3000), 1 + random.nextInt(1500));
            for (int changes = random.nextInt(4); changes > 0; changes--) {
                large.packet[HEADER + random.nextInt(large.packet.length - HEADER)] = (byte) random.nextInt();
            }
            byte[] packet = Arrays.copyOf(
                    large.packet, random.nextInt(5) == 0 ? HEADER + 14 + random.nextInt(80) : large.packet.length);
            int count = begin(pieces(packet, random));
            long total = 0;
            for (int segment = 0; segment < count; segment++) {
                total += segmenter.segment(segment).totalBytes();
            }
            cut += count > 0 ? 1 : 0;
            assertTrue(total <= packet.length + (long) count * 200);
        }
        assertTrue(cut > 1000);
    }
}

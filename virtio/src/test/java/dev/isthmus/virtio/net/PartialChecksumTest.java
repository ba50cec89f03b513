// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.virtio.net;

import java.lang.foreign.MemorySegment;
import java.util.Random;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

import dev.isthmus.memory.ScatterList;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

/** The ones' complement sum (RFC 1071), wherever the packet is split. */
class PartialChecksumTest {
    /** The sum by the book: word by word, the carry added at each. */
    private static int expected(byte[] bytes, int start, int end) {
        int sum = 0;
        for (int i = start; i < end; i += 2) {
            int low = i + 1 < end ? Byte.toUnsignedInt(bytes[i + 1]) : 0;
            sum += Byte.toUnsignedInt(bytes[i]) << 8 | low;
            sum = (sum & 0xffff) + (sum >>> 16);
        }
        return sum;
    }

    @Test
    void sumOfTheExampleInTheRfcIsRight() {
        byte[] bytes = {0, 1, (byte) 0xf2, 3, (byte) 0xf4, (byte) 0xf5, (byte) 0xf6, (byte) 0xf7};

        assertEquals(0xddf2, PartialChecksum.sum(MemorySegment.ofArray(bytes), 0, 8));
    }

    @ParameterizedTest
    @ValueSource(longs = {1, 2, 3, 4, 5, 6, 7, 8})
    void sumDoesNotDependOnThePieces(long seed) {
        Random random = new Random(seed);
        for (int round = 0; round < 300; round++) {
            byte[] bytes = new byte[1 + random.nextInt(200)];
            random.nextBytes(bytes);
            ScatterList list = new ScatterList();
            int done = 0;
            while (done < bytes.length) {
                int part = Math.min(bytes.length - done, 1 + random.nextInt(40));
                list.add(MemorySegment.ofArray(bytes), done, part);
                done += part;
            }
            int start = random.nextInt(bytes.length);
            int end = start + random.nextInt(bytes.length - start + 1);

            assertEquals(expected(bytes, start, end), PartialChecksum.sum(list, start, end));
        }
    }

    private static ScatterList packet(int bytes) {
        ScatterList list = new ScatterList();
        list.add(MemorySegment.ofArray(new byte[bytes]), 0, bytes);
        return list;
    }

    @ParameterizedTest
    @CsvSource({"14, 25, true", "14, 24, true", "38, 0, true", "39, 0, false", "14, 26, false", "65535, 65535, false"})
    void placeOutsideThePacketIsLeftAlone(int start, int offset, boolean inside) {
        // 12 bytes of header, 40 of frame, the checksum in the last two of 39 and 40.
        assertEquals(inside && start + offset + 2 <= 40, PartialChecksum.complete(packet(52), 52, start, offset));
    }

    @Test
    void checksumOfNothingIsNotTheOneThatMeansNone() {
        ScatterList zeroes = packet(52);
        zeroes.setByte(12 + 20, (byte) 0xff);
        zeroes.setByte(12 + 21, (byte) 0xff);

        assertTrue(PartialChecksum.complete(zeroes, 52, 14, 6));

        assertEquals(0xffff, PartialChecksum.sum(zeroes, 12 + 20, 12 + 22));
        assertFalse(PartialChecksum.complete(zeroes, 20, 14, 6));
    }
}

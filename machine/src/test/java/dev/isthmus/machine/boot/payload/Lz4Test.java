// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.machine.boot.payload;

import java.lang.foreign.MemorySegment;
import java.nio.charset.StandardCharsets;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

class Lz4Test {
    @ParameterizedTest
    @ValueSource(ints = {(8 << 20) - 1, 8 << 20, (8 << 20) + 1, 17 << 20})
    void dataOfSeveralBlocksUnpacks(int sizeBytes) throws Exception {
        byte[] data = Packer.programLike(sizeBytes, 1);

        assertArrayEquals(data, unpack(Packer.pack(PayloadFormat.LZ4, data), sizeBytes));
    }

    @Test
    void matchesThatOverlapThemselvesRepeatTheirPattern() throws Exception {
        // 3 literals, then 10 bytes from 3 back; 1 literal at the end.
        byte[] packed = frame(0x36, 'a', 'b', 'c', 3, 0, 0x10, '.');

        assertArrayEquals("abcabcabcabca.".getBytes(StandardCharsets.US_ASCII), unpack(packed, 14));
    }

    @Test
    void offsetOfZeroOrBeforeTheStartIsRefused() {
        assertRefused(frame(0x36, 'a', 'b', 'c', 0, 0, 0x10, '.'), 14);
        assertRefused(frame(0x36, 'a', 'b', 'c', 4, 0, 0x10, '.'), 14);
    }

    @Test
    void lengthsBeyondTheBlockAreRefused() {
        assertRefused(frame(0xf0, 0xff, 0xff, 'a'), 1 << 20);
        assertRefused(frame(0x1f, 'a', 1, 0, 0xff, 0xff, 0xff, 0, 0x10, '.'), 100);
    }

    @Test
    void emptyBlocksDoNotGoOnForEver() {
        byte[] packed = {0x02, 0x21, 0x4c, 0x18, 1, 0, 0, 0, 0, 1, 0, 0, 0, 0};

        assertRefused(packed, 100);
    }

    private static byte[] frame(int... block) {
        byte[] frame = new byte[8 + block.length];
        frame[0] = 0x02;
        frame[1] = 0x21;
        frame[2] = 0x4c;
        frame[3] = 0x18;
        frame[4] = (byte) block.length;
        for (int i = 0; i < block.length; i++) {
            frame[8 + i] = (byte) block[i];
        }
        return frame;
    }

    private static byte[] unpack(byte[] packed, int limitBytes) throws MalformedPayloadException {
        try (UnpackBuffer buffer = new UnpackBuffer(packed.length, limitBytes)) {
            PayloadFormat.LZ4.unpack(packed, buffer);
            byte[] data = new byte[(int) buffer.lengthBytes()];
            MemorySegment.ofArray(data).copyFrom(buffer.content());
            return data;
        }
    }

    private static void assertRefused(byte[] packed, int limitBytes) {
        assertThrows(MalformedPayloadException.class, () -> unpack(packed, limitBytes));
    }
}

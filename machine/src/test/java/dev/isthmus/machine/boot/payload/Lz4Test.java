// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.machine.boot.payload;

import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;

import net.jpountz.lz4.LZ4Factory;
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
        // 3 literals, then 10 bytes from 3 back; a block always ends in a few literals.
        byte[] packed = frame(0x36, 'a', 'b', 'c', 3, 0, 0x80, '1', '2', '3', '4', '5', '6', '7', '8');

        assertArrayEquals("abcabcabcabca12345678".getBytes(StandardCharsets.US_ASCII), unpack(packed, 21));
    }

    @Test
    void offsetBeforeTheStartIsRefused() {
        assertRefused(frame(0x36, 'a', 'b', 'c', 4, 0, 0x80, '1', '2', '3', '4', '5', '6', '7', '8'), 21);
    }

    @Test
    void offsetIntoThePreviousBlockIsRefused() {
        byte[] first = frame(0x80, '1', '2', '3', '4', '5', '6', '7', '8');
        byte[] second = frame(0x36, 'a', 'b', 'c', 4, 0, 0x80, '1', '2', '3', '4', '5', '6', '7', '8');
        byte[] packed = Arrays.copyOf(first, first.length + second.length - 4);
        System.arraycopy(second, 4, packed, first.length, second.length - 4);

        assertRefused(packed, 8 + 21);
    }

    @Test
    void blockOfMoreThan8MibIsRefused() {
        int sizeBytes = (8 << 20) + 1;
        byte[] block = LZ4Factory.safeInstance().fastCompressor().compress(new byte[sizeBytes]);
        byte[] packed = ByteBuffer.allocate(8 + block.length)
                .order(ByteOrder.LITTLE_ENDIAN)
                .putInt(0x184c_2102)
                .putInt(block.length)
                .put(block)
                .array();

        assertRefused(packed, sizeBytes);
    }

    @ParameterizedTest
    @ValueSource(ints = {10, 0x7fff_ffff, 0x8000_0000, -1})
    void blockSizeBeyondTheDataIsRefused(int blockBytes) {
        byte[] packed = frame(0x80, '1', '2', '3', '4', '5', '6', '7', '8');
        ByteBuffer.wrap(packed).order(ByteOrder.LITTLE_ENDIAN).putInt(4, blockBytes);

        assertRefused(packed, 8);
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

    private static byte[] unpack(byte[] packed, int limitBytes) throws Exception {
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

// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.machine.boot.payload;

import java.io.ByteArrayOutputStream;
import java.lang.foreign.MemorySegment;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.Optional;
import java.util.SplittableRandom;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

class ZstdDecoderTest {
    private static final byte[] MAGIC = {0x28, (byte) 0xb5, 0x2f, (byte) 0xfd};

    @ParameterizedTest
    @ValueSource(strings = {"-1", "-3", "-9", "-19", "--fast=5", "--ultra -22", "--no-check -5", "--long=27 -3"})
    void everyLevelOfTheReferenceEncoderUnpacks(String options) throws Exception {
        byte[] data = mixedData();
        String[] command = ("zstd -q -c " + options).split(" ", -1);
        Optional<byte[]> packed = Packer.run(data, command);
        assumeTrue(packed.isPresent(), "the tool is not installed");

        assertArrayEquals(data, decode(packed.get(), data.length));
    }

    @Test
    void windowSmallerThanTheContentSlides() throws Exception {
        byte[] data = Packer.programLike(3_000_000, 4);
        // From a pipe, so that the frame is not a single segment; a window of 128 KiB.
        Optional<byte[]> packed = Packer.run(data, "zstd", "-q", "-c", "--zstd=wlog=17", "-3");
        assumeTrue(packed.isPresent(), "the tool is not installed");

        assertArrayEquals(data, decode(packed.get(), data.length));
    }

    @Test
    void rawAndRleBlocksUnpack() throws Exception {
        byte[] frame = frame(
                0x00, // no content size, no checksum
                0x38, // window of 128 KiB
                0x18, 0, 0, 'a', 'b', 'c', // raw, 3 bytes
                0x2b, 0, 0, 'z'); // RLE, 5 times, last

        assertArrayEquals("abczzzzz".getBytes(StandardCharsets.US_ASCII), decode(frame, 8));
    }

    @Test
    void wrongChecksumIsRefused() throws Exception {
        byte[] frame = frame(0x04, 0x38, 0x19, 0, 0, 'a', 'b', 'c', 1, 2, 3, 4);

        assertThrows(MalformedPayloadException.class, () -> decode(frame, 3));
    }

    @Test
    void dictionaryReservedBitAndReservedBlockAreRefused() {
        assertThrows(MalformedPayloadException.class, () -> decode(frame(0x01, 0x38, 7, 0x19, 0, 0, 'a', 'b', 'c'), 3));
        assertThrows(MalformedPayloadException.class, () -> decode(frame(0x08, 0x38, 0x19, 0, 0, 'a', 'b', 'c'), 3));
        assertThrows(MalformedPayloadException.class, () -> decode(frame(0x00, 0x38, 0x1f, 0, 0, 'a', 'b', 'c'), 3));
    }

    @Test
    void blockAboveTheMaximumIsRefused() {
        // RLE of 2^21 - 1 bytes: 128 KiB is the most a block may have.
        byte[] frame = frame(0x00, 0xff, 0xfb, 0xff, 0xff, 'z');

        assertThrows(MalformedPayloadException.class, () -> decode(frame, 1 << 21));
    }

    @Test
    void hugeWindowTakesNoMemoryForASmallContent() throws Exception {
        // Window descriptor 0xff: 3.75 TiB.
        byte[] frame = frame(0x00, 0xff, 0x19, 0, 0, 'a', 'b', 'c');

        assertArrayEquals("abc".getBytes(StandardCharsets.US_ASCII), decode(frame, 3));
    }

    @Test
    void contentSizeOtherThanAnnouncedIsRefused() {
        // Single segment with a content size of 4 bytes, and 3 announced.
        byte[] frame = frame(0x20, 4, 0x21, 0, 0, 'a', 'b', 'c', 'd');

        assertThrows(MalformedPayloadException.class, () -> decode(frame, 3));
    }

    @Test
    void hashIsThatOfTheSpecification() {
        assertEquals(0xef46_db37_51d8_e999L, hash(""));
        assertEquals(0xd24e_c4f1_a98c_6e5bL, hash("a"));
        assertEquals(0x44bc_2cf5_ad77_0999L, hash("abc"));
    }

    @Test
    void hashDoesNotDependOnThePieces() {
        byte[] data = Packer.programLike(1000, 5);
        XxHash64 whole = new XxHash64();
        whole.update(data, 0, data.length);
        XxHash64 pieces = new XxHash64();
        for (int at = 0, size = 1; at < data.length; at += size, size = size * 7 % 61) {
            pieces.update(data, at, Math.min(size, data.length - at));
        }

        assertEquals(whole.digest(), pieces.digest());
    }

    private static long hash(String text) {
        XxHash64 hash = new XxHash64();
        byte[] bytes = text.getBytes(StandardCharsets.US_ASCII);
        hash.update(bytes, 0, bytes.length);
        return hash.digest();
    }

    /** Program-like data, then all that makes blocks of other kinds: noise, zeros, a byte over and over, repeats. */
    private static byte[] mixedData() {
        ByteArrayOutputStream data = new ByteArrayOutputStream();
        byte[] program = Packer.programLike(700_000, 3);
        data.writeBytes(program);
        byte[] noise = new byte[200_000];
        new SplittableRandom(6).nextBytes(noise);
        data.writeBytes(noise);
        data.writeBytes(new byte[500_000]);
        data.writeBytes(program);
        data.writeBytes("a text of its own\n".repeat(5000).getBytes(StandardCharsets.US_ASCII));
        assertTrue(data.size() > 2_000_000);
        return data.toByteArray();
    }

    private static byte[] frame(int... bytes) {
        byte[] frame = Arrays.copyOf(MAGIC, MAGIC.length + bytes.length);
        for (int i = 0; i < bytes.length; i++) {
            frame[MAGIC.length + i] = (byte) bytes[i];
        }
        return frame;
    }

    private static byte[] decode(byte[] packed, int limitBytes) throws MalformedPayloadException {
        try (UnpackBuffer buffer = new UnpackBuffer(packed.length, limitBytes)) {
            PayloadFormat.ZSTD.unpack(packed, buffer);
            byte[] data = new byte[(int) buffer.lengthBytes()];
            MemorySegment.ofArray(data).copyFrom(buffer.content());
            return data;
        }
    }
}

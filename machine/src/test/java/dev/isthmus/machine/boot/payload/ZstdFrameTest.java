// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.machine.boot.payload;

import java.io.ByteArrayOutputStream;
import java.lang.foreign.MemorySegment;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.SplittableRandom;
import java.util.concurrent.TimeUnit;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

class ZstdFrameTest {
    private static final byte[] MAGIC = {0x28, (byte) 0xb5, 0x2f, (byte) 0xfd};

    /** Offsets in a frame that has a window descriptor (RFC 8878, 3.1.1.1). */
    private static final int FRAME_HEADER_DESCRIPTOR = 4;

    private static final int WINDOW_DESCRIPTOR = 5;

    /** Exponent 17, mantissa 0: 2^(10 + 17) bytes. */
    private static final int WINDOW_OF_128_MIB = 17 << 3;

    @ParameterizedTest
    @ValueSource(strings = {"-1", "-3", "-9", "-19", "--fast=5", "--ultra -22", "--no-check -5", "--long=27 -3"})
    void everyLevelOfTheToolUnpacks(String options) throws Exception {
        byte[] data = mixedData();
        byte[] packed = pack(data, options);

        assertArrayEquals(data, unpack(packed, data.length));
    }

    @Test
    void windowOf128MibAndAContentOfUnknownSizeUnpack() throws Exception {
        byte[] data = mixedData();
        byte[] frame = pack(data, "--ultra -22");
        // Neither a single segment nor a content size.
        assertEquals(0, frame[FRAME_HEADER_DESCRIPTOR] & 0xe0);
        assertEquals(WINDOW_OF_128_MIB, frame[WINDOW_DESCRIPTOR] & 0xff);

        assertArrayEquals(data, unpack(frame, data.length));
    }

    @Test
    void contentLargerThanTheBufferStartsWithUnpacks() throws Exception {
        // 3000 times smaller when packed.
        byte[] data = new byte[20 << 20];
        Arrays.fill(data, 10 << 20, 15 << 20, (byte) 'x');

        assertArrayEquals(data, unpack(Packer.pack(PayloadFormat.ZSTD, data), data.length));
    }

    @Test
    void windowSmallerThanTheContentSlides() throws Exception {
        byte[] data = Packer.programLike(3_000_000, 4);
        byte[] packed = pack(data, "--zstd=wlog=17 -3");

        assertArrayEquals(data, unpack(packed, data.length));
    }

    @ParameterizedTest
    @ValueSource(ints = {WINDOW_OF_128_MIB + 1, 18 << 3, 0xff})
    void largerWindowIsRefusedByName(int windowDescriptor) {
        byte[] frame = frame(0x00, windowDescriptor, 0x19, 0, 0, 'a', 'b', 'c');

        assertEquals("data needs a window of more than 128 MiB", refusal(frame, 3));
    }

    @Test
    void wrongChecksumIsRefused() throws Exception {
        byte[] frame = Packer.pack(PayloadFormat.ZSTD, new byte[100]);
        assertArrayEquals(new byte[100], unpack(frame, 100));
        frame[frame.length - 1] ^= 1;

        assertTrue(refusal(frame, 100).contains("checksum"));
    }

    @Test
    void frameThatNeedsADictionaryIsRefused() {
        byte[] frame = frame(0x01, 0x38, 7, 0x19, 0, 0, 'a', 'b', 'c');

        assertTrue(refusal(frame, 3).contains("Dictionary"));
    }

    @Test
    void secondFrameIsLeftAlone() throws Exception {
        byte[] frame = frame(0x00, 0x38, 0x19, 0, 0, 'a', 'b', 'c');
        byte[] two = Arrays.copyOf(frame, 2 * frame.length);
        System.arraycopy(frame, 0, two, frame.length, frame.length);

        assertArrayEquals("abc".getBytes(StandardCharsets.US_ASCII), unpack(two, 3));
    }

    @Test
    void emptyBlocksBehindTheContentAreRead() throws Exception {
        byte[] frame = frame(0x00, 0x38, 0x18, 0, 0, 'a', 'b', 'c', 0, 0, 0, 0, 0, 0, 1, 0, 0);

        assertArrayEquals("abc".getBytes(StandardCharsets.US_ASCII), unpack(frame, 3));
    }

    @Test
    void missingLastBlockIsRefused() {
        assertEquals("data ends early", refusal(frame(0x00, 0x38, 0x18, 0, 0, 'a', 'b', 'c'), 3));
    }

    @ParameterizedTest
    @CsvSource({
        "-Djava.io.tmpdir=/proc, Cannot unpack",
        "-DZstdTempFolder=/nowhere, Cannot unpack",
        "-DZstdNativePath=/nowhere/libzstd.so, /nowhere/libzstd.so"
    })
    void nativeLibraryThatCannotBeLoadedIsNamedInOneLineWithARemedy(String option, String cause) throws Exception {
        Process process = new ProcessBuilder(
                        Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                        "--enable-native-access=ALL-UNNAMED",
                        option,
                        "-cp",
                        System.getProperty("java.class.path"),
                        ZstdFrameProgram.class.getName())
                .redirectErrorStream(true)
                .start();
        String output = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
        assertTrue(process.waitFor(1, TimeUnit.MINUTES));

        // The second attempt says the same as the first, rather than that a class is missing.
        String[] lines = output.split("\n", -1);
        assertEquals(3, lines.length, output);
        assertEquals(lines[0], lines[1]);
        assertTrue(lines[0].startsWith("zstd's native library can't be loaded: ") && lines[0].contains(cause), output);
        assertTrue(lines[0].contains("-DZstdTempFolder="), output);
        assertEquals("", lines[2]);
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

    private static byte[] pack(byte[] data, String options) throws Exception {
        return Packer.run(data, ("zstd -q -c " + options).split(" ", -1));
    }

    private static byte[] frame(int... bytes) {
        byte[] frame = Arrays.copyOf(MAGIC, MAGIC.length + bytes.length);
        for (int i = 0; i < bytes.length; i++) {
            frame[MAGIC.length + i] = (byte) bytes[i];
        }
        return frame;
    }

    private static byte[] unpack(byte[] packed, int limitBytes) throws Exception {
        try (UnpackBuffer buffer = new UnpackBuffer(packed.length, limitBytes)) {
            PayloadFormat.ZSTD.unpack(packed, buffer);
            byte[] data = new byte[(int) buffer.lengthBytes()];
            MemorySegment.ofArray(data).copyFrom(buffer.content());
            return data;
        }
    }

    private static String refusal(byte[] packed, int limitBytes) {
        return String.valueOf(assertThrows(MalformedPayloadException.class, () -> unpack(packed, limitBytes)).getMessage());
    }
}

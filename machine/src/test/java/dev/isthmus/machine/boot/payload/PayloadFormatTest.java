// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.machine.boot.payload;

import java.lang.foreign.MemorySegment;
import java.util.Arrays;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

class PayloadFormatTest {
    private static final String SUPPORTED = "GZIP|LZ4|ZSTD|XZ|LZMA";
    private static final byte[] DATA = Packer.programLike(1_500_000, 1);

    @ParameterizedTest
    @EnumSource(mode = EnumSource.Mode.MATCH_ANY, names = SUPPORTED)
    void dataPackedByAJavaLibraryUnpacksToItself(PayloadFormat format) throws Exception {
        byte[] packed = Packer.pack(format, DATA);

        assertUnpacks(packed, format, DATA);
    }

    @ParameterizedTest
    @EnumSource(mode = EnumSource.Mode.MATCH_ANY, names = SUPPORTED)
    void dataPackedByLinuxsBuildUnpacksToItself(PayloadFormat format) throws Exception {
        byte[] packed = Packer.packByTool(format, DATA);

        assertUnpacks(packed, format, DATA);
    }

    @ParameterizedTest
    @EnumSource(mode = EnumSource.Mode.MATCH_ANY, names = SUPPORTED)
    void bytesBehindTheDataAreLeftAlone(PayloadFormat format) throws Exception {
        byte[] packed = Packer.pack(format, DATA);

        assertUnpacks(Arrays.copyOf(packed, packed.length + 4), format, DATA);
    }

    @ParameterizedTest
    @EnumSource(mode = EnumSource.Mode.MATCH_ANY, names = SUPPORTED)
    void emptyAndTinyDataUnpack(PayloadFormat format) throws Exception {
        for (int size = 1; size < 40; size++) {
            byte[] data = Packer.programLike(size, size);

            assertUnpacks(Packer.pack(format, data), format, data);
        }
    }

    @ParameterizedTest
    @EnumSource(mode = EnumSource.Mode.MATCH_ANY, names = SUPPORTED)
    void dataThatUnpacksToMoreThanAnnouncedIsRefused(PayloadFormat format) {
        byte[] packed = Packer.pack(format, DATA);

        assertRefused(packed, format, DATA.length - 1);
        assertRefused(packed, format, DATA.length / 2);
    }

    @ParameterizedTest
    @EnumSource(mode = EnumSource.Mode.MATCH_ANY, names = SUPPORTED)
    void dataThatUnpacksToLessThanAnnouncedIsRefused(PayloadFormat format) {
        byte[] packed = Packer.pack(format, DATA);

        assertRefused(packed, format, DATA.length + 1);
    }

    @ParameterizedTest
    @EnumSource(mode = EnumSource.Mode.MATCH_ANY, names = SUPPORTED)
    void dataThatEndsEarlyIsRefused(PayloadFormat format) {
        byte[] data = Packer.programLike(3000, 2);
        byte[] packed = Packer.pack(format, data);

        for (int length = PayloadFormat.MAGIC_BYTES; length < packed.length - 1; length += 7) {
            assertRefused(Arrays.copyOf(packed, length), format, data.length);
        }
    }

    @ParameterizedTest
    @EnumSource(mode = EnumSource.Mode.MATCH_ANY, names = SUPPORTED)
    void aBombTakesNoMoreMemoryThanItsAnnouncedSize(PayloadFormat format) {
        byte[] packed = Packer.pack(format, new byte[64 << 20]);

        assertTrue(packed.length < 1 << 20);
        assertRefused(packed, format, 1 << 20);
    }

    @ParameterizedTest
    @CsvSource({
        "1f 8b 08, GZIP",
        "02 21 4c 18, LZ4",
        "28 b5 2f fd, ZSTD",
        "fd 37 7a 58 5a 00, XZ",
        "5d 00 00 80, LZMA",
        "42 5a 68 39, BZIP2",
        "89 4c 5a 4f 00 0d 0a 1a 0a, LZO"
    })
    void formatIsToldByItsMagicNumber(String head, PayloadFormat format) {
        String[] digits = head.split(" ", -1);
        byte[] bytes = new byte[digits.length];
        for (int i = 0; i < digits.length; i++) {
            bytes[i] = (byte) Integer.parseInt(digits[i], 16);
        }

        assertEquals(format, PayloadFormat.of(bytes));
    }

    @Test
    void noFormatIsToldWhereThereIsNoMagicNumber() {
        assertNull(PayloadFormat.of(new byte[0]));
        assertNull(PayloadFormat.of(new byte[] {0x1f}));
        assertNull(PayloadFormat.of(new byte[64]));
    }

    private static void assertUnpacks(byte[] packed, PayloadFormat format, byte[] expected) throws Exception {
        assertEquals(format, PayloadFormat.of(packed));
        try (UnpackBuffer buffer = new UnpackBuffer(packed.length, expected.length)) {
            format.unpack(packed, buffer);

            assertEquals(-1, MemorySegment.ofArray(expected).mismatch(buffer.content()));
        }
    }

    private static void assertRefused(byte[] packed, PayloadFormat format, long limitBytes) {
        try (UnpackBuffer buffer = new UnpackBuffer(packed.length, limitBytes)) {
            assertThrows(MalformedPayloadException.class, () -> format.unpack(packed, buffer));

            assertTrue(buffer.lengthBytes() <= limitBytes);
        }
    }
}

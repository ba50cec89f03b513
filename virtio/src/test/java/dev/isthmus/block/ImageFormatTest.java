// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.block;

import java.lang.foreign.MemorySegment;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;

/** Formats by the first bytes of a file, and by name. */
class ImageFormatTest {
    @ParameterizedTest
    @CsvSource({
        "'QFI\u00fb\0\0\0\3', 0, QCOW2",
        "'QFI\u00fb\0\0\0\1', 0, RAW",
        "'KDMV', 0, VMDK",
        "'# Disk DescriptorFile', 0, VMDK",
        "'vhdxfile', 0, VHDX",
        "'\u007f\u0010\u00da\u00be', 64, VDI",
        "'', 0, RAW"
    })
    void startOfAFileTellsItsFormat(String magic, int offset, ImageFormat expected) {
        byte[] start = new byte[512];
        byte[] bytes = magic.getBytes(StandardCharsets.ISO_8859_1);
        System.arraycopy(bytes, 0, start, offset, bytes.length);

        assertEquals(expected, ImageFormat.probe(MemorySegment.ofArray(start)));
    }

    @Test
    void fileOfAFewBytesIsRaw() {
        assertEquals(ImageFormat.RAW, ImageFormat.probe(MemorySegment.ofArray(new byte[3])));
        assertEquals(
                ImageFormat.RAW,
                ImageFormat.probe(MemorySegment.ofArray(Arrays.copyOf(new byte[] {'Q', 'F', 'I', (byte) 0xFB}, 6))));
    }

    @Test
    void namesAreThoseOfImages() {
        for (ImageFormat format : ImageFormat.values()) {
            assertEquals(format, ImageFormat.ofName(format.formatName()));
        }
        assertEquals("qcow2", ImageFormat.QCOW2.formatName());
        assertNull(ImageFormat.ofName("QCOW2"));
    }
}

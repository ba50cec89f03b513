// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.machine.boot;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Path;
import java.util.Arrays;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

import dev.isthmus.machine.VmException;
import dev.isthmus.testing.boot.TestElf;

import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

class DamagedElfTest {
    // Offsets in the file: the ELF header, the PT_LOAD header at 64, the PT_NOTE header at 120, its note behind.
    private static final int LOAD = TestElf.PHDRS_OFFSET;
    private static final int NOTE = LOAD + 56;

    @TempDir
    Path directory;

    private final byte[] image = TestElf.pvh(new byte[1024]);

    @ParameterizedTest
    @CsvSource({
        "4, 1, 1, is a 32-bit ELF file",
        "4, 1, 3, has an ELF identification that means nothing",
        "5, 1, 2, is a big-endian ELF file",
        "5, 1, 0, has an ELF identification that means nothing",
        "6, 1, 0, has an ELF identification that means nothing",
        "16, 2, 1, is a relocatable object file",
        "16, 2, 3, is a shared object or position-independent program",
        "16, 2, 4, is a core dump",
        "16, 2, 0xfe00, is an ELF file of unknown type 65024",
        "18, 2, 3, is for another processor (ELF machine 3)",
        "18, 2, 183, is for another processor (ELF machine 183)",
        "54, 2, 32, has program headers of 32 bytes instead of 56",
        "56, 2, 0, is an ELF file without program headers",
        "56, 2, 129, has 129 program headers",
        "56, 2, 0xffff, has 65535 program headers",
        "32, 8, 0x7fffffff, has program headers beyond its end",
        "32, 8, 0x7fffffffffffffff, has program headers beyond its end",
        "32, 8, -1, has program headers beyond its end",
        "32, 8, -112, has program headers beyond its end"
    })
    void fileHeaderThatIsNoKernelsIsRefused(int offset, int width, String value, String cause) {
        put(offset, width, Long.decode(value));

        assertRefused(cause);
    }

    @ParameterizedTest
    @CsvSource({
        "8, 0x7fffffffffffffff, ends within a segment",
        "8, -1, ends within a segment",
        "8, -1024, ends within a segment",
        "32, 1025, is larger in the file than in memory",
        "32, -1, is larger in the file than in memory",
        "40, 1023, is larger in the file than in memory",
        "40, -1, has a segment beyond any address",
        "40, 0x7fffffffffffffff, has a segment beyond any address",
        "24, 0x7ffffffffffffc01, has a segment beyond any address",
        "24, -1024, has a segment beyond any address",
        "24, 0, wants to be loaded at 0x0",
        "24, 0xfffff, wants to be loaded at 0xfffff",
        "24, 0x500000, has its PVH entry point (0x100000) outside"
    })
    void segmentThatCannotBeIsRefused(int field, String value, String cause) {
        put(LOAD + field, 8, Long.decode(value));

        assertRefused(cause);
    }

    @ParameterizedTest
    @CsvSource({
        "8, 0x7fffffffffffffff",
        "8, -8",
        "32, 0x7fffffffffffffff",
        "32, -1",
        "32, 0x100000"
    })
    void notesBeyondTheEndAreRefused(int field, String value) {
        put(NOTE + field, 8, Long.decode(value));

        assertRefused("has notes beyond its end");
    }

    @ParameterizedTest
    @CsvSource({
        "0, 0xffffffff",
        "0, 0xfffffffc",
        "0, 0x7fffffff",
        "4, 0xffffffff",
        "4, 0xfffffff8",
        "4, 5"
    })
    void noteSizesThatWrapOrRunOverAreRefused(int field, String value) {
        int notes = (int) ByteBuffer.wrap(image).order(ByteOrder.LITTLE_ENDIAN).getLong(NOTE + 8);
        put(notes + field, 4, Long.decode(value));

        assertRefused("has notes that run over their end");
    }

    @Test
    void segmentsThatOverlapAreRefused() {
        byte[] overlapping = new TestElf()
                .segment(0x20_0000, new byte[16], 4096)
                .segment(0x10_0000, new byte[16], 0x10_0001)
                .build();

        assertRefused(overlapping, "has segments that overlap at 0x200000");
    }

    @Test
    void fileWithNothingToLoadIsRefused() {
        assertRefused(new TestElf().pvhNote(0x10_0000).build(), "is an ELF file with nothing to load");
        assertRefused(
                new TestElf().segment(0x10_0000, new byte[0], 0).build(), "is an ELF file with nothing to load");
    }

    @Test
    void programOfAnOperatingSystemIsRefused() {
        // PT_INTERP in place of PT_NOTE.
        put(NOTE, 4, 3);

        assertRefused("is a program that runs under an operating system");
    }

    @Test
    void entryPointOutsideOfTheSegmentsIsRefused() {
        byte[] astray = new TestElf()
                .segment(0x10_0000, new byte[16], 16)
                .entry(0x10_0010)
                .build();

        assertRefused(astray, "has its entry point (0x100010) outside");
    }

    @Test
    void sectionHeadersBeyondTheEndAreRefused() {
        byte[] sections = new TestElf()
                .segment(0x10_0000, new byte[16], 16)
                .pvhNote(0x10_0000)
                .notesInSection()
                .build();
        ByteBuffer buffer = ByteBuffer.wrap(sections).order(ByteOrder.LITTLE_ENDIAN);

        buffer.putLong(40, Long.MAX_VALUE);
        assertRefused(sections, "has section headers beyond its end");
        buffer.putShort(60, (short) 0xffff);
        assertRefused(sections, "has section headers that mean nothing");
    }

    @Test
    void everyTruncationIsRefusedOrHarmless() {
        for (int length = 1; length < image.length; length++) {
            byte[] truncated = Arrays.copyOf(image, length);
            // The padding behind the note can go without harm.
            if (length < image.length - 16) {
                assertRefused(truncated, "");
            }
        }
    }

    private void put(int offset, int width, long value) {
        for (int i = 0; i < width; i++) {
            image[offset + i] = (byte) (value >>> (8 * i));
        }
    }

    private void assertRefused(String cause) {
        assertRefused(image, cause);
    }

    private void assertRefused(byte[] bytes, String cause) {
        Path file = TestElf.write(directory, bytes);

        VmException.Configuration e = assertThrows(
                VmException.Configuration.class, () -> KernelLoader.open(file, KernelFormat.AUTO, null).close());

        assertTrue(Messages.of(e).startsWith(file + ": "), e.getMessage());
        assertTrue(Messages.of(e).contains(cause), e.getMessage());
        assertFalse(Messages.of(e).contains("\n"));
        assertFalse(e.remedy().isEmpty());
    }
}

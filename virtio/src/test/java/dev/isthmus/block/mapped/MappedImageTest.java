// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.block.mapped;

import java.lang.foreign.MemorySegment;
import java.util.Arrays;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

import dev.isthmus.block.BlockGeometry;
import dev.isthmus.block.BlockStatus;
import dev.isthmus.block.ExtentList;
import dev.isthmus.device.FaultLog;
import dev.isthmus.memory.ScatterList;
import dev.isthmus.memory.ScatterView;
import dev.isthmus.memory.Scatters;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

/** The way of a read, over a map that is a text: a letter for each sector. */
class MappedImageTest {
    private static final int SECTOR_BYTES = 512;

    /** Digits are sectors of the file, '.' is zeroes, 'p' is packed, '?' is not in memory, 'x' is damage. */
    private static final class TextImage extends MappedImage {
        private final String map;
        private final BuiltImageFile file = new BuiltImageFile("file", 10L * SECTOR_BYTES);
        private int packedReads;

        private TextImage(String map) {
            super(new FaultLog("disk"), (long) map.length() * SECTOR_BYTES, BlockGeometry.DEFAULT);
            this.map = map;
            for (int i = 0; i < 10; i++) {
                byte[] sector = new byte[SECTOR_BYTES];
                Arrays.fill(sector, (byte) ('0' + i));
                file.put((long) i * SECTOR_BYTES, sector);
            }
        }

        @Override
        protected void locate(long offsetBytes, boolean mayWait, Location found) {
            char letter = map.charAt((int) (offsetBytes / SECTOR_BYTES));
            long within = offsetBytes % SECTOR_BYTES;
            long left = SECTOR_BYTES - within;
            switch (letter) {
                case '.' -> found.zeroes(left);
                case 'p' -> found.indirect(offsetBytes, left);
                case 'x' -> found.damaged("of this test");
                case '?' -> {
                    if (mayWait) {
                        found.plain(file, file.sizeBytes(), within, left);
                    } else {
                        found.noEntry(TableCache.NOT_CACHED);
                    }
                }
                default -> found.plain(file, 10L * SECTOR_BYTES, (letter - '0') * (long) SECTOR_BYTES + within, left);
            }
        }

        @Override
        protected BlockStatus readIndirect(long offsetBytes, Location found, ScatterView target) {
            assertEquals(offsetBytes, found.offsetBytes());
            packedReads++;
            for (long i = 0; i < target.totalBytes(); i++) {
                target.setByte(i, (byte) 'p');
            }
            return BlockStatus.OK;
        }

        @Override
        public void close() {
            file.close();
        }
    }

    private static String read(TextImage image, int sector, int sectors) {
        byte[] bytes = Disks.read(image, (long) sector * SECTOR_BYTES, sectors * SECTOR_BYTES);
        StringBuilder text = new StringBuilder();
        for (int i = 0; i < bytes.length; i += SECTOR_BYTES) {
            text.append(bytes[i] == 0 ? '.' : (char) bytes[i]);
        }
        return text.toString();
    }

    @ParameterizedTest
    @CsvSource({"0123, 1", "0.1, 2", "01..23, 2", "3210, 4", "....., 0", "01pp23, 2", "p, 0", "9, 1", "0000, 4", "5670123, 2"})
    void pieceThatGoesOnInTheFileIsOneRead(String map, int reads) {
        try (TextImage image = new TextImage(map)) {
            assertEquals(map, read(image, 0, map.length()));
            assertEquals(reads, image.file.reads());
            assertEquals(map.chars().filter(letter -> letter == 'p').count(), image.packedReads);
        }
    }

    @Test
    void readBeginsAndEndsWithinThePieces() {
        try (TextImage image = new TextImage("01.p4")) {
            byte[] bytes = new byte[2000];
            ScatterList target = new ScatterList();
            target.add(MemorySegment.ofArray(bytes), 100, 700);
            target.add(MemorySegment.ofArray(bytes), 800, 948);

            assertEquals(BlockStatus.OK, image.read(512, target));

            assertEquals('1', bytes[100]);
            assertEquals(0, bytes[612]);
            assertEquals('p', bytes[1124]);
            assertEquals('4', bytes[1636]);
            assertEquals('4', bytes[1747]);
            assertEquals(0, bytes[1748]);
        }
    }

    @Test
    void damageIsAnIoErrorWhereItIs() {
        try (TextImage image = new TextImage("01x34")) {
            assertEquals(BlockStatus.IO_ERROR, Disks.readFails(image, 0, 5 * SECTOR_BYTES));
            assertEquals("01", read(image, 0, 2));
            assertEquals("34", read(image, 3, 2));
        }
    }

    @Test
    void rangeOutsideOfTheDiskIsRefused() {
        try (TextImage image = new TextImage("0123")) {
            ExtentList extents = new ExtentList();
            for (long offset : new long[] {-512, 4 * SECTOR_BYTES, Long.MAX_VALUE - 100, Long.MIN_VALUE}) {
                assertEquals(BlockStatus.OUT_OF_RANGE, Disks.readFails(image, offset, SECTOR_BYTES));
                assertFalse(image.map(false, offset, SECTOR_BYTES, extents));
            }
            assertEquals(BlockStatus.OUT_OF_RANGE, Disks.readFails(image, 3 * SECTOR_BYTES, 2 * SECTOR_BYTES));
            assertFalse(image.map(false, 0, Long.MAX_VALUE, extents));
            assertFalse(image.map(false, 0, 0, extents));
            assertEquals(BlockStatus.OK, image.read(0, new ScatterList()));
        }
    }

    @Test
    void extentsAreToldWhereAllAreKnownWithoutIo() {
        try (TextImage image = new TextImage("01..23x?p")) {
            ExtentList extents = new ExtentList();

            assertTrue(image.map(false, 256, 5 * SECTOR_BYTES, extents));

            assertEquals(3, extents.count());
            assertSame(image.file, extents.file(0));
            assertEquals(256, extents.offsetBytes(0));
            assertEquals(768, extents.lengthBytes(0));
            assertNull(extents.file(1));
            assertEquals(1024, extents.lengthBytes(1));
            assertEquals(1024, extents.offsetBytes(2));
            assertEquals(768, extents.lengthBytes(2));
            for (int unknown = 6; unknown < 9; unknown++) {
                assertFalse(image.map(false, (long) unknown * SECTOR_BYTES, SECTOR_BYTES, extents));
            }
            assertFalse(image.map(true, 0, SECTOR_BYTES, extents));
            assertEquals(0, image.file.reads());
        }
    }

    @Test
    void nothingCanBeWritten() {
        try (TextImage image = new TextImage("0123")) {
            ScatterList source = new ScatterList();
            source.add(MemorySegment.ofArray(new byte[512]), 0, 512);

            assertTrue(image.readOnly());
            assertEquals(BlockStatus.READ_ONLY, image.write(0, source));
            assertEquals(BlockStatus.OK, image.flush());
            assertFalse(image.canDiscard() || image.canWriteZeroes());
            assertEquals(BlockStatus.UNSUPPORTED, image.resize(1024));
        }
    }

    @Test
    void fileThatIsShorterThanItWasIsAnIoError() {
        try (TextImage image = new TextImage("0123")) {
            image.file.resize(2 * SECTOR_BYTES);

            assertEquals("01", read(image, 0, 2));
            assertEquals(BlockStatus.IO_ERROR, Disks.readFails(image, SECTOR_BYTES, 2 * SECTOR_BYTES));
        }
    }

    @Test
    void statusOfTheFileIsPassedOn() {
        try (TextImage image = new TextImage("01.23")) {
            image.file.failWith(BlockStatus.NO_SPACE);

            assertEquals(BlockStatus.NO_SPACE, Disks.readFails(image, 0, 5 * SECTOR_BYTES));
        }
    }

    @Test
    void locationThatEndsBeforeItBeginsIsABug() {
        Location location = new Location();

        assertThrows(IllegalArgumentException.class, () -> location.zeroes(0));
        assertThrows(IllegalArgumentException.class, () -> location.indirect(-1, 1));
    }

    @Test
    void largeHoleIsZeroed() {
        byte[] bytes = new byte[300_000];
        Arrays.fill(bytes, (byte) 1);
        ScatterList target = new ScatterList();
        target.add(MemorySegment.ofArray(bytes), 0, 100);
        target.add(MemorySegment.ofArray(bytes), 100, 299_900);

        Scatters.zero(target, 50, 299_900);

        byte[] expected = new byte[300_000];
        Arrays.fill(expected, 0, 50, (byte) 1);
        Arrays.fill(expected, 299_950, 300_000, (byte) 1);
        assertArrayEquals(expected, bytes);
    }

    @Test
    void textOfAnImageIsMadeFitForAMessage() {
        assertEquals("\"a?b?\"", ImageErrors.quoted("a\u001bb\u202e"));
        assertEquals(83, ImageErrors.quoted("x".repeat(1000)).length());
    }

    @Test
    void moreReadersThanCursorsAreKeptAreServed() {
        Cursors cursors = new Cursors();
        Cursors.Cursor[] taken = new Cursors.Cursor[40];
        for (int round = 0; round < 2; round++) {
            for (int i = 0; i < taken.length; i++) {
                taken[i] = cursors.take();
            }
            assertEquals(taken.length, Arrays.stream(taken).distinct().count());
            for (Cursors.Cursor cursor : taken) {
                cursors.give(cursor);
            }
        }
    }
}

// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.block.vmdk;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

import dev.isthmus.block.BlockStatus;
import dev.isthmus.block.ExtentList;
import dev.isthmus.block.mapped.BuiltImageFile;
import dev.isthmus.block.mapped.Damage;
import dev.isthmus.block.mapped.Disks;
import dev.isthmus.block.mapped.WarmReads;

import static dev.isthmus.block.vmdk.SparseHeader.SECTOR_BYTES;
import static dev.isthmus.block.vmdk.VmdkBuilder.GRAIN_BYTES;
import static dev.isthmus.block.vmdk.VmdkBuilder.filled;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

/** Sparse images of one file, packed and not. */
class SparseExtentTest {
    private static VmdkImage open(BuiltImageFile file) {
        return VmdkImage.open(file, VmdkBuilder.files(), "disk");
    }

    @Test
    void grainsAreReadAndWhatIsNotThereIsZeroes() {
        BuiltImageFile file = VmdkBuilder.sparse("disk.vmdk", 1000);
        VmdkBuilder.grain(file, 0, 1);
        VmdkBuilder.grain(file, 511, 2);
        VmdkBuilder.grain(file, 512, 3);

        try (VmdkImage image = open(file)) {
            assertEquals(1000L * GRAIN_BYTES, image.capacityBytes());
            assertArrayEquals(filled(GRAIN_BYTES, 1), Disks.read(image, 0, GRAIN_BYTES));
            assertArrayEquals(filled(GRAIN_BYTES, 0), Disks.read(image, GRAIN_BYTES, GRAIN_BYTES));
            byte[] both = Disks.read(image, 511L * GRAIN_BYTES, 2 * GRAIN_BYTES);
            assertEquals(2, both[GRAIN_BYTES - 1]);
            assertEquals(3, both[GRAIN_BYTES]);
        }
        assertTrue(file.isClosed());
    }

    @Test
    void grainTableThatIsNotThereIsZeroes() {
        BuiltImageFile file = VmdkBuilder.sparse("disk.vmdk", 1000);
        VmdkBuilder.grain(file, 600, 1);
        file.put32(VmdkBuilder.GD_SECTOR * SECTOR_BYTES + 4, 0);

        try (VmdkImage image = open(file)) {
            assertArrayEquals(new byte[512], Disks.read(image, 600L * GRAIN_BYTES, 512));
        }
    }

    @Test
    void zeroedGrainNeedsItsFlag() {
        BuiltImageFile file = VmdkBuilder.sparse("disk.vmdk", 10);
        VmdkBuilder.entry(file, 3, SparseExtent.ZEROED_GRAIN);
        file.put32(SparseHeader.VERSION_OFFSET, 2)
                .put32(SparseHeader.FLAGS_OFFSET, SparseHeader.FLAG_NEWLINE_TEST | SparseHeader.FLAG_ZEROED_GRAIN)
                .put(SECTOR_BYTES, (byte) 9);
        try (VmdkImage image = open(file)) {
            assertArrayEquals(new byte[512], Disks.read(image, 3L * GRAIN_BYTES, 512));
        }

        file.reopen();
        file.put32(SparseHeader.FLAGS_OFFSET, SparseHeader.FLAG_NEWLINE_TEST);
        try (VmdkImage image = open(file)) {
            assertEquals(9, Disks.read(image, 3L * GRAIN_BYTES, 512)[0]);
        }
    }

    @ParameterizedTest
    @ValueSource(longs = {0, 10_000_000, -2})
    void redundantDirectoryServesWhereTheOtherIsNotInTheFile(long sector) {
        BuiltImageFile file = VmdkBuilder.grain(VmdkBuilder.sparse("disk.vmdk", 10), 2, 5);
        file.put64(SparseHeader.GD_OFFSET_OFFSET, sector);
        try (VmdkImage image = open(file)) {
            assertArrayEquals(filled(512, 5), Disks.read(image, 2L * GRAIN_BYTES, 512));
        }

        file.reopen();
        file.put64(SparseHeader.RGD_OFFSET_OFFSET, sector);
        Disks.assertRefused("grain directory", () -> open(file));
    }

    @Test
    void redundantTableServesWhereTheOtherIsNotInTheFile() {
        BuiltImageFile file = VmdkBuilder.grain(VmdkBuilder.sparse("disk.vmdk", 1000), 600, 5);
        file.put32(VmdkBuilder.GD_SECTOR * SECTOR_BYTES + 4, 0xfffffff0L);
        try (VmdkImage image = open(file)) {
            ExtentList extents = new ExtentList();
            assertFalse(image.map(false, 600L * GRAIN_BYTES, 512, extents));
            assertArrayEquals(filled(512, 5), Disks.read(image, 600L * GRAIN_BYTES, 512));
            assertTrue(image.map(false, 600L * GRAIN_BYTES, 512, extents));
        }

        file.reopen();
        file.put32(SparseHeader.FLAGS_OFFSET, SparseHeader.FLAG_NEWLINE_TEST);
        try (VmdkImage image = open(file)) {
            assertEquals(BlockStatus.IO_ERROR, Disks.readFails(image, 600L * GRAIN_BYTES, 512));
            assertArrayEquals(new byte[512], Disks.read(image, 0, 512));
        }
    }

    @Test
    void grainBeyondTheEndOfTheFileIsAnIoError() {
        BuiltImageFile file = VmdkBuilder.sparse("disk.vmdk", 10);
        VmdkBuilder.entry(file, 0, 0xffffffffL);
        VmdkBuilder.entry(file, 1, VmdkBuilder.GRAINS_SECTOR);

        try (VmdkImage image = open(file)) {
            assertEquals(BlockStatus.IO_ERROR, Disks.readFails(image, 0, 512));
            assertEquals(BlockStatus.IO_ERROR, Disks.readFails(image, GRAIN_BYTES, 512));
        }
    }

    @ParameterizedTest
    @CsvSource({
        "0, 0x564d444c, is not a VMDK image", "0, 0x44574f43, COWD", "4, 0, version 0", "4, 4, version 4",
        "73, 0x0a0a200a, line ends", "12, 0, capacity", "16, 0x400000, capacity", "16, 0x80000000, capacity",
        "16, 0x3fff, entries", "20, 0, grains have 0", "20, 4, grains have 4", "20, 24, grains have 24",
        "20, 0x400000, grains have", "24, 1, grains have", "44, 0, have 0 entries", "44, 513, have 513 entries",
        "44, 0xffffffff, entries", "77, 2, compressed", "8, 0x10001, compressed", "28, 0x1000, descriptor",
        "32, 0x80000000, descriptor", "36, 0x100000, descriptor", "40, 0x80000000, descriptor"
    })
    void wrongHeaderIsRefused(int offset, String value, String cause) {
        BuiltImageFile file = VmdkBuilder.describe(VmdkBuilder.sparse("disk.vmdk", 10), VmdkBuilder.NO_PARENT);
        open(file).close();
        file.reopen();
        file.put32(offset, Long.decode(value));

        Disks.assertRefused(cause, () -> open(file));
        assertFalse(file.isClosed());
    }

    @ParameterizedTest
    @CsvSource({
        "'version=1\nparentCID=12345678\n', differs from its parent",
        "'version=1\nparentCID=ffffffff\nparentFileNameHint=\"a\u0007b.vmdk\"\n', parent",
        "'version=1\nparentCID=no\n', parentCID", "'CID=1\n', no version", "'version=4\n', no version",
        "'version=1\nRW 10 SPARSE \"a\"\nRW 10 FLAT \"b\" 0\n', one of several extents"
    })
    void wrongEmbeddedDescriptorIsRefused(String text, String cause) {
        BuiltImageFile file = VmdkBuilder.describe(VmdkBuilder.sparse("disk.vmdk", 10), text);

        Disks.assertRefused(cause, () -> open(file));
    }

    @Test
    void renamedImageIsRead() {
        BuiltImageFile file = VmdkBuilder.describe(
                VmdkBuilder.grain(VmdkBuilder.sparse("new.vmdk", 10), 0, 4),
                VmdkBuilder.NO_PARENT + "createType=\"monolithicSparse\"\nRW 80 SPARSE \"old.vmdk\"\n");

        try (VmdkImage image = open(file)) {
            assertEquals("monolithicSparse", image.createType());
            assertArrayEquals(filled(512, 4), Disks.read(image, 0, 512));
        }
    }

    @Test
    void streamIsReadThroughItsFooter() {
        byte[] random = new byte[GRAIN_BYTES];
        new Random(1).nextBytes(random);
        // The last grain is as short as the disk there; random data do not become smaller.
        BuiltImageFile file = VmdkBuilder.stream(100, Map.of(0, filled(GRAIN_BYTES, 1), 7, random, 99, filled(1024, 3)));

        try (VmdkImage image = open(file)) {
            assertEquals("streamOptimized", image.createType());
            assertArrayEquals(filled(GRAIN_BYTES, 1), Disks.read(image, 0, GRAIN_BYTES));
            assertArrayEquals(random, Disks.read(image, 7L * GRAIN_BYTES, GRAIN_BYTES));
            assertArrayEquals(new byte[GRAIN_BYTES], Disks.read(image, 8L * GRAIN_BYTES, GRAIN_BYTES));
            assertArrayEquals(filled(512, 3), Disks.read(image, 99L * GRAIN_BYTES + 512, 512));
            assertEquals(BlockStatus.IO_ERROR, Disks.readFails(image, 99L * GRAIN_BYTES + 1024, 512));
            assertFalse(image.map(false, 0, 512, new ExtentList()));
        }
    }

    @Test
    void smallReadsOfAPackedGrainUnpackItOnce() {
        BuiltImageFile file = VmdkBuilder.stream(100, Map.of(0, filled(GRAIN_BYTES, 1)));
        try (VmdkImage image = open(file)) {
            Disks.read(image, 0, 512);
            long before = file.reads();

            for (int i = 1; i < 8; i++) {
                assertArrayEquals(filled(512, 1), Disks.read(image, i * 512L, 512));
            }

            assertEquals(before, file.reads());
        }
    }

    @Test
    void packedGrainWithoutMarkersIsRead() {
        BuiltImageFile file = VmdkBuilder.sparse("disk.vmdk", 10)
                .put16(SparseHeader.COMPRESS_ALGORITHM_OFFSET, SparseHeader.COMPRESSION_DEFLATE);
        VmdkBuilder.entry(file, 1, VmdkBuilder.append(file, VmdkBuilder.deflate(filled(GRAIN_BYTES, 6))));

        try (VmdkImage image = open(file)) {
            assertArrayEquals(filled(GRAIN_BYTES, 6), Disks.read(image, GRAIN_BYTES, GRAIN_BYTES));
        }
    }

    @Test
    void damagedPackedGrainIsAnIoError() {
        BuiltImageFile file = VmdkBuilder.sparse("disk.vmdk", 100)
                .put16(SparseHeader.COMPRESS_ALGORITHM_OFFSET, SparseHeader.COMPRESSION_DEFLATE)
                .put32(SparseHeader.FLAGS_OFFSET, SparseHeader.FLAG_COMPRESSED | SparseHeader.FLAG_MARKERS);
        byte[] content = filled(GRAIN_BYTES, 1);
        byte[] otherSector = VmdkBuilder.packed(3, content);
        byte[] noData = VmdkBuilder.packed(8, content);
        byte[] tooMuch = VmdkBuilder.packed(16, content);
        byte[] cutOff = VmdkBuilder.packed(24, content);
        byte[] changed = VmdkBuilder.packed(32, content);
        byte[] tooLarge = VmdkBuilder.packed(40, filled(GRAIN_BYTES + 1, 1));
        noData[8] = 0;
        tooMuch[10] = 1;
        cutOff[8]--;
        changed[changed.length - 1] ^= 1;
        byte[][] grains = {otherSector, noData, tooMuch, cutOff, changed, tooLarge};
        for (int i = 0; i < grains.length; i++) {
            VmdkBuilder.entry(file, i, VmdkBuilder.append(file, grains[i]));
        }
        VmdkBuilder.entry(file, 6, 0x10000000);
        VmdkBuilder.entry(file, 7, VmdkBuilder.append(file, VmdkBuilder.packed(56, content)));

        try (VmdkImage image = open(file)) {
            for (int i = 0; i < 7; i++) {
                assertEquals(BlockStatus.IO_ERROR, Disks.readFails(image, (long) i * GRAIN_BYTES, 512));
            }
            assertArrayEquals(content, Disks.read(image, 7L * GRAIN_BYTES, GRAIN_BYTES));
            file.failWith(BlockStatus.IO_ERROR);
            assertEquals(BlockStatus.IO_ERROR, Disks.readFails(image, 0, 512));
            assertArrayEquals(content, Disks.read(image, 7L * GRAIN_BYTES, GRAIN_BYTES));
        }
    }

    @Test
    void packedGrainsThatAreTooLargeAreRefused() {
        BuiltImageFile file = VmdkBuilder.sparse("disk.vmdk", 100)
                .put16(SparseHeader.COMPRESS_ALGORITHM_OFFSET, SparseHeader.COMPRESSION_DEFLATE)
                .put64(SparseHeader.GRAIN_SIZE_OFFSET, SparseHeader.MAX_PACKED_GRAIN_SECTORS);
        open(file).close();

        file.reopen();
        file.put64(SparseHeader.GRAIN_SIZE_OFFSET, 2 * SparseHeader.MAX_PACKED_GRAIN_SECTORS);
        Disks.assertRefused("packed grains", () -> open(file));
    }

    @Test
    void streamWithoutItsFooterIsRefused() {
        BuiltImageFile file = VmdkBuilder.stream(10, Map.of(0, filled(GRAIN_BYTES, 1)));
        long size = file.sizeBytes();
        long footer = size - 2 * SECTOR_BYTES;
        for (long cutOff : new long[] {512, 1024, 70_000, size - 512, size - 1024}) {
            file.resize(cutOff);
            Disks.assertRefused("no footer", () -> open(file));
        }
        file.resize(size);
        for (long offset : new long[] {footer - 512 + 8, footer - 512 + 12, footer, size - 512, size - 504, size - 500}) {
            byte[] before = file.get(offset, 4);
            file.put32(offset, 9);
            Disks.assertRefused("no footer", () -> open(file));
            file.put(offset, before);
        }
        file.put64(footer + SparseHeader.GD_OFFSET_OFFSET, SparseHeader.GD_AT_END);
        Disks.assertRefused("no footer", () -> open(file));
    }

    @Test
    void readsAllocateNothing() {
        BuiltImageFile file = VmdkBuilder.sparse("disk.vmdk", 1000);
        for (int grain = 0; grain < 1000; grain += 3) {
            VmdkBuilder.grain(file, grain, 1);
        }
        try (VmdkImage image = VmdkImage.open(new WarmReads.TablesOnly(file), VmdkBuilder.files(), "disk")) {
            WarmReads.assertAllocateNothing(image);
        }
    }

    @Test
    void threadsReadPackedGrainsAtTheSameTime() throws Exception {
        Map<Integer, byte[]> grains = new HashMap<>();
        for (int grain = 0; grain < 60; grain++) {
            grains.put(grain, filled(GRAIN_BYTES, grain));
        }
        try (VmdkImage image = open(VmdkBuilder.stream(60, grains));
                ExecutorService threads = Executors.newFixedThreadPool(4)) {
            List<Callable<Integer>> readers = new ArrayList<>();
            for (int seed = 0; seed < 4; seed++) {
                Random random = new Random(seed);
                readers.add(() -> countWrong(image, random));
            }
            for (Future<Integer> wrong : threads.invokeAll(readers)) {
                assertEquals(0, wrong.get());
            }
        }
    }

    private static int countWrong(VmdkImage image, Random random) {
        int wrong = 0;
        for (int i = 0; i < 3000; i++) {
            int grain = random.nextInt(59);
            byte[] bytes = Disks.read(image, (long) grain * GRAIN_BYTES + 512, GRAIN_BYTES);
            if (bytes[0] != grain || bytes[GRAIN_BYTES - 1] != grain + 1) {
                wrong++;
            }
        }
        return wrong;
    }

    @Test
    void anyDamageIsRefusedOrAnIoError() {
        BuiltImageFile file = VmdkBuilder.describe(
                VmdkBuilder.sparse("disk.vmdk", 1000), VmdkBuilder.NO_PARENT + "RW 8000 SPARSE \"disk.vmdk\"\n");
        for (int i = 0; i < 20; i++) {
            VmdkBuilder.grain(file, i * 50, i);
        }
        long[][] regions = {
            {0, 80},
            {SECTOR_BYTES, SECTOR_BYTES + 110},
            {VmdkBuilder.GD_SECTOR * SECTOR_BYTES, VmdkBuilder.GD_SECTOR * SECTOR_BYTES + 8},
            {VmdkBuilder.RGD_SECTOR * SECTOR_BYTES, VmdkBuilder.RGD_SECTOR * SECTOR_BYTES + 8},
            {VmdkBuilder.GT_SECTOR * SECTOR_BYTES, VmdkBuilder.GT_SECTOR * SECTOR_BYTES + 64}
        };

        new Damage(file, regions, unchanged -> {}, SparseExtentTest::open).run(2500);
    }

    @Test
    void anyDamageToAStreamIsRefusedOrAnIoError() {
        byte[] random = new byte[GRAIN_BYTES];
        new Random(2).nextBytes(random);
        BuiltImageFile file = VmdkBuilder.stream(100, Map.of(0, filled(GRAIN_BYTES, 1), 7, random, 99, random));
        long size = file.sizeBytes();
        long[][] regions = {
            {0, 80},
            {VmdkBuilder.GRAINS_SECTOR * SECTOR_BYTES, VmdkBuilder.GRAINS_SECTOR * SECTOR_BYTES + 60},
            {size - 3 * SECTOR_BYTES, size - 3 * SECTOR_BYTES + 16},
            {size - 2 * SECTOR_BYTES, size - 2 * SECTOR_BYTES + 80},
            {size - 5 * SECTOR_BYTES, size - 4 * SECTOR_BYTES + 4}
        };

        new Damage(file, regions, unchanged -> {}, SparseExtentTest::open).run(2500);
    }
}

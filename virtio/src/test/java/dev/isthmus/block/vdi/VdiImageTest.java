// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.block.vdi;

import java.nio.file.Path;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

import dev.isthmus.block.BlockStatus;
import dev.isthmus.block.ImageException;
import dev.isthmus.block.ImageFormat;
import dev.isthmus.block.image.ImageFormats;
import dev.isthmus.block.mapped.BuiltImageFile;
import dev.isthmus.block.mapped.Damage;
import dev.isthmus.block.mapped.Disks;
import dev.isthmus.block.mapped.RawDisk;
import dev.isthmus.block.mapped.WarmReads;
import dev.isthmus.testing.block.ChannelImageFile;
import dev.isthmus.testing.block.QemuTools;

import static dev.isthmus.block.vdi.VdiBuilder.BLOCK_BYTES;
import static dev.isthmus.block.vdi.VdiBuilder.filled;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;

class VdiImageTest {
    @TempDir
    Path folder;

    @ParameterizedTest
    @CsvSource({
        "512, static=off", "1048576, static=off", "3146240, static=off", "73440256, static=off", "3146240, static=on",
        "73440256, static=on", "5368709120, static=off"
    })
    void imageOfQemuReadsAsItsSource(long sizeBytes, String options) {
        QemuTools.require();
        RawDisk raw = RawDisk.create(folder.resolve("raw"), sizeBytes, sizeBytes, 40, sizeBytes / 2);
        Path path = folder.resolve("disk.vdi");
        new QemuTools(folder).convertRaw(raw.path(), "vdi", options, path);

        try (ChannelImageFile file = new ChannelImageFile(path, true)) {
            assertEquals(ImageFormat.VDI, ImageFormats.probe(file));
            try (VdiImage image = VdiImage.open(file, "disk")) {
                assertEquals(options.endsWith("on"), image.fixed());
                assertEquals(1 << 20, image.blockBytes());
                Disks.assertSame(raw, image, true);
            }
            assertFalse(file.isOpen());
        }
    }

    @Test
    void discardedAndFreeBlocksReadAsZeroes() {
        BuiltImageFile file = VdiBuilder.image(
                5, 1, VdiImage.VDI_IMAGE_BLOCK_ZERO, 0, VdiImage.VDI_IMAGE_BLOCK_FREE);

        try (VdiImage image = VdiImage.open(file, "disk")) {
            assertArrayEquals(filled(BLOCK_BYTES, 2), Disks.read(image, 0, BLOCK_BYTES));
            assertArrayEquals(filled(BLOCK_BYTES, 0), Disks.read(image, BLOCK_BYTES, BLOCK_BYTES));
            assertArrayEquals(filled(BLOCK_BYTES, 1), Disks.read(image, 2 * BLOCK_BYTES, BLOCK_BYTES));
            assertArrayEquals(filled(2 * BLOCK_BYTES, 0), Disks.read(image, 3 * BLOCK_BYTES, 2 * BLOCK_BYTES));
        }
    }

    @Test
    void blocksThatFollowEachOtherAreReadAtOnce() {
        BuiltImageFile file = VdiBuilder.image(4, 0, 1, 2, 3);
        try (VdiImage image = VdiImage.open(file, "disk")) {
            Disks.read(image, 0, 512);
            long before = file.reads();

            Disks.read(image, 0, 4 * BLOCK_BYTES);

            assertEquals(before + 1, file.reads());
        }
    }

    @Test
    void extraBytesInFrontOfBlocksAreSkipped() {
        BuiltImageFile file = VdiBuilder.imageOf(2, BLOCK_BYTES, 512, 1, 0);

        try (VdiImage image = VdiImage.open(file, "disk")) {
            assertArrayEquals(filled(BLOCK_BYTES, 2), Disks.read(image, 0, BLOCK_BYTES));
            assertArrayEquals(filled(BLOCK_BYTES, 1), Disks.read(image, BLOCK_BYTES, BLOCK_BYTES));
        }
    }

    @Test
    void oddDiskSizeIsPaddedToASector() {
        BuiltImageFile file = VdiBuilder.image(2, 0).put64(VdiHeader.CB_DISK_OFFSET, BLOCK_BYTES + 1);

        try (VdiImage image = VdiImage.open(file, "disk")) {
            assertEquals(BLOCK_BYTES + 512, image.capacityBytes());
        }
    }

    @Test
    void oldHeaderWithoutGeometryIsRead() {
        BuiltImageFile file = VdiBuilder.image(1, 0)
                .put32(VdiHeader.CB_HEADER_OFFSET, VdiHeader.VDIHEADER1_BYTES)
                .put32(VdiHeader.LCHS_SECTOR_SIZE_OFFSET, 0);

        try (VdiImage image = VdiImage.open(file, "disk")) {
            assertArrayEquals(filled(512, 1), Disks.read(image, 0, 512));
        }
    }

    @Test
    void blockNumberBeyondTheBlocksIsAnIoError() {
        try (VdiImage image = VdiImage.open(VdiBuilder.image(3, 3, 0, 0xfffffffdL), "disk")) {
            assertEquals(BlockStatus.IO_ERROR, Disks.readFails(image, 0, 512));
            assertEquals(BlockStatus.IO_ERROR, Disks.readFails(image, 2 * BLOCK_BYTES, 512));
            assertArrayEquals(filled(512, 1), Disks.read(image, BLOCK_BYTES, 512));
        }
    }

    @Test
    void blockBeyondTheEndOfTheFileIsAnIoError() {
        BuiltImageFile file = VdiBuilder.image(2, 0, 1);
        file.resize(VdiBuilder.DATA_OFFSET + BLOCK_BYTES + 1024);

        try (VdiImage image = VdiImage.open(file, "disk")) {
            assertArrayEquals(filled(1024, 2), Disks.read(image, BLOCK_BYTES, 1024));
            assertEquals(BlockStatus.IO_ERROR, Disks.readFails(image, BLOCK_BYTES + 1024, 512));
            assertEquals(BlockStatus.IO_ERROR, Disks.readFails(image, BLOCK_BYTES, BLOCK_BYTES));
        }
    }

    @ParameterizedTest
    @CsvSource({
        "64, 0xbeda107e, is not a VDI image", "68, 0x00020001, version 2.1", "68, 2, version 0.2", "72, 383, header",
        "76, 0, type is 0", "76, 3, differs", "76, 4, differs", "76, 5, type is 5", "424, 1, linked", "452, 1, linked",
        "468, 4096, sectors have 4096", "368, 0x10000, does not fit", "372, 0x80000000, disk has", "376, 0, blocks have 0",
        "376, 4095, blocks have 4095", "376, 256, blocks have 256", "376, 0x80000000, blocks have", "380, 3, extra",
        "384, 0x40000000, blocks", "340, 8, block map is at", "340, 1026, block map is at", "344, 1028, within its block map",
        "384, 0x4000, within its block map"
    })
    void wrongHeaderIsRefused(int offset, String value, String cause) {
        BuiltImageFile file = VdiBuilder.image(4, 0).put32(offset, Long.decode(value));

        Disks.assertRefused(cause, () -> VdiImage.open(file, "disk"));
        assertFalse(file.isClosed());
    }

    @Test
    void blockMapBeyondTheEndOfTheFileIsRefused() {
        BuiltImageFile file = VdiBuilder.image(4, 0);
        file.resize(VdiBuilder.MAP_OFFSET + 12);

        Disks.assertRefused("beyond the end", () -> VdiImage.open(file, "disk"));
    }

    @Test
    void largestDiskOpensInBoundedMemory() {
        // Nearly 2^30 blocks of 1 MiB, of 1 PiB in all: a map of 4 GiB, behind which the blocks can just begin.
        long blocks = 0x3ffff000;
        long dataOffset = 0xfffff000L;
        BuiltImageFile file = VdiBuilder.imageOf(1, 1 << 20, 0, 0)
                .put32(VdiHeader.C_BLOCKS_OFFSET, blocks)
                .put64(VdiHeader.CB_DISK_OFFSET, blocks << 20)
                .put32(VdiHeader.OFF_BLOCKS_OFFSET, 512)
                .put32(VdiHeader.OFF_DATA_OFFSET, dataOffset)
                .put32(512 + (blocks - 1) * 4, 7)
                .put(dataOffset + (7L << 20), filled(512, 9));

        try (VdiImage image = VdiImage.open(file, "disk")) {
            assertEquals(blocks << 20, image.capacityBytes());
            assertArrayEquals(filled(512, 9), Disks.read(image, (blocks - 1) << 20, 512));
        }
    }

    @ParameterizedTest
    @ValueSource(longs = {0, 63, 68, 300, 460})
    void cutOffHeaderIsNoImageOrDamaged(long sizeBytes) {
        BuiltImageFile file = VdiBuilder.image(4, 0);
        file.resize(sizeBytes);

        assertThrows(ImageException.class, () -> VdiImage.open(file, "disk"));
    }

    @Test
    void hostErrorIsTold() {
        BuiltImageFile file = VdiBuilder.image(4, 0, 1);
        try (VdiImage image = VdiImage.open(file, "disk")) {
            file.failWith(BlockStatus.IO_ERROR);
            assertEquals(BlockStatus.IO_ERROR, Disks.readFails(image, 0, 512));
            file.failWith(BlockStatus.OK);
            assertArrayEquals(filled(512, 1), Disks.read(image, 0, 512));
            file.failWith(BlockStatus.IO_ERROR);
            assertEquals(BlockStatus.IO_ERROR, Disks.readFails(image, 0, 512));
        }
        BuiltImageFile failing = VdiBuilder.image(4, 0);
        failing.failWith(BlockStatus.IO_ERROR);
        assertThrows(ImageException.class, () -> VdiImage.open(failing, "disk"));
    }

    @Test
    void readsAllocateNothing() {
        BuiltImageFile file = VdiBuilder.image(9, 3, VdiImage.VDI_IMAGE_BLOCK_ZERO, 0, 1, 2);
        try (VdiImage image = VdiImage.open(new WarmReads.TablesOnly(file), "disk")) {
            WarmReads.assertAllocateNothing(image);
        }
    }

    @Test
    void anyDamageIsRefusedOrAnIoError() {
        BuiltImageFile file = VdiBuilder.image(600, 0, 1, VdiImage.VDI_IMAGE_BLOCK_ZERO, 2);
        long[][] regions = {{64, 80}, {340, 472}, {VdiBuilder.MAP_OFFSET, VdiBuilder.MAP_OFFSET + 64}};

        new Damage(file, regions, unchanged -> {}, damaged -> VdiImage.open(damaged, "disk")).run(3000);
    }
}

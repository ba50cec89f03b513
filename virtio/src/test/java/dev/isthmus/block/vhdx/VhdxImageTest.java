// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.block.vhdx;

import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.HexFormat;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

import dev.isthmus.block.BlockGeometry;
import dev.isthmus.block.BlockStatus;
import dev.isthmus.block.ImageFormat;
import dev.isthmus.block.image.ImageFormats;
import dev.isthmus.block.mapped.BuiltImageFile;
import dev.isthmus.block.mapped.Damage;
import dev.isthmus.block.mapped.Disks;
import dev.isthmus.block.mapped.RawDisk;
import dev.isthmus.block.mapped.WarmReads;
import dev.isthmus.testing.block.ChannelImageFile;
import dev.isthmus.testing.block.QemuTools;

import static dev.isthmus.block.vhdx.VhdxBuilder.BLOCKS_OFFSET;
import static dev.isthmus.block.vhdx.VhdxBuilder.METADATA_OFFSET;
import static dev.isthmus.block.vhdx.VhdxBuilder.MIB;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;

class VhdxImageTest {
    @TempDir
    Path folder;

    @ParameterizedTest
    @CsvSource({
        "1049088, 'subformat=dynamic,block_size=1M'",
        "73438720, 'subformat=dynamic,block_size=1M,block_state_zero=off'",
        "73438720, 'subformat=dynamic,block_size=2M'",
        "73438720, 'subformat=dynamic,block_size=32M'",
        "73438720, 'subformat=dynamic,block_size=256M'",
        "73438720, 'subformat=fixed,block_size=1M'",
        // The BAT's entry for a bitmap comes after 4096 blocks.
        "5368709120, 'subformat=dynamic,block_size=1M'"
    })
    void imageOfQemuReadsAsItsSource(long sizeBytes, String options) {
        QemuTools.require();
        RawDisk raw = RawDisk.create(folder.resolve("raw"), sizeBytes, sizeBytes, 40, Math.min(sizeBytes, 4L << 30));
        Path path = folder.resolve("disk.vhdx");
        new QemuTools(folder).convertRaw(raw.path(), "vhdx", options, path);

        try (ChannelImageFile file = new ChannelImageFile(path, true)) {
            assertEquals(ImageFormat.VHDX, ImageFormats.probe(file));
            try (VhdxImage image = VhdxImage.open(file, "disk")) {
                assertEquals(options.contains("fixed"), image.fixed());
                assertFalse(image.logReplayed());
                Disks.assertSame(raw, image, true);
            }
            assertFalse(file.isOpen());
        }
    }

    @ParameterizedTest
    @ValueSource(ints = {
        VhdxImage.PAYLOAD_BLOCK_NOT_PRESENT,
        VhdxImage.PAYLOAD_BLOCK_UNDEFINED,
        VhdxImage.PAYLOAD_BLOCK_ZERO,
        VhdxImage.PAYLOAD_BLOCK_UNMAPPED
    })
    void blockThatIsNotPresentReadsAsZeroesWhateverItsOffset(int state) {
        BuiltImageFile file = VhdxBuilder.image(2 * MIB);
        VhdxBuilder.bat(file, 0, BLOCKS_OFFSET, state);
        VhdxBuilder.bat(file, 1, BLOCKS_OFFSET, VhdxImage.PAYLOAD_BLOCK_FULLY_PRESENT);
        file.put(BLOCKS_OFFSET, filled((int) MIB, 5));

        try (VhdxImage image = VhdxImage.open(file, "disk")) {
            assertArrayEquals(new byte[4096], Disks.read(image, MIB - 4096, 4096));
            assertArrayEquals(filled(4096, 5), Disks.read(image, MIB, 4096));
        }
    }

    @ParameterizedTest
    @ValueSource(ints = {4, 5, VhdxImage.PAYLOAD_BLOCK_PARTIALLY_PRESENT})
    void blockOfInvalidStateIsAnIoError(int state) {
        BuiltImageFile file = VhdxBuilder.bat(VhdxBuilder.image(2 * MIB), 0, BLOCKS_OFFSET, state);

        try (VhdxImage image = VhdxImage.open(file, "disk")) {
            assertEquals(BlockStatus.IO_ERROR, Disks.readFails(image, 0, 512));
            assertArrayEquals(new byte[512], Disks.read(image, MIB, 512));
        }
    }

    @ParameterizedTest
    @ValueSource(longs = {0, 5 << 20, 1L << 40, 1L << 62, 0x7ffffffffff00000L, 0xfffffffffff00000L})
    void blockOutsideOfTheFileIsAnIoError(long offset) {
        BuiltImageFile file = VhdxBuilder.image(2 * MIB);
        VhdxBuilder.bat(file, 0, offset, VhdxImage.PAYLOAD_BLOCK_FULLY_PRESENT);

        try (VhdxImage image = VhdxImage.open(file, "disk")) {
            assertEquals(BlockStatus.IO_ERROR, Disks.readFails(image, 0, 512));
        }
    }

    @Test
    void sectorsOf4KibAreExposed() {
        // A bitmap tells of 2^23 sectors: 32 GiB, which are 32768 blocks of 1 MiB.
        BuiltImageFile file = VhdxBuilder.image(32769 * MIB, MIB, 4096, MIB);
        VhdxBuilder.bat(file, 32769, BLOCKS_OFFSET, VhdxImage.PAYLOAD_BLOCK_FULLY_PRESENT);
        file.put(BLOCKS_OFFSET, filled((int) MIB, 3));

        try (VhdxImage image = VhdxImage.open(file, "disk")) {
            assertEquals(new BlockGeometry(4096, 4096, 0, 0), image.geometry());
            assertArrayEquals(filled(512, 3), Disks.read(image, 32768 * MIB, 512));
            assertArrayEquals(new byte[512], Disks.read(image, 32768 * MIB - 512, 512));
        }
    }

    @Test
    void largestDiskOpensInBoundedMemory() {
        // 64 TiB in blocks of 1 MiB: 2^26 entries, and one for each 4096 of them but the last.
        long blocks = 1L << 26;
        long lastEntry = blocks - 1 + (blocks - 1) / 4096;
        BuiltImageFile file = VhdxBuilder.image(64L << 40, MIB, 512, 514 * MIB);
        long offset = VhdxBuilder.BAT_OFFSET + 514 * MIB;
        VhdxBuilder.bat(file, lastEntry, offset, VhdxImage.PAYLOAD_BLOCK_FULLY_PRESENT);
        file.put(offset, filled((int) MIB, 9));

        try (VhdxImage image = VhdxImage.open(file, "disk")) {
            assertArrayEquals(filled(512, 9), Disks.read(image, (64L << 40) - 512, 512));
            assertArrayEquals(new byte[512], Disks.read(image, (64L << 40) - MIB - 512, 512));
        }
    }

    @Test
    void emptyDiskOpens() {
        try (VhdxImage image = VhdxImage.open(VhdxBuilder.image(0), "disk")) {
            assertEquals(0, image.capacityBytes());
        }
    }

    @Test
    void headerWithTheHigherSequenceNumberIsCurrent() {
        BuiltImageFile file = VhdxBuilder.image(MIB);
        file.put16(VhdxHeader.HEADER_1_OFFSET + VhdxHeader.VERSION_OFFSET, 2);
        VhdxBuilder.checksums(file);
        VhdxImage.open(file, "disk").close();

        file.reopen();
        file.put64(VhdxHeader.HEADER_1_OFFSET + VhdxHeader.SEQUENCE_NUMBER_OFFSET, -1);
        VhdxBuilder.checksums(file);
        Disks.assertRefused("version 2", () -> VhdxImage.open(file, "disk"));

        // It does not count where its checksum is wrong.
        file.put32(VhdxHeader.HEADER_1_OFFSET + Checksums.CHECKSUM_OFFSET, 1);
        VhdxImage.open(file, "disk").close();
    }

    @Test
    void sameHeaderTwiceIsTakenAndDifferentOnesOfOneNumberAreNot() {
        BuiltImageFile file = VhdxBuilder.image(MIB);
        file.put64(VhdxHeader.HEADER_1_OFFSET + VhdxHeader.SEQUENCE_NUMBER_OFFSET, 8);
        VhdxBuilder.checksums(file);
        VhdxImage.open(file, "disk").close();

        file.reopen();
        file.put32(VhdxHeader.HEADER_1_OFFSET + VhdxHeader.LOG_LENGTH_OFFSET, 0);
        VhdxBuilder.checksums(file);
        Disks.assertRefused("same sequence number", () -> VhdxImage.open(file, "disk"));
    }

    @Test
    void secondRegionTableServesWhereTheFirstIsDamaged() {
        BuiltImageFile file = VhdxBuilder.image(MIB);
        file.put(RegionTable.TABLE_1_OFFSET + 100, (byte) 1);
        VhdxImage.open(file, "disk").close();

        file.reopen();
        file.put(RegionTable.TABLE_2_OFFSET + 100, (byte) 1);
        Disks.assertRefused("neither of its region tables", () -> VhdxImage.open(file, "disk"));
    }

    @ParameterizedTest
    @CsvSource({
        "0, 0x64647600, not a VHDX image",
        "0x20044, 0x100001, its log is at",
        "0x20048, 0x80000, its log is at",
        "0x30008, 2048, has 2048 entries",
        "0x30008, 1, lacks the BAT or the metadata",
        "0x30010, 0, unknown kind",
        "0x30020, 0, a region is at",
        "0x30020, 0x310000, a region is at",
        "0x30028, 0x80000, a region is at",
        "0x30020, 0x200000, regions overlap",
        "0x30020, 0x100000, regions overlap",
        "0x30028, 0, too short for its disk",
        "0x200000, 0, metadata table",
        "0x20000a, 2048, metadata table",
        "0x20000a, 3, required item is missing",
        "0x200034, 3, outside of their region",
        "0x200030, 0xffff, outside of their region",
        "0x200030, 0xffffc, outside of their region",
        "0x210000, 0x80000, blocks have 524288",
        "0x210000, 0x180000, blocks have 1572864",
        "0x210000, 0x20000000, blocks have 536870912",
        "0x210004, 2, differs from its parent",
        "0x210008, 1000, disk has",
        "0x21000c, 0x4001, disk has",
        "0x21000c, 0x80000000, disk has",
        "0x210010, 1024, sectors have 1024",
        "0x210014, 513, sectors have 513"
    })
    void wrongFieldIsRefused(String offset, String value, String cause) {
        BuiltImageFile file = VhdxBuilder.image(2 * MIB).put32(Long.decode(offset), Long.decode(value));
        VhdxBuilder.checksums(file);
        // Only the first table counts, and the second header.
        file.put32(VhdxHeader.HEADER_1_OFFSET, 0).put32(RegionTable.TABLE_2_OFFSET, 0);

        Disks.assertRefused(cause, () -> VhdxImage.open(file, "disk"));
        assertFalse(file.isClosed());
    }

    @Test
    void unknownItemIsRefusedOnlyIfItIsRequired() {
        Guid unknown = Guid.of("00000000-1111-2222-3333-444444444444");
        BuiltImageFile file = VhdxBuilder.image(MIB);
        VhdxBuilder.item(file, 6, unknown, 0, 0);
        file.put16(METADATA_OFFSET + Metadata.ENTRY_COUNT_OFFSET, 6);
        Disks.assertRefused("unknown kind", () -> VhdxImage.open(file, "disk"));

        file.put32(METADATA_OFFSET + 6 * Metadata.ENTRY_BYTES + Metadata.ENTRY_FLAGS_OFFSET, Metadata.IS_USER);
        VhdxImage.open(file, "disk").close();
    }

    @Test
    void itemsThatAreNamedTwiceOrNameAParentAreRefused() {
        BuiltImageFile file = VhdxBuilder.image(MIB);
        VhdxBuilder.item(file, 5, Metadata.VIRTUAL_DISK_SIZE, VhdxBuilder.DISK_SIZE_OFFSET, 8);
        Disks.assertRefused("an item twice", () -> VhdxImage.open(file, "disk"));
        VhdxBuilder.item(file, 5, Metadata.PARENT_LOCATOR, VhdxBuilder.DISK_SIZE_OFFSET, 20);
        Disks.assertRefused("differs from its parent", () -> VhdxImage.open(file, "disk"));
    }

    @Test
    void usersItemWithAKnownIdIsAnotherItem() {
        BuiltImageFile file = VhdxBuilder.image(MIB);
        VhdxBuilder.item(file, 6, Metadata.VIRTUAL_DISK_SIZE, VhdxBuilder.DISK_SIZE_OFFSET, 8);
        file.put32(METADATA_OFFSET + 6 * Metadata.ENTRY_BYTES + Metadata.ENTRY_FLAGS_OFFSET, Metadata.IS_USER);
        file.put16(METADATA_OFFSET + Metadata.ENTRY_COUNT_OFFSET, 6);

        VhdxImage.open(file, "disk").close();
    }

    @Test
    void regionThatIsNamedTwiceIsRefused() {
        BuiltImageFile file = VhdxBuilder.image(MIB);
        long entry = RegionTable.TABLE_1_OFFSET + RegionTable.FIRST_ENTRY_OFFSET + 2 * RegionTable.ENTRY_BYTES;
        VhdxBuilder.region(file, entry, RegionTable.BAT_GUID, 9 * MIB, MIB);
        file.put32(RegionTable.TABLE_1_OFFSET + RegionTable.ENTRY_COUNT_OFFSET, 3);
        VhdxBuilder.checksums(file);

        Disks.assertRefused("names a region twice", () -> VhdxImage.open(file, "disk"));
    }

    @ParameterizedTest
    @CsvSource({
        "0, not a VHDX image", "7, not a VHDX image", "65536, neither of its headers",
        "196650, neither of its region tables", "2097152, metadata table", "3145728, beyond the end"
    })
    void cutOffFileIsRefused(long sizeBytes, String cause) {
        BuiltImageFile file = VhdxBuilder.image(MIB);
        file.resize(sizeBytes);

        Disks.assertRefused(cause, () -> VhdxImage.open(file, "disk"));
    }

    @Test
    void hostErrorIsTold() {
        BuiltImageFile file = VhdxBuilder.image(MIB);
        try (VhdxImage image = VhdxImage.open(file, "disk")) {
            file.failWith(BlockStatus.IO_ERROR);
            assertEquals(BlockStatus.IO_ERROR, Disks.readFails(image, 0, 512));
        }
        file.reopen();
        Disks.assertRefused("can't be read", () -> VhdxImage.open(file, "disk"));
    }

    @Test
    void guidsLieInTheFileWithTheirFirstGroupsReversed() {
        BuiltImageFile file = VhdxBuilder.image(MIB);

        byte[] guid = file.get(METADATA_OFFSET + Metadata.ENTRY_BYTES, Guid.BYTES);

        assertEquals("3767a1ca36fa434db3b633f0aa44e76b", HexFormat.of().formatHex(guid));
        assertEquals("metadata", new String(file.get(METADATA_OFFSET, 8), StandardCharsets.US_ASCII));
    }

    @Test
    void readsAllocateNothing() {
        BuiltImageFile file = VhdxBuilder.image(3 * MIB);
        VhdxBuilder.bat(file, 0, BLOCKS_OFFSET, VhdxImage.PAYLOAD_BLOCK_FULLY_PRESENT);
        VhdxBuilder.bat(file, 2, BLOCKS_OFFSET + MIB, VhdxImage.PAYLOAD_BLOCK_FULLY_PRESENT);
        file.resize(BLOCKS_OFFSET + 2 * MIB);
        try (VhdxImage image = VhdxImage.open(new WarmReads.TablesOnly(file), "disk")) {
            WarmReads.assertAllocateNothing(image);
        }
    }

    @Test
    void anyDamageIsRefusedOrAnIoError() {
        BuiltImageFile file = VhdxBuilder.image(600 * MIB);
        VhdxBuilder.bat(file, 0, BLOCKS_OFFSET, VhdxImage.PAYLOAD_BLOCK_FULLY_PRESENT);
        VhdxBuilder.bat(file, 1, BLOCKS_OFFSET + MIB, VhdxImage.PAYLOAD_BLOCK_FULLY_PRESENT);
        file.put(BLOCKS_OFFSET, filled((int) (2 * MIB), 5));
        long[][] regions = {
            {VhdxHeader.HEADER_1_OFFSET, VhdxHeader.HEADER_1_OFFSET + 80},
            {VhdxHeader.HEADER_2_OFFSET, VhdxHeader.HEADER_2_OFFSET + 80},
            {RegionTable.TABLE_1_OFFSET, RegionTable.TABLE_1_OFFSET + 80},
            {METADATA_OFFSET, METADATA_OFFSET + 192},
            {METADATA_OFFSET + VhdxBuilder.ITEMS_OFFSET, METADATA_OFFSET + VhdxBuilder.ITEMS_OFFSET + 24},
            {VhdxBuilder.BAT_OFFSET, VhdxBuilder.BAT_OFFSET + 24}
        };

        new Damage(file, regions, VhdxBuilder::checksums, damaged -> VhdxImage.open(damaged, "disk")).run(2500);
    }

    static byte[] filled(int lengthBytes, int value) {
        byte[] bytes = new byte[lengthBytes];
        Arrays.fill(bytes, (byte) value);
        return bytes;
    }
}

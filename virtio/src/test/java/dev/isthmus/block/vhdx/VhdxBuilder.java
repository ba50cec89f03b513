// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.block.vhdx;

import java.nio.charset.StandardCharsets;
import java.util.zip.CRC32C;

import dev.isthmus.block.mapped.BuiltImageFile;

/**
 * Puts images together, valid ones unless a test changes them: the header section, then the log, the metadata, the BAT
 * and the payload blocks.
 */
final class VhdxBuilder {
    static final long MIB = 1 << 20;
    static final long LOG_OFFSET = MIB;
    static final long METADATA_OFFSET = 2 * MIB;
    static final long BAT_OFFSET = 3 * MIB;
    static final long BLOCKS_OFFSET = 4 * MIB;
    static final int LOG_BYTES = (int) MIB;
    static final int ITEMS_OFFSET = Metadata.TABLE_BYTES;
    static final int FILE_PARAMETERS_OFFSET = ITEMS_OFFSET;
    static final int DISK_SIZE_OFFSET = ITEMS_OFFSET + 8;
    static final int LOGICAL_SECTOR_OFFSET = ITEMS_OFFSET + 16;
    static final int PHYSICAL_SECTOR_OFFSET = ITEMS_OFFSET + 20;

    /** What the log of images with one is known by. */
    static final Guid LOG_GUID = Guid.of("11223344-5566-7788-99aa-bbccddeeff00");

    private VhdxBuilder() {}

    /** Makes an image with blocks of 1 MiB and a BAT of 1 MiB, in which nothing is present. */
    static BuiltImageFile image(long diskBytes) {
        return image(diskBytes, MIB, 512, MIB);
    }

    /** Makes an image in which nothing is present. */
    static BuiltImageFile image(long diskBytes, long blockBytes, int sectorBytes, long batBytes) {
        BuiltImageFile file = new BuiltImageFile("built.vhdx", BAT_OFFSET + batBytes);
        file.put(0, "vhdxfile".getBytes(StandardCharsets.US_ASCII));
        header(file, VhdxHeader.HEADER_1_OFFSET, 7);
        header(file, VhdxHeader.HEADER_2_OFFSET, 8);
        regionTable(file, RegionTable.TABLE_1_OFFSET, batBytes);
        regionTable(file, RegionTable.TABLE_2_OFFSET, batBytes);
        metadata(file, diskBytes, blockBytes, sectorBytes);
        checksums(file);
        return file;
    }

    private static void header(BuiltImageFile file, int offset, long sequenceNumber) {
        file.put(offset, "head".getBytes(StandardCharsets.US_ASCII));
        file.put64(offset + VhdxHeader.SEQUENCE_NUMBER_OFFSET, sequenceNumber);
        file.put16(offset + VhdxHeader.VERSION_OFFSET, 1);
        file.put32(offset + VhdxHeader.LOG_LENGTH_OFFSET, LOG_BYTES);
        file.put64(offset + VhdxHeader.LOG_OFFSET_OFFSET, LOG_OFFSET);
    }

    private static void regionTable(BuiltImageFile file, int offset, long batBytes) {
        file.put(offset, "regi".getBytes(StandardCharsets.US_ASCII));
        file.put32(offset + RegionTable.ENTRY_COUNT_OFFSET, 2);
        region(file, offset + RegionTable.FIRST_ENTRY_OFFSET, RegionTable.BAT_GUID, BAT_OFFSET, batBytes);
        region(
                file,
                offset + RegionTable.FIRST_ENTRY_OFFSET + RegionTable.ENTRY_BYTES,
                RegionTable.METADATA_GUID,
                METADATA_OFFSET,
                MIB);
    }

    /** Sets an entry of a region table, of a region that is required. */
    static void region(BuiltImageFile file, long entry, Guid guid, long offset, long length) {
        guid(file, entry, guid);
        file.put64(entry + RegionTable.ENTRY_FILE_OFFSET_OFFSET, offset);
        file.put32(entry + RegionTable.ENTRY_LENGTH_OFFSET, length);
        file.put32(entry + RegionTable.ENTRY_REQUIRED_OFFSET, 1);
    }

    private static void metadata(BuiltImageFile file, long diskBytes, long blockBytes, int sectorBytes) {
        file.put(METADATA_OFFSET, "metadata".getBytes(StandardCharsets.US_ASCII));
        file.put16(METADATA_OFFSET + Metadata.ENTRY_COUNT_OFFSET, 5);
        item(file, 1, Metadata.FILE_PARAMETERS, FILE_PARAMETERS_OFFSET, 8);
        item(file, 2, Metadata.VIRTUAL_DISK_SIZE, DISK_SIZE_OFFSET, 8);
        item(file, 3, Metadata.LOGICAL_SECTOR_SIZE, LOGICAL_SECTOR_OFFSET, 4);
        item(file, 4, Metadata.PHYSICAL_SECTOR_SIZE, PHYSICAL_SECTOR_OFFSET, 4);
        item(file, 5, Metadata.VIRTUAL_DISK_ID, PHYSICAL_SECTOR_OFFSET + 4, 16);
        file.put32(METADATA_OFFSET + FILE_PARAMETERS_OFFSET, blockBytes);
        file.put64(METADATA_OFFSET + DISK_SIZE_OFFSET, diskBytes);
        file.put32(METADATA_OFFSET + LOGICAL_SECTOR_OFFSET, sectorBytes);
        file.put32(METADATA_OFFSET + PHYSICAL_SECTOR_OFFSET, 4096);
    }

    /** Sets an entry of the metadata table, from 1 on, of an item that is required. */
    static void item(BuiltImageFile file, int index, Guid id, int offset, int length) {
        long entry = METADATA_OFFSET + (long) index * Metadata.ENTRY_BYTES;
        guid(file, entry, id);
        file.put32(entry + Metadata.ENTRY_OFFSET_OFFSET, offset);
        file.put32(entry + Metadata.ENTRY_LENGTH_OFFSET, length);
        file.put32(entry + Metadata.ENTRY_FLAGS_OFFSET, Metadata.IS_REQUIRED);
    }

    /** Sets an entry of the BAT by its index, bitmaps counted. */
    static BuiltImageFile bat(BuiltImageFile file, long index, long offset, int state) {
        return file.put64(BAT_OFFSET + index * VhdxImage.BAT_ENTRY_BYTES, offset | state);
    }

    /** Says in both headers that there is a log. */
    static BuiltImageFile withLog(BuiltImageFile file) {
        guid(file, VhdxHeader.HEADER_1_OFFSET + VhdxHeader.LOG_GUID_OFFSET, LOG_GUID);
        guid(file, VhdxHeader.HEADER_2_OFFSET + VhdxHeader.LOG_GUID_OFFSET, LOG_GUID);
        checksums(file);
        return file;
    }

    static void guid(BuiltImageFile file, long offset, Guid guid) {
        file.put64(offset, guid.low()).put64(offset + 8, guid.high());
    }

    /** Makes all checksums outside of the log right. */
    static void checksums(BuiltImageFile file) {
        checksum(file, VhdxHeader.HEADER_1_OFFSET, VhdxHeader.HEADER_BYTES);
        checksum(file, VhdxHeader.HEADER_2_OFFSET, VhdxHeader.HEADER_BYTES);
        checksum(file, RegionTable.TABLE_1_OFFSET, RegionTable.TABLE_BYTES);
        checksum(file, RegionTable.TABLE_2_OFFSET, RegionTable.TABLE_BYTES);
    }

    private static void checksum(BuiltImageFile file, int offset, int lengthBytes) {
        file.put32(offset + Checksums.CHECKSUM_OFFSET, 0);
        file.put32(offset + Checksums.CHECKSUM_OFFSET, crc(file.get(offset, lengthBytes)));
    }

    static long crc(byte[] bytes) {
        CRC32C crc = new CRC32C();
        crc.update(bytes);
        return crc.getValue();
    }
}

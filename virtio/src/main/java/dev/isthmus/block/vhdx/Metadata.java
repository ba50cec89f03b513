// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.block.vhdx;

import java.lang.foreign.Arena;

import dev.isthmus.block.ImageException;
import dev.isthmus.block.ImageFile;
import dev.isthmus.block.mapped.FileBytes;
import dev.isthmus.block.mapped.ImageErrors;

/**
 * The metadata items that tell how to read a disk (MS-VHDX 2.6), checked.
 *
 * @param blockBytes the size of a payload block, a power of 2 from 1 MiB to 256 MiB
 * @param fixed whether all blocks were allocated when it was made (LeaveBlockAllocated)
 * @param diskBytes the disk's size, a multiple of its sectors' and at most 64 TiB
 * @param logicalSectorBytes 512 or 4096
 * @param physicalSectorBytes 512 or 4096
 */
record Metadata(long blockBytes, boolean fixed, long diskBytes, int logicalSectorBytes, int physicalSectorBytes) {
    /** "metadata". */
    static final long METADATA_SIGNATURE = 0x617461646174656dL;

    static final int TABLE_BYTES = 64 << 10;
    static final int ENTRY_COUNT_OFFSET = 10;
    static final int ENTRY_BYTES = 32;
    static final int ENTRY_OFFSET_OFFSET = 16;
    static final int ENTRY_LENGTH_OFFSET = 20;
    static final int ENTRY_FLAGS_OFFSET = 24;
    static final int MAX_ENTRIES = 2047;
    static final long IS_USER = 1;
    static final long IS_REQUIRED = 4;
    static final Guid FILE_PARAMETERS = Guid.of("CAA16737-FA36-4D43-B3B6-33F0AA44E76B");
    static final Guid VIRTUAL_DISK_SIZE = Guid.of("2FA54224-CD1B-4876-B211-5DBED83BF4B8");
    static final Guid VIRTUAL_DISK_ID = Guid.of("BECA12AB-B2E6-4523-93EF-C309E000C746");
    static final Guid LOGICAL_SECTOR_SIZE = Guid.of("8141BF1D-A96F-4709-BA47-F233A8FAAB5F");
    static final Guid PHYSICAL_SECTOR_SIZE = Guid.of("CDA348C7-445D-4471-9CC9-E9885251C556");
    static final Guid PARENT_LOCATOR = Guid.of("A8D35F2D-B30B-454D-ABF7-D3D84834AB0C");
    static final long LEAVE_BLOCK_ALLOCATED = 1;
    static final long HAS_PARENT = 2;
    static final long MIN_BLOCK_BYTES = 1 << 20;
    static final long MAX_BLOCK_BYTES = 256 << 20;
    static final long MAX_DISK_BYTES = 64L << 40;

    private static final int FILE_PARAMETERS_BYTES = 8;

    /** The items that are read, by where they are in the file; 0 where they were not found. */
    private static final class Items {
        private long fileParameters;
        private long diskSize;
        private long logicalSectorSize;
        private long physicalSectorSize;
    }

    /**
     * Reads and checks the items.
     *
     * @param file the file, as it is with its log replayed
     * @param region where the metadata are
     * @throws ImageException if they are damaged, or must be understood and aren't
     */
    static Metadata read(ImageFile file, RegionTable.Region region) {
        if (region.lengthBytes() < TABLE_BYTES) {
            throw ImageErrors.damaged(VhdxHeader.FORMAT, file, "its metadata region is empty");
        }
        try (Arena arena = Arena.ofConfined()) {
            Items items = items(file, region, FileBytes.read(file, region.offsetBytes(), TABLE_BYTES, arena));
            if (items.fileParameters == 0
                    || items.diskSize == 0
                    || items.logicalSectorSize == 0
                    || items.physicalSectorSize == 0) {
                throw ImageErrors.damaged(VhdxHeader.FORMAT, file, "a required item is missing in its metadata");
            }
            FileBytes parameters = FileBytes.read(file, items.fileParameters, FILE_PARAMETERS_BYTES, arena);
            if ((parameters.u32(Integer.BYTES) & HAS_PARENT) != 0) {
                throw differencing(file);
            }
            Metadata metadata = new Metadata(
                    parameters.u32(0),
                    (parameters.u32(Integer.BYTES) & LEAVE_BLOCK_ALLOCATED) != 0,
                    FileBytes.read(file, items.diskSize, Long.BYTES, arena).u64(0),
                    sectorBytes(file, FileBytes.read(file, items.logicalSectorSize, Integer.BYTES, arena)),
                    sectorBytes(file, FileBytes.read(file, items.physicalSectorSize, Integer.BYTES, arena)));
            metadata.check(file);
            return metadata;
        }
    }

    private static Items items(ImageFile file, RegionTable.Region region, FileBytes table) {
        int count = table.u16(ENTRY_COUNT_OFFSET);
        if (table.u64(0) != METADATA_SIGNATURE || count > MAX_ENTRIES) {
            throw ImageErrors.damaged(VhdxHeader.FORMAT, file, "its metadata table is not valid");
        }
        Items items = new Items();
        for (int i = 1; i <= count; i++) {
            int entry = i * ENTRY_BYTES;
            long flags = table.u32(entry + ENTRY_FLAGS_OFFSET);
            Guid id = Guid.at(table, entry);
            // The same id with the user's flag is another item.
            boolean user = (flags & IS_USER) != 0;
            if (!user && id.equals(FILE_PARAMETERS)) {
                items.fileParameters = once(file, region, table, entry, FILE_PARAMETERS_BYTES, items.fileParameters);
            } else if (!user && id.equals(VIRTUAL_DISK_SIZE)) {
                items.diskSize = once(file, region, table, entry, Long.BYTES, items.diskSize);
            } else if (!user && id.equals(LOGICAL_SECTOR_SIZE)) {
                items.logicalSectorSize = once(file, region, table, entry, Integer.BYTES, items.logicalSectorSize);
            } else if (!user && id.equals(PHYSICAL_SECTOR_SIZE)) {
                items.physicalSectorSize = once(file, region, table, entry, Integer.BYTES, items.physicalSectorSize);
            } else if (!user && id.equals(PARENT_LOCATOR)) {
                throw differencing(file);
            } else if ((flags & IS_REQUIRED) != 0 && (user || !id.equals(VIRTUAL_DISK_ID))) {
                throw ImageErrors.unsupported(
                        VhdxHeader.FORMAT,
                        file,
                        "has an item of metadata of an unknown kind that is required",
                        "Convert it with the program that made it.");
            }
        }
        return items;
    }

    /** Returns where in the file an item is that has not been found before. */
    private static long once(
            ImageFile file, RegionTable.Region region, FileBytes table, int entry, int minBytes, long before) {
        long offset = table.u32(entry + ENTRY_OFFSET_OFFSET);
        long length = table.u32(entry + ENTRY_LENGTH_OFFSET);
        if (before != 0) {
            throw ImageErrors.damaged(VhdxHeader.FORMAT, file, "its metadata have an item twice");
        }
        if (offset < TABLE_BYTES || length < minBytes || offset + length > region.lengthBytes()) {
            throw ImageErrors.damaged(
                    VhdxHeader.FORMAT, file, "an item of its metadata lies outside of their region or is too short");
        }
        return region.offsetBytes() + offset;
    }

    private static int sectorBytes(ImageFile file, FileBytes item) {
        long bytes = item.u32(0);
        if (bytes != 512 && bytes != 4096) {
            throw ImageErrors.damaged(VhdxHeader.FORMAT, file, "its sectors have " + bytes + " bytes");
        }
        return (int) bytes;
    }

    private void check(ImageFile file) {
        if (Long.bitCount(blockBytes) != 1 || blockBytes < MIN_BLOCK_BYTES || blockBytes > MAX_BLOCK_BYTES) {
            throw ImageErrors.damaged(VhdxHeader.FORMAT, file, "its blocks have " + blockBytes + " bytes");
        }
        if (diskBytes < 0 || diskBytes > MAX_DISK_BYTES || diskBytes % logicalSectorBytes != 0) {
            throw ImageErrors.damaged(
                    VhdxHeader.FORMAT, file, "its disk has " + Long.toUnsignedString(diskBytes) + " bytes");
        }
    }

    private static ImageException differencing(ImageFile file) {
        return ImageErrors.unsupported(
                VhdxHeader.FORMAT,
                file,
                "holds only what differs from its parent",
                "Merge it into its parent with Hyper-V (Merge-VHD), or convert it there (Convert-VHD).");
    }
}

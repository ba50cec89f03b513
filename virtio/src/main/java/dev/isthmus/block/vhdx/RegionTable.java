// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.block.vhdx;

import java.lang.foreign.Arena;
import java.util.Arrays;

import org.jspecify.annotations.Nullable;

import dev.isthmus.block.ImageException;
import dev.isthmus.block.ImageFile;
import dev.isthmus.block.mapped.FileBytes;
import dev.isthmus.block.mapped.ImageErrors;

/**
 * Where the regions of a file are (MS-VHDX 2.2.3).
 *
 * @param bat the block allocation table
 * @param metadata the metadata
 */
record RegionTable(Region bat, Region metadata) {
    /** "regi". */
    static final long REGION_TABLE_SIGNATURE = 0x69676572L;

    static final int TABLE_1_OFFSET = 192 << 10;
    static final int TABLE_2_OFFSET = 256 << 10;
    static final int TABLE_BYTES = 64 << 10;
    static final int ENTRY_COUNT_OFFSET = 8;
    static final int FIRST_ENTRY_OFFSET = 16;
    static final int ENTRY_BYTES = 32;
    static final int ENTRY_FILE_OFFSET_OFFSET = 16;
    static final int ENTRY_LENGTH_OFFSET = 24;
    static final int ENTRY_REQUIRED_OFFSET = 28;
    static final int MAX_ENTRIES = 2047;
    static final Guid BAT_GUID = Guid.of("2DC27766-F623-4200-9D64-115E9BFD4A08");
    static final Guid METADATA_GUID = Guid.of("8B7CA206-4790-4B9A-B8FE-575F050F886E");

    /**
     * A piece of a file.
     *
     * @param offsetBytes where it is, a multiple of 1 MiB and at least that
     * @param lengthBytes its size, a multiple of 1 MiB
     */
    record Region(long offsetBytes, long lengthBytes) implements Comparable<Region> {
        @Override
        public int compareTo(Region other) {
            return Long.compare(offsetBytes, other.offsetBytes);
        }
    }

    /**
     * Reads and checks the table, the first of the two copies that is valid.
     *
     * @param file the file, as it is with its log replayed
     * @param header its header
     * @throws ImageException if it is damaged, or has a region that must be understood and isn't
     */
    static RegionTable read(ImageFile file, VhdxHeader header) {
        try (Arena arena = Arena.ofConfined()) {
            FileBytes table = FileBytes.read(file, TABLE_1_OFFSET, TABLE_BYTES, arena);
            if (!valid(table)) {
                // QEMU never looks at the second one; the specification has two so that one may be lost.
                table = FileBytes.read(file, TABLE_2_OFFSET, TABLE_BYTES, arena);
            }
            if (!valid(table)) {
                throw ImageErrors.damaged(VhdxHeader.FORMAT, file, "neither of its region tables is valid");
            }
            return parse(file, header, table);
        }
    }

    private static boolean valid(FileBytes table) {
        return table.u32(0) == REGION_TABLE_SIGNATURE && Checksums.valid(table);
    }

    private static RegionTable parse(ImageFile file, VhdxHeader header, FileBytes table) {
        long count = table.u32(ENTRY_COUNT_OFFSET);
        if (count > MAX_ENTRIES) {
            throw ImageErrors.damaged(VhdxHeader.FORMAT, file, "its region table has " + count + " entries");
        }
        Region[] all = new Region[(int) count + 1];
        all[(int) count] = new Region(header.logOffsetBytes(), header.logLengthBytes());
        Region bat = null;
        Region metadata = null;
        for (int i = 0; i < count; i++) {
            int entry = FIRST_ENTRY_OFFSET + i * ENTRY_BYTES;
            Region region = region(file, table, entry);
            all[i] = region;
            Guid guid = Guid.at(table, entry);
            if (guid.equals(BAT_GUID)) {
                bat = once(file, bat, region);
            } else if (guid.equals(METADATA_GUID)) {
                metadata = once(file, metadata, region);
            } else if ((table.u32(entry + ENTRY_REQUIRED_OFFSET) & 1) != 0) {
                throw ImageErrors.unsupported(
                        VhdxHeader.FORMAT,
                        file,
                        "has a region of an unknown kind that is required",
                        "Convert it with the program that made it.");
            }
        }
        if (bat == null || metadata == null) {
            throw ImageErrors.damaged(VhdxHeader.FORMAT, file, "its region table lacks the BAT or the metadata");
        }
        checkOverlaps(file, all);
        return new RegionTable(bat, metadata);
    }

    private static Region region(ImageFile file, FileBytes table, int entry) {
        long offset = table.u64(entry + ENTRY_FILE_OFFSET_OFFSET);
        long length = table.u32(entry + ENTRY_LENGTH_OFFSET);
        if (offset < VhdxHeader.ALIGNMENT_BYTES
                || offset > Long.MAX_VALUE - length
                || offset % VhdxHeader.ALIGNMENT_BYTES != 0
                || length % VhdxHeader.ALIGNMENT_BYTES != 0) {
            throw ImageErrors.damaged(
                    VhdxHeader.FORMAT,
                    file,
                    "a region is at byte " + Long.toUnsignedString(offset) + " and has " + length + " bytes");
        }
        return new Region(offset, length);
    }

    private static Region once(ImageFile file, @Nullable Region before, Region region) {
        if (before != null) {
            throw ImageErrors.damaged(VhdxHeader.FORMAT, file, "its region table names a region twice");
        }
        return region;
    }

    private static void checkOverlaps(ImageFile file, Region[] all) {
        Arrays.sort(all);
        for (int i = 1; i < all.length; i++) {
            if (all[i - 1].offsetBytes() + all[i - 1].lengthBytes() > all[i].offsetBytes()) {
                throw ImageErrors.damaged(VhdxHeader.FORMAT, file, "its regions overlap");
            }
        }
    }
}

// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.block.vmdk;

import java.lang.foreign.Arena;

import dev.isthmus.block.ImageException;
import dev.isthmus.block.ImageFile;
import dev.isthmus.block.mapped.FileBytes;
import dev.isthmus.block.mapped.ImageErrors;

/**
 * The header of a sparse extent, checked (Virtual Disk Format 5.0, "Hosted Sparse Extents"). Little-endian, packed;
 * offsets and sizes are in sectors of 512 bytes.
 *
 * <pre>
 * offset  size
 *    0      4  magicNumber
 *    4      4  version
 *    8      4  flags
 *   12      8  capacity
 *   20      8  grainSize
 *   28      8  descriptorOffset
 *   36      8  descriptorSize
 *   44      4  numGTEsPerGT
 *   48      8  rgdOffset, of the redundant grain directory
 *   56      8  gdOffset, of the grain directory
 *   64      8  overHead, the metadata in front of the grains
 *   72      1  uncleanShutdown
 *   73      1  singleEndLineChar '\n'
 *   74      1  nonEndLineChar ' '
 *   75      1  doubleEndLineChar1 '\r'
 *   76      1  doubleEndLineChar2 '\n'
 *   77      2  compressAlgorithm
 * </pre>
 *
 * @param capacitySectors the extent's size
 * @param grainSectors the size of a grain, a power of 2
 * @param gtesPerGt how many grains a grain table has
 * @param directoryOffsetBytes where the grain directory is that is used
 * @param redundantOffsetBytes where the one is that is used where the other is damaged, or 0
 * @param zeroedGrains whether entries of grain tables may say that a grain is all zeroes
 * @param packed whether the grains are compressed
 * @param markers whether each grain has a marker in front of it
 * @param descriptorOffsetBytes where the embedded descriptor is, or 0
 * @param descriptorBytes how long that is
 */
record SparseHeader(
        long capacitySectors,
        long grainSectors,
        int gtesPerGt,
        long directoryOffsetBytes,
        long redundantOffsetBytes,
        boolean zeroedGrains,
        boolean packed,
        boolean markers,
        long descriptorOffsetBytes,
        long descriptorBytes) {
    static final String FORMAT = "VMDK";

    /** "KDMV": SPARSE_MAGICNUMBER. */
    static final long SPARSE_MAGICNUMBER = 0x564d444bL;

    /** "COWD", of the sparse extents of ESX: COWDISK_MAGIC. */
    static final long COWDISK_MAGIC = 0x44574f43L;

    static final int SECTOR_BYTES = 512;
    static final int VERSION_OFFSET = 4;
    static final int FLAGS_OFFSET = 8;
    static final int CAPACITY_OFFSET = 12;
    static final int GRAIN_SIZE_OFFSET = 20;
    static final int DESCRIPTOR_OFFSET_OFFSET = 28;
    static final int DESCRIPTOR_SIZE_OFFSET = 36;
    static final int NUM_GTES_PER_GT_OFFSET = 44;
    static final int RGD_OFFSET_OFFSET = 48;
    static final int GD_OFFSET_OFFSET = 56;
    static final int END_LINE_CHARS_OFFSET = 73;
    static final int COMPRESS_ALGORITHM_OFFSET = 77;

    static final long FLAG_NEWLINE_TEST = 1;
    static final long FLAG_REDUNDANT_TABLE = 1 << 1;
    static final long FLAG_ZEROED_GRAIN = 1 << 2;
    static final long FLAG_COMPRESSED = 1 << 16;
    static final long FLAG_MARKERS = 1 << 17;

    /** The characters of the newline test as they lie in the file. */
    static final long END_LINE_CHARS = 0x0a0d200aL;

    static final int COMPRESSION_NONE = 0;
    static final int COMPRESSION_DEFLATE = 1;

    /** Instead of a grain directory's place: the header is repeated in a footer, with the place. */
    static final long GD_AT_END = -1;

    static final int MARKER_EOS = 0;
    static final int MARKER_FOOTER = 3;
    static final int MARKER_SIZE_OFFSET = 8;
    static final int MARKER_TYPE_OFFSET = 12;

    /** The footer's marker, the footer and the end-of-stream marker. */
    static final int FOOTER_BYTES = 3 * SECTOR_BYTES;

    /** The specification says greater than 8, and VMware and VirtualBox take 8 itself. */
    static final long MIN_GRAIN_SECTORS = 8;

    /** QEMU's bound: 1 GiB. */
    static final long MAX_GRAIN_SECTORS = 0x200000;

    /** 4 MiB: packed grains are unpacked in memory as a whole. VMware's have 64 KiB. */
    static final long MAX_PACKED_GRAIN_SECTORS = 0x2000;

    /** What all known images have; QEMU's bound. */
    static final int MAX_GTES_PER_GT = 512;

    /** QEMU's bound: with the least grains, 64 TiB. */
    static final long MAX_DIRECTORY_ENTRIES = 32L << 20;

    private static final long MAX_SECTORS = Long.MAX_VALUE / SECTOR_BYTES;

    private static final String CONVERT =
            "Convert it with the program that made it, or with qemu-img convert, to a monolithic sparse disk.";

    /**
     * Reads and checks the header of an extent, or its footer where that takes its place.
     *
     * @throws ImageException if this is no sparse extent that can be read
     */
    static SparseHeader read(ImageFile file) {
        try (Arena arena = Arena.ofConfined()) {
            FileBytes header = FileBytes.read(file, 0, SECTOR_BYTES, arena);
            checkMagic(file, header);
            FileBytes valid = header;
            if (header.u64(GD_OFFSET_OFFSET) == GD_AT_END) {
                valid = footer(file, arena);
            }
            // The descriptor is always at the start, where the writer of a stream had to know it.
            return parse(file, valid, header.u64(DESCRIPTOR_OFFSET_OFFSET), header.u64(DESCRIPTOR_SIZE_OFFSET));
        }
    }

    private static void checkMagic(ImageFile file, FileBytes header) {
        long magic = header.u32(0);
        if (magic == COWDISK_MAGIC) {
            throw ImageErrors.unsupported(
                    FORMAT,
                    file,
                    "is a sparse extent of VMware ESX (COWD)",
                    "Clone the disk with VMware (vmkfstools -i), or convert it with qemu-img convert.");
        }
        if (magic != SPARSE_MAGICNUMBER) {
            throw ImageErrors.otherFormat("sparse VMDK", file);
        }
    }

    private static FileBytes footer(ImageFile file, Arena arena) {
        long offset = file.sizeBytes() / SECTOR_BYTES * SECTOR_BYTES - FOOTER_BYTES;
        if (offset < SECTOR_BYTES) {
            throw noFooter(file);
        }
        FileBytes markers = FileBytes.read(file, offset, FOOTER_BYTES, arena);
        long endMarker = 2L * SECTOR_BYTES;
        if (markers.u32(MARKER_SIZE_OFFSET) != 0
                || markers.u32(MARKER_TYPE_OFFSET) != MARKER_FOOTER
                || markers.u64(endMarker) != 0
                || markers.u32(endMarker + MARKER_SIZE_OFFSET) != 0
                || markers.u32(endMarker + MARKER_TYPE_OFFSET) != MARKER_EOS) {
            throw noFooter(file);
        }
        FileBytes footer = markers.part(SECTOR_BYTES, SECTOR_BYTES);
        if (footer.u32(0) != SPARSE_MAGICNUMBER || footer.u64(GD_OFFSET_OFFSET) == GD_AT_END) {
            throw noFooter(file);
        }
        return footer;
    }

    private static ImageException noFooter(ImageFile file) {
        return ImageErrors.damaged(FORMAT, file, "it has no footer at its end, so it was cut off or never finished");
    }

    private static SparseHeader parse(ImageFile file, FileBytes header, long descriptorSector, long descriptorSectors) {
        checkVersion(file, header);
        long capacity = header.u64(CAPACITY_OFFSET);
        long grain = header.u64(GRAIN_SIZE_OFFSET);
        long gtes = header.u32(NUM_GTES_PER_GT_OFFSET);
        if (capacity <= 0 || capacity > MAX_SECTORS) {
            throw ImageErrors.damaged(
                    FORMAT, file, "its capacity is " + Long.toUnsignedString(capacity) + " sectors");
        }
        if (Long.bitCount(grain) != 1 || grain < MIN_GRAIN_SECTORS || grain > MAX_GRAIN_SECTORS) {
            throw ImageErrors.damaged(
                    FORMAT, file, "its grains have " + Long.toUnsignedString(grain) + " sectors");
        }
        if (gtes == 0 || gtes > MAX_GTES_PER_GT) {
            throw ImageErrors.damaged(FORMAT, file, "its grain tables have " + gtes + " entries");
        }
        long flags = header.u32(FLAGS_OFFSET);
        boolean packed = packed(file, header.u16(COMPRESS_ALGORITHM_OFFSET), flags);
        if (packed && grain > MAX_PACKED_GRAIN_SECTORS) {
            throw ImageErrors.unsupported(FORMAT, file, "has packed grains of " + grain + " sectors", CONVERT);
        }
        long entries = directoryEntries(capacity, grain, gtes);
        if (entries > MAX_DIRECTORY_ENTRIES) {
            throw ImageErrors.damaged(FORMAT, file, "its grain directory has " + entries + " entries");
        }
        // The redundant directory serves where the other is lost. QEMU loads it and never looks.
        long main = directory(file, header.u64(GD_OFFSET_OFFSET), entries);
        long redundant =
                (flags & FLAG_REDUNDANT_TABLE) != 0 ? directory(file, header.u64(RGD_OFFSET_OFFSET), entries) : 0;
        if (main == 0 && redundant == 0) {
            throw ImageErrors.damaged(FORMAT, file, "its grain directory is not within the file");
        }
        boolean hasDescriptor = descriptorSector != 0 && descriptorSectors != 0;
        if (hasDescriptor) {
            checkDescriptor(file, descriptorSector, descriptorSectors);
        }
        return new SparseHeader(
                capacity,
                grain,
                (int) gtes,
                main == 0 ? redundant : main,
                main == 0 ? 0 : redundant,
                (flags & FLAG_ZEROED_GRAIN) != 0,
                packed,
                (flags & FLAG_MARKERS) != 0,
                hasDescriptor ? descriptorSector * SECTOR_BYTES : 0,
                hasDescriptor ? descriptorSectors * SECTOR_BYTES : 0);
    }

    private static void checkDescriptor(ImageFile file, long sector, long sectors) {
        if (sector < 0
                || sector > file.sizeBytes() / SECTOR_BYTES
                || sectors < 0
                || sectors > Descriptor.MAX_BYTES / SECTOR_BYTES) {
            throw ImageErrors.damaged(FORMAT, file, "its descriptor is not within the file");
        }
    }

    private static void checkVersion(ImageFile file, FileBytes header) {
        // Version 2 came with zeroed grains, 3 with change tracking in another file, which a reader need not know.
        long version = header.u32(VERSION_OFFSET);
        if (version < 1 || version > 3) {
            throw ImageErrors.unsupported(FORMAT, file, "has version " + version, CONVERT);
        }
        if ((header.u32(FLAGS_OFFSET) & FLAG_NEWLINE_TEST) != 0
                && header.u32(END_LINE_CHARS_OFFSET) != END_LINE_CHARS) {
            throw new ImageException(
                    "VMDK image " + file.name() + " is damaged: its line ends were changed, as if it were text.",
                    "Copy it again from where it came from, in binary mode.");
        }
    }

    private static boolean packed(ImageFile file, int algorithm, long flags) {
        if (algorithm == COMPRESSION_DEFLATE) {
            return true;
        }
        if (algorithm != COMPRESSION_NONE || (flags & FLAG_COMPRESSED) != 0) {
            throw ImageErrors.unsupported(FORMAT, file, "is compressed by method " + algorithm, CONVERT);
        }
        return false;
    }

    private static long directoryEntries(long capacity, long grain, long gtes) {
        long sectorsPerTable = grain * gtes;
        return (capacity - 1) / sectorsPerTable + 1;
    }

    /** Returns where a directory is, in bytes, or 0 where that is nowhere. */
    private static long directory(ImageFile file, long sector, long entries) {
        long bytes = entries * Integer.BYTES;
        boolean within = sector > 0
                && sector <= file.sizeBytes() / SECTOR_BYTES
                && bytes <= file.sizeBytes() - sector * SECTOR_BYTES;
        return within ? sector * SECTOR_BYTES : 0;
    }

    /** Returns the number of entries of a grain directory. */
    long directoryEntries() {
        return directoryEntries(capacitySectors, grainSectors, gtesPerGt);
    }

    /** Returns the size of a grain in bytes. */
    long grainBytes() {
        return grainSectors * SECTOR_BYTES;
    }

    /** Returns the size of all tables of one directory in bytes, if none is missing. */
    long tableBytes() {
        return directoryEntries() * (1L + gtesPerGt) * Integer.BYTES;
    }
}

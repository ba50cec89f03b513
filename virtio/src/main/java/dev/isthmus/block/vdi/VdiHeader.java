// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.block.vdi;

import java.lang.foreign.Arena;

import dev.isthmus.block.ImageException;
import dev.isthmus.block.ImageFile;
import dev.isthmus.block.mapped.FileBytes;
import dev.isthmus.block.mapped.ImageErrors;

/**
 * The header of an image, checked. Layout and names are those of VirtualBox's {@code VDICore.h} ({@code VDIPREHEADER}
 * and {@code VDIHEADER1PLUS}); all values are little-endian.
 *
 * <pre>
 * offset  size
 *    0     64  szFileInfo, text for the eye
 *   64      4  u32Signature
 *   68      4  u32Version, major in the high half
 *   72      4  cbHeader, from here on
 *   76      4  u32Type
 *   80      4  fFlags
 *   84    256  szComment
 *  340      4  offBlocks, the block map
 *  344      4  offData, the first block
 *  348     16  LegacyGeometry
 *  364      4  u32Dummy
 *  368      8  cbDisk
 *  376      4  cbBlock
 *  380      4  cbBlockExtra, in front of each block
 *  384      4  cBlocks
 *  388      4  cBlocksAllocated
 *  392     16  uuidCreate
 *  408     16  uuidModify
 *  424     16  uuidLinkage, of the image this one is on
 *  440     16  uuidParentModify
 *  456     16  LCHSGeometry, where cbHeader covers it: its last 4 bytes are the size of a sector
 * </pre>
 *
 * @param fixed whether it was made with all blocks allocated
 * @param blocksOffsetBytes where in the file the block map is
 * @param dataOffsetBytes where in the file the first block is
 * @param diskBytes the disk's size, a multiple of 512
 * @param blockBytes the size of a block, a power of 2
 * @param blockExtraBytes what lies in front of each block
 * @param blocks how many entries the block map has
 */
record VdiHeader(
        boolean fixed,
        long blocksOffsetBytes,
        long dataOffsetBytes,
        long diskBytes,
        long blockBytes,
        long blockExtraBytes,
        long blocks) {
    static final String FORMAT = "VDI";
    static final long VDI_IMAGE_SIGNATURE = 0xbeda107fL;
    static final int VDI_IMAGE_VERSION_MAJOR = 1;
    static final int VDI_IMAGE_TYPE_NORMAL = 1;
    static final int VDI_IMAGE_TYPE_FIXED = 2;
    static final int VDI_IMAGE_TYPE_UNDO = 3;
    static final int VDI_IMAGE_TYPE_DIFF = 4;
    static final int VDI_GEOMETRY_SECTOR_SIZE = 512;

    /** The size of an entry of the block map. */
    static final int VDI_IMAGE_BLOCK_POINTER_BYTES = 4;

    /** All that is read of it: more than the largest header. */
    static final int HEADER_BYTES = 512;

    static final int SIGNATURE_OFFSET = 64;
    static final int VERSION_OFFSET = 68;
    static final int CB_HEADER_OFFSET = 72;
    static final int TYPE_OFFSET = 76;
    static final int OFF_BLOCKS_OFFSET = 340;
    static final int OFF_DATA_OFFSET = 344;
    static final int CB_DISK_OFFSET = 368;
    static final int CB_BLOCK_OFFSET = 376;
    static final int CB_BLOCK_EXTRA_OFFSET = 380;
    static final int C_BLOCKS_OFFSET = 384;
    static final int UUID_LINKAGE_OFFSET = 424;
    static final int UUID_PARENT_MODIFY_OFFSET = 440;
    static final int LCHS_SECTOR_SIZE_OFFSET = 468;

    /** {@code sizeof(VDIHEADER1)}. */
    static final int VDIHEADER1_BYTES = 384;

    /** {@code sizeof(VDIHEADER1PLUS)}. */
    static final int VDIHEADER1PLUS_BYTES = 400;

    /** QEMU's bound: the block map has less than 4 GiB. */
    static final long MAX_BLOCKS = 0x3fffffff;

    /** Larger than anybody makes them, and small enough for all sums to stay in 63 bits. */
    static final long MAX_BLOCK_BYTES = 1L << 30;

    private static final String MERGE =
            "Clone the disk with VirtualBox (VBoxManage clonemedium), which makes one image of it and its parents.";

    /**
     * Reads and checks the header.
     *
     * @throws ImageException if this is no image that can be read
     */
    static VdiHeader read(ImageFile file) {
        try (Arena arena = Arena.ofConfined()) {
            return parse(file, FileBytes.read(file, 0, HEADER_BYTES, arena));
        }
    }

    private static VdiHeader parse(ImageFile file, FileBytes header) {
        if (header.u32(SIGNATURE_OFFSET) != VDI_IMAGE_SIGNATURE) {
            throw ImageErrors.otherFormat(FORMAT, file);
        }
        long version = header.u32(VERSION_OFFSET);
        // VirtualBox never changed the minor version: what is newer is told by the size of the header.
        if (version >>> 16 != VDI_IMAGE_VERSION_MAJOR) {
            throw ImageErrors.unsupported(
                    FORMAT,
                    file,
                    "has version " + (version >>> 16) + "." + (version & 0xffff),
                    "Clone it with a current VirtualBox (VBoxManage clonemedium).");
        }
        long headerBytes = header.u32(CB_HEADER_OFFSET);
        if (headerBytes < VDIHEADER1_BYTES) {
            throw ImageErrors.damaged(FORMAT, file, "its header has " + headerBytes + " bytes only");
        }
        boolean fixed = fixed(file, header);
        checkSectorSize(file, header, headerBytes);
        VdiHeader checked = new VdiHeader(
                fixed,
                header.u32(OFF_BLOCKS_OFFSET),
                header.u32(OFF_DATA_OFFSET),
                diskBytes(file, header.u64(CB_DISK_OFFSET)),
                header.u32(CB_BLOCK_OFFSET),
                header.u32(CB_BLOCK_EXTRA_OFFSET),
                header.u32(C_BLOCKS_OFFSET));
        checked.check(file);
        return checked;
    }

    private static boolean fixed(ImageFile file, FileBytes header) {
        long type = header.u32(TYPE_OFFSET);
        if (type == VDI_IMAGE_TYPE_UNDO || type == VDI_IMAGE_TYPE_DIFF) {
            throw ImageErrors.unsupported(FORMAT, file, "holds only what differs from another image", MERGE);
        }
        if (type != VDI_IMAGE_TYPE_NORMAL && type != VDI_IMAGE_TYPE_FIXED) {
            throw ImageErrors.damaged(FORMAT, file, "its type is " + type);
        }
        // Blocks that are free would have to be looked up in the parent, whatever the type says.
        if (!isZero(header, UUID_LINKAGE_OFFSET) || !isZero(header, UUID_PARENT_MODIFY_OFFSET)) {
            throw ImageErrors.unsupported(FORMAT, file, "is linked to another image", MERGE);
        }
        return type == VDI_IMAGE_TYPE_FIXED;
    }

    private static boolean isZero(FileBytes header, int uuidOffset) {
        return header.u64(uuidOffset) == 0 && header.u64(uuidOffset + Long.BYTES) == 0;
    }

    /** The legacy geometry has one, too, which VirtualBox ignores; so do we, while QEMU insists on it. */
    private static void checkSectorSize(ImageFile file, FileBytes header, long headerBytes) {
        if (headerBytes >= VDIHEADER1PLUS_BYTES
                && header.u32(LCHS_SECTOR_SIZE_OFFSET) != VDI_GEOMETRY_SECTOR_SIZE) {
            throw ImageErrors.damaged(
                    FORMAT, file, "its sectors have " + header.u32(LCHS_SECTOR_SIZE_OFFSET) + " bytes");
        }
    }

    /** VBoxManage convertfromraw makes disks of odd sizes: their last sector is padded. */
    private static long diskBytes(ImageFile file, long value) {
        if (value < 0 || value > MAX_BLOCKS * MAX_BLOCK_BYTES) {
            throw ImageErrors.damaged(FORMAT, file, "its disk has " + Long.toUnsignedString(value) + " bytes");
        }
        return (value + VDI_GEOMETRY_SECTOR_SIZE - 1) / VDI_GEOMETRY_SECTOR_SIZE * VDI_GEOMETRY_SECTOR_SIZE;
    }

    private void check(ImageFile file) {
        // QEMU takes blocks of 1 MiB only; VirtualBox, whose format it is, makes others if asked to.
        if (Long.bitCount(blockBytes) != 1 || blockBytes < VDI_GEOMETRY_SECTOR_SIZE || blockBytes > MAX_BLOCK_BYTES) {
            throw ImageErrors.damaged(FORMAT, file, "its blocks have " + blockBytes + " bytes");
        }
        if (blockExtraBytes != 0 && (Long.bitCount(blockExtraBytes) != 1 || blockExtraBytes > MAX_BLOCK_BYTES)) {
            throw ImageErrors.damaged(FORMAT, file, "its blocks have " + blockExtraBytes + " extra bytes");
        }
        if (blocks > MAX_BLOCKS) {
            throw ImageErrors.damaged(FORMAT, file, "it has " + blocks + " blocks");
        }
        if (diskBytes > blocks * blockBytes) {
            throw ImageErrors.damaged(
                    FORMAT, file, "its disk of " + diskBytes + " bytes does not fit into its " + blocks + " blocks");
        }
        // An entry must not be in two pages of the cache. VirtualBox aligns the map to 512 bytes at least.
        if (blocksOffsetBytes < CB_HEADER_OFFSET + VDIHEADER1_BYTES
                || blocksOffsetBytes % VDI_IMAGE_BLOCK_POINTER_BYTES != 0) {
            throw ImageErrors.damaged(FORMAT, file, "its block map is at byte " + blocksOffsetBytes);
        }
        long blocksEndBytes = blocksOffsetBytes + blocks * VDI_IMAGE_BLOCK_POINTER_BYTES;
        if (dataOffsetBytes < blocksEndBytes) {
            throw ImageErrors.damaged(FORMAT, file, "its blocks begin within its block map");
        }
        if (blocksEndBytes > file.sizeBytes()) {
            throw ImageErrors.damaged(FORMAT, file, "its block map reaches beyond the end of the file");
        }
    }
}

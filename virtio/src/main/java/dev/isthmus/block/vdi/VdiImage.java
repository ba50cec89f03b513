// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.block.vdi;


import dev.isthmus.block.BlockGeometry;
import dev.isthmus.block.BlockStatus;
import dev.isthmus.block.ImageException;
import dev.isthmus.block.ImageFile;
import dev.isthmus.block.mapped.Location;
import dev.isthmus.block.mapped.MappedImage;
import dev.isthmus.block.mapped.TableCache;
import dev.isthmus.device.FaultLog;
import dev.isthmus.memory.ScatterView;

/**
 * A disk image of VirtualBox, dynamic or fixed, for reading.
 *
 * <p>The disk is cut into blocks, and the block map has 32 bits for each: the number of the block in the file, or one of
 * two values for blocks that the file does not hold, which read as zeroes. Images on others (snapshots) are refused.
 * Source: VirtualBox, {@code VDICore.h} and {@code VDI.cpp}; there is no other specification.
 *
 * <p>Role DISK_WORKER, several at once.
 */
public final class VdiImage extends MappedImage {
    /** Of the block map: a block that was discarded. Zeroes by definition. */
    static final long VDI_IMAGE_BLOCK_ZERO = 0xfffffffeL;

    /** Of the block map: a block that was never written. VirtualBox may read anything there, and reads zeroes. */
    static final long VDI_IMAGE_BLOCK_FREE = 0xffffffffL;

    private final ImageFile file;
    private final long fileBytes;
    private final VdiHeader header;
    private final int blockShift;
    private final TableCache tables;

    private VdiImage(ImageFile file, VdiHeader header, FaultLog faults) {
        super(faults, header.diskBytes(), BlockGeometry.DEFAULT);
        this.file = file;
        this.fileBytes = file.sizeBytes();
        this.header = header;
        this.blockShift = Long.numberOfTrailingZeros(header.blockBytes());
        this.tables = new TableCache(
                new ImageFile[] {file},
                new long[] {fileBytes},
                header.blocks() * VdiHeader.VDI_IMAGE_BLOCK_POINTER_BYTES);
    }

    /**
     * Opens an image.
     *
     * @param file is closed with the disk; stays the caller's where this fails
     * @param name what log messages call the disk
     * @throws ImageException if it is damaged, of another format, or a kind of image that can't be read alone
     */
    public static VdiImage open(ImageFile file, String name) {
        return new VdiImage(file, VdiHeader.read(file), new FaultLog(name));
    }

    /** Returns the size of a block in bytes. */
    public long blockBytes() {
        return header.blockBytes();
    }

    /** Tells whether the image was made with all blocks allocated. */
    public boolean fixed() {
        return header.fixed();
    }

    @Override
    protected void locate(long offsetBytes, boolean mayWait, Location found) {
        long block = offsetBytes >>> blockShift;
        long within = offsetBytes & (header.blockBytes() - 1);
        long left = header.blockBytes() - within;
        long entry = tables.u32(
                0, header.blocksOffsetBytes() + block * VdiHeader.VDI_IMAGE_BLOCK_POINTER_BYTES, mayWait);
        if (entry < 0) {
            found.noEntry(entry);
        } else if (entry == VDI_IMAGE_BLOCK_FREE || entry == VDI_IMAGE_BLOCK_ZERO) {
            found.zeroes(left);
        } else if (entry >= header.blocks()) {
            found.damaged("the block map says block " + entry + " of " + header.blocks());
        } else {
            long blockOffset = header.dataOffsetBytes() + entry * (header.blockExtraBytes() + header.blockBytes());
            found.plain(file, fileBytes, blockOffset + header.blockExtraBytes() + within, left);
        }
    }

    @Override
    protected BlockStatus readIndirect(long offsetBytes, Location found, ScatterView target) {
        throw new IllegalStateException("All blocks of VDI images are plain");
    }

    @Override
    public void close() {
        tables.close();
        file.close();
    }
}

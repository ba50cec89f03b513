// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.block.vhdx;

import org.jspecify.annotations.Nullable;

import dev.isthmus.block.BlockGeometry;
import dev.isthmus.block.BlockStatus;
import dev.isthmus.block.ImageException;
import dev.isthmus.block.ImageFile;
import dev.isthmus.block.mapped.ImageErrors;
import dev.isthmus.block.mapped.Location;
import dev.isthmus.block.mapped.MappedImage;
import dev.isthmus.block.mapped.TableCache;
import dev.isthmus.device.FaultLog;
import dev.isthmus.memory.ScatterView;

/**
 * A disk image of Hyper-V, dynamic or fixed, for reading. Source: MS-VHDX, Virtual Hard Disk v2 File Format.
 *
 * <p>The disk is cut into payload blocks, and the block allocation table (BAT) has 64 bits for each: its state and where
 * in the file it is. After the entries of each chunk of blocks there is one for a bitmap, which only differencing images
 * use; those are refused. A file that was not closed is read as if its log had been replayed, which happens in memory.
 *
 * <p>Role DISK_WORKER, several at once.
 */
public final class VhdxImage extends MappedImage {
    static final int PAYLOAD_BLOCK_NOT_PRESENT = 0;
    static final int PAYLOAD_BLOCK_UNDEFINED = 1;
    static final int PAYLOAD_BLOCK_ZERO = 2;
    static final int PAYLOAD_BLOCK_UNMAPPED = 3;
    static final int PAYLOAD_BLOCK_FULLY_PRESENT = 6;
    static final int PAYLOAD_BLOCK_PARTIALLY_PRESENT = 7;

    static final int BAT_ENTRY_BYTES = 8;
    static final int STATE_MASK = 7;
    static final long FILE_OFFSET_MASK = -(1L << 20);

    /** How many sectors a bitmap block tells of. */
    static final long SECTORS_PER_CHUNK = 1 << 23;

    private final ImageFile file;
    private final long fileBytes;
    private final @Nullable ReplayedFile replayed;
    private final Metadata metadata;
    private final long batOffsetBytes;
    private final int blockShift;
    private final int chunkShift;
    private final TableCache tables;

    private VhdxImage(
            ImageFile file, @Nullable ReplayedFile replayed, Metadata metadata, long batOffsetBytes, FaultLog faults) {
        super(
                faults,
                metadata.diskBytes(),
                new BlockGeometry(
                        metadata.logicalSectorBytes(),
                        Math.max(metadata.logicalSectorBytes(), metadata.physicalSectorBytes()),
                        0,
                        0));
        this.file = file;
        this.fileBytes = file.sizeBytes();
        this.replayed = replayed;
        this.metadata = metadata;
        this.batOffsetBytes = batOffsetBytes;
        this.blockShift = Long.numberOfTrailingZeros(metadata.blockBytes());
        this.chunkShift = chunkShift(metadata);
        ImageFile tablesFile = replayed == null ? file : replayed;
        this.tables = new TableCache(
                new ImageFile[] {tablesFile}, new long[] {tablesFile.sizeBytes()}, batEntries(metadata) * BAT_ENTRY_BYTES);
    }

    /**
     * Opens an image.
     *
     * @param file is closed with the disk; stays the caller's where this fails
     * @param name what log messages call the disk
     * @throws ImageException if it is damaged, of another format, or a kind of image that can't be read alone
     */
    public static VhdxImage open(ImageFile file, String name) {
        VhdxHeader header = VhdxHeader.read(file);
        ReplayedFile replayed = header.hasLog() ? VhdxLog.replay(file, header) : null;
        try {
            ImageFile current = replayed == null ? file : replayed;
            RegionTable regions = RegionTable.read(current, header);
            Metadata metadata = Metadata.read(current, regions.metadata());
            checkBat(current, regions.bat(), metadata);
            return new VhdxImage(file, replayed, metadata, regions.bat().offsetBytes(), new FaultLog(name));
        } catch (RuntimeException e) {
            if (replayed != null) {
                replayed.close();
            }
            throw e;
        }
    }

    private static void checkBat(ImageFile file, RegionTable.Region bat, Metadata metadata) {
        long needed = batEntries(metadata) * BAT_ENTRY_BYTES;
        if (needed > bat.lengthBytes()) {
            throw ImageErrors.damaged(VhdxHeader.FORMAT, file, "its BAT is too short for its disk");
        }
        if (bat.offsetBytes() + needed > file.sizeBytes()) {
            throw ImageErrors.damaged(VhdxHeader.FORMAT, file, "its BAT reaches beyond the end of the file");
        }
    }

    /** The chunk ratio is the number of payload blocks that one bitmap block tells of, a power of 2 (2.4). */
    private static int chunkShift(Metadata metadata) {
        return Long.numberOfTrailingZeros(SECTORS_PER_CHUNK * metadata.logicalSectorBytes() / metadata.blockBytes());
    }

    /** The last entry of a dynamic or fixed image is that of its last payload block (2.5). */
    private static long batEntries(Metadata metadata) {
        long blocks = (metadata.diskBytes() + metadata.blockBytes() - 1) / metadata.blockBytes();
        return blocks == 0 ? 0 : blocks + ((blocks - 1) >>> chunkShift(metadata));
    }

    /** Returns the size of a payload block in bytes. */
    public long blockBytes() {
        return metadata.blockBytes();
    }

    /** Tells whether the image was made with all blocks allocated. */
    public boolean fixed() {
        return metadata.fixed();
    }

    /** Tells whether the file was not closed, and is read with its log replayed in memory. */
    public boolean logReplayed() {
        return replayed != null;
    }

    @Override
    protected void locate(long offsetBytes, boolean mayWait, Location found) {
        long block = offsetBytes >>> blockShift;
        long within = offsetBytes & (metadata.blockBytes() - 1);
        long left = metadata.blockBytes() - within;
        long entry = tables.u64(0, batOffsetBytes + (block + (block >>> chunkShift)) * BAT_ENTRY_BYTES, mayWait);
        if (entry < 0) {
            found.noEntry(entry);
            return;
        }
        int state = (int) (entry & STATE_MASK);
        switch (state) {
            // What is not present or undefined may read as anything; as zeroes nothing old comes to light (2.5.1.1).
            case PAYLOAD_BLOCK_NOT_PRESENT, PAYLOAD_BLOCK_UNDEFINED, PAYLOAD_BLOCK_ZERO, PAYLOAD_BLOCK_UNMAPPED ->
                found.zeroes(left);
            case PAYLOAD_BLOCK_FULLY_PRESENT -> locatePresent(entry & FILE_OFFSET_MASK, within, left, found);
            case PAYLOAD_BLOCK_PARTIALLY_PRESENT ->
                found.damaged("its block is in part in a parent, and the image has none");
            // QEMU takes 5 for UNMAPPED, as drafts of the format had it; the specification reserves it.
            default -> found.damaged("its block has the reserved state " + state);
        }
    }

    private void locatePresent(long blockOffset, long within, long left, Location found) {
        if (blockOffset < VhdxHeader.ALIGNMENT_BYTES || blockOffset > Long.MAX_VALUE - metadata.blockBytes()) {
            found.damaged("its block is at byte " + blockOffset + " of the file");
            return;
        }
        long offset = blockOffset + within;
        if (replayed == null || !replayed.differs(offset, left)) {
            found.plain(file, fileBytes, offset, left);
        } else if (offset < replayed.sizeBytes()) {
            found.indirect(offset, Math.min(left, replayed.sizeBytes() - offset));
        } else {
            found.damaged("its data lie beyond the end of " + file.name());
        }
    }

    @Override
    protected BlockStatus readIndirect(long offsetBytes, Location found, ScatterView target) {
        if (replayed == null) {
            throw new IllegalStateException("All blocks are plain without a log");
        }
        BlockStatus status = replayed.read(found.offsetBytes(), target);
        if (status == BlockStatus.OUT_OF_RANGE) {
            faults().report("The file " + file.name() + " has become shorter than " + fileBytes + " bytes");
            return BlockStatus.IO_ERROR;
        }
        return status;
    }

    @Override
    public void close() {
        tables.close();
        if (replayed != null) {
            replayed.close();
        }
        file.close();
    }
}

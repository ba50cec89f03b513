// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.block.vhdx;

import java.lang.foreign.MemorySegment;

import dev.isthmus.block.BlockStatus;
import dev.isthmus.block.ImageFile;
import dev.isthmus.memory.ScatterList;
import dev.isthmus.memory.ScatterView;

/**
 * An image file as it would be with its log replayed. Any thread, several at once.
 */
final class ReplayedFile implements ImageFile {
    private final ImageFile file;
    private final Overlay changes;
    private final long fileBytes;
    private final long sizeBytes;

    /**
     * Makes one.
     *
     * @param file the file as it is
     * @param changes what the log changes
     * @param lastFileBytes what the file is to be extended to where it is shorter
     */
    ReplayedFile(ImageFile file, Overlay changes, long lastFileBytes) {
        this.file = file;
        this.changes = changes;
        this.fileBytes = file.sizeBytes();
        this.sizeBytes = Math.max(Math.max(fileBytes, lastFileBytes), changes.endBytes());
    }

    /** Tells whether a range is other than in the file. */
    boolean differs(long offsetBytes, long lengthBytes) {
        return changes.touches(offsetBytes, lengthBytes) || offsetBytes + lengthBytes > fileBytes;
    }

    @Override
    public String name() {
        return file.name();
    }

    @Override
    public long sizeBytes() {
        return sizeBytes;
    }

    @Override
    public boolean readOnly() {
        return true;
    }

    @Override
    public BlockStatus read(long offsetBytes, ScatterView target) {
        BlockStatus status = file.read(offsetBytes, target);
        if (status != BlockStatus.OK && status != BlockStatus.OUT_OF_RANGE) {
            return status;
        }
        changes.patch(offsetBytes, target);
        // Beyond the end are zeroes, up to where the log extends the file; unless it has become shorter meanwhile.
        boolean whole = status == BlockStatus.OK
                || (target.totalBytes() <= sizeBytes - offsetBytes && file.sizeBytes() >= fileBytes);
        return whole ? BlockStatus.OK : BlockStatus.OUT_OF_RANGE;
    }

    @Override
    public BlockStatus read(long offsetBytes, MemorySegment target) {
        ScatterList whole = new ScatterList();
        whole.add(target, 0, target.byteSize());
        return read(offsetBytes, whole);
    }

    @Override
    public BlockStatus write(long offsetBytes, ScatterView source) {
        return BlockStatus.READ_ONLY;
    }

    @Override
    public BlockStatus write(long offsetBytes, MemorySegment source) {
        return BlockStatus.READ_ONLY;
    }

    @Override
    public BlockStatus flush() {
        return BlockStatus.OK;
    }

    @Override
    public BlockStatus setSize(long newSizeBytes) {
        return BlockStatus.READ_ONLY;
    }

    @Override
    public BlockStatus punchHole(long offsetBytes, long lengthBytes) {
        return BlockStatus.READ_ONLY;
    }

    @Override
    public BlockStatus writeZeroes(long offsetBytes, long lengthBytes, boolean mayUnmap) {
        return BlockStatus.READ_ONLY;
    }

    /** Gives the memory of the changes back. The file stays open: it belongs to whoever opened it. */
    @Override
    public void close() {
        changes.close();
    }
}

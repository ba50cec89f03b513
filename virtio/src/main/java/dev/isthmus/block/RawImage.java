// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.block;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;

import dev.isthmus.device.FaultLog;
import dev.isthmus.memory.ScatterList;
import dev.isthmus.memory.ScatterView;

/**
 * A disk whose bytes are those of its file.
 *
 * <p>A file whose size is no multiple of 512 has its last sector padded with zeroes for the guest; a write to that
 * sector makes the padding real. The capacity is the size at opening, or what {@link #resize} made of it: where the file
 * shrinks behind our back, reads of what is gone are I/O errors.
 *
 * <p>Role DISK_WORKER, several at once.
 */
public final class RawImage implements SparseDisk, DirectAccess {
    private static final int SECTOR_BYTES = 512;

    private final ImageFile file;
    private final FaultLog faults;
    private final boolean probed;

    /** Of the file, as last known. */
    private volatile long fileBytes;

    /**
     * Makes a disk of a file.
     *
     * @param file is closed with the disk
     * @param name what log messages call the disk
     */
    public RawImage(ImageFile file, String name) {
        this(file, name, false);
    }

    /**
     * Makes a disk of a file, which was perhaps only taken for a raw image.
     *
     * @param file is closed with the disk
     * @param name what log messages call the disk
     * @param probed nobody said that it is raw: writes that would make it look like another format, and a guest so the
     *     master of what the file is opened as the next time, are refused
     */
    public RawImage(ImageFile file, String name, boolean probed) {
        this.file = file;
        this.probed = probed;
        this.faults = new FaultLog(name);
        this.fileBytes = file.sizeBytes();
    }

    @Override
    public long capacityBytes() {
        return (fileBytes + SECTOR_BYTES - 1) / SECTOR_BYTES * SECTOR_BYTES;
    }

    @Override
    public boolean readOnly() {
        return file.readOnly();
    }

    @Override
    public BlockGeometry geometry() {
        return file.geometry();
    }

    @Override
    public BlockStatus read(long offsetBytes, ScatterView target) {
        if (!inRange(offsetBytes, target.totalBytes())) {
            return BlockStatus.OUT_OF_RANGE;
        }
        BlockStatus status = file.read(offsetBytes, target);
        if (status != BlockStatus.OUT_OF_RANGE) {
            return status;
        }
        long end = offsetBytes + target.totalBytes();
        if (file.sizeBytes() >= fileBytes && end <= capacityBytes()) {
            // The padding of the last sector.
            return BlockStatus.OK;
        }
        faults.report("the file has become shorter than " + end + " bytes");
        return BlockStatus.IO_ERROR;
    }

    @Override
    public BlockStatus write(long offsetBytes, ScatterView source) {
        if (readOnly()) {
            return BlockStatus.READ_ONLY;
        }
        if (!inRange(offsetBytes, source.totalBytes())) {
            return BlockStatus.OUT_OF_RANGE;
        }
        if (probed && offsetBytes < ImageFormat.PROBE_BYTES) {
            return writeStart(offsetBytes, source);
        }
        return file.write(offsetBytes, source);
    }

    /** Writes what {@link ImageFormat#probe} looks at, from a copy: the guest may change its memory meanwhile. */
    private BlockStatus writeStart(long offsetBytes, ScatterView source) {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment start = arena.allocate(ImageFormat.PROBE_BYTES);
            copy(source, start);
            ImageFormat format = ImageFormat.probe(start);
            if (format != ImageFormat.RAW) {
                faults.report("refused a write that would make the image look like " + format.formatName()
                        + ", because nobody said that it is raw (format=raw)");
                return BlockStatus.IO_ERROR;
            }
            long rest = source.totalBytes() - start.byteSize();
            BlockStatus status = file.write(offsetBytes, start);
            if (status != BlockStatus.OK || rest == 0) {
                return status;
            }
            ScatterList behind = new ScatterList();
            behind.addSlice(source, start.byteSize(), rest);
            return file.write(offsetBytes + start.byteSize(), behind);
        }
    }

    private static void copy(ScatterView source, MemorySegment target) {
        long done = 0;
        for (int i = 0; i < source.count() && done < target.byteSize(); i++) {
            long count = Math.min(source.lengthBytes(i), target.byteSize() - done);
            MemorySegment.copy(source.segment(i), source.offset(i), target, done, count);
            done += count;
        }
    }

    @Override
    public BlockStatus flush() {
        return readOnly() ? BlockStatus.OK : file.flush();
    }

    @Override
    public boolean canDiscard() {
        return !readOnly();
    }

    @Override
    public BlockStatus discard(long offsetBytes, long lengthBytes) {
        if (readOnly()) {
            return BlockStatus.READ_ONLY;
        }
        if (!inRange(offsetBytes, lengthBytes)) {
            return BlockStatus.OUT_OF_RANGE;
        }
        BlockStatus status = file.discard(offsetBytes, lengthBytes);
        // A discard is advice: on storage that keeps everything it has been followed.
        return status == BlockStatus.UNSUPPORTED ? BlockStatus.OK : status;
    }

    @Override
    public boolean canWriteZeroes() {
        return !readOnly();
    }

    @Override
    public BlockStatus writeZeroes(long offsetBytes, long lengthBytes, boolean mayUnmap) {
        if (readOnly()) {
            return BlockStatus.READ_ONLY;
        }
        if (!inRange(offsetBytes, lengthBytes)) {
            return BlockStatus.OUT_OF_RANGE;
        }
        return file.writeZeroes(offsetBytes, lengthBytes, mayUnmap);
    }

    @Override
    public BlockStatus resize(long newCapacityBytes) {
        if (readOnly()) {
            return BlockStatus.READ_ONLY;
        }
        BlockStatus status = file.setSize(newCapacityBytes);
        if (status == BlockStatus.OK) {
            fileBytes = newCapacityBytes;
        }
        return status;
    }

    @Override
    public BlockStatus refreshCapacity() {
        fileBytes = file.sizeBytes();
        return BlockStatus.OK;
    }

    @Override
    public BlockStatus find(long offsetBytes, long maxBytes, DiskExtent found) {
        long data = file.nextData(offsetBytes);
        if (data > offsetBytes) {
            found.set(DiskExtent.Kind.ZERO, Math.min(maxBytes, data - offsetBytes));
        } else {
            long hole = Math.max(offsetBytes + 1, file.nextHole(offsetBytes));
            // The padding of the last sector belongs to it.
            long end = hole >= fileBytes ? capacityBytes() : hole;
            found.set(DiskExtent.Kind.DATA, Math.min(maxBytes, end - offsetBytes));
        }
        return BlockStatus.OK;
    }

    @Override
    public boolean map(boolean write, long offsetBytes, long lengthBytes, ExtentList extents) {
        extents.clear();
        if (!inRange(offsetBytes, lengthBytes)
                || (write && (readOnly() || (probed && offsetBytes < ImageFormat.PROBE_BYTES)))
                || offsetBytes + lengthBytes > fileBytes) {
            // What is or may be refused, and the padded sector, take the long way.
            return false;
        }
        extents.add(file, offsetBytes, lengthBytes);
        return true;
    }

    @Override
    public void unmap(boolean write, ExtentList extents) {
        // Nothing ever moves.
    }

    private boolean inRange(long offsetBytes, long lengthBytes) {
        long capacityBytes = capacityBytes();
        return offsetBytes >= 0
                && lengthBytes >= 0
                && offsetBytes <= capacityBytes
                && lengthBytes <= capacityBytes - offsetBytes;
    }

    @Override
    public void close() {
        file.close();
    }
}

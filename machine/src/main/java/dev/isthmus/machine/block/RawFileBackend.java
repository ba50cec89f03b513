// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.machine.block;

import java.nio.file.Path;

import dev.isthmus.block.BlockBackend;
import dev.isthmus.block.BlockGeometry;
import dev.isthmus.block.BlockStatus;
import dev.isthmus.kvm.linux.Errno;
import dev.isthmus.kvm.linux.ErrnoException;
import dev.isthmus.kvm.linux.HostFile;
import dev.isthmus.kvm.linux.IoVectors;
import dev.isthmus.machine.VmException;
import dev.isthmus.machine.io.HostFaults;
import dev.isthmus.memory.ScatterView;
import dev.isthmus.virtio.GuestFaultLog;

/**
 * A disk whose bytes are those of a file or block device of the host: {@code preadv} and {@code pwritev} straight
 * between it and guest RAM.
 *
 * <p>A file whose size is no multiple of 512 has its last sector padded with zeroes for the guest; a write to that
 * sector makes the padding real. The capacity is the size at opening: where the file shrinks later, reads of what is
 * gone are I/O errors.
 *
 * <p>Role DISK_WORKER, several at once.
 */
public final class RawFileBackend implements BlockBackend {
    private static final int SECTOR_BYTES = 512;

    /** Disk quota exceeded. */
    private static final int EDQUOT = 122;

    /** More pieces than guests make of a request as a rule; longer ones take several calls. */
    private static final int VECTORS = 256;

    private final HostFile file;
    private final boolean readOnly;
    private final long fileBytes;
    private final BlockGeometry geometry;
    private final GuestFaultLog faults;

    /** A class and not {@code ThreadLocal.withInitial}, whose lambda would be spun while a VM starts. */
    private static final class VectorsOfThread extends ThreadLocal<IoVectors> {
        @Override
        protected IoVectors initialValue() {
            return new IoVectors(VECTORS);
        }
    }

    private static final VectorsOfThread VECTORS_OF_THREAD = new VectorsOfThread();

    private RawFileBackend(
            HostFile file, boolean readOnly, long fileBytes, BlockGeometry geometry, GuestFaultLog faults) {
        this.file = file;
        this.readOnly = readOnly;
        this.fileBytes = fileBytes;
        this.geometry = geometry;
        this.faults = faults;
    }

    /**
     * Opens a disk.
     *
     * @param path a regular file or block device
     * @param readOnly writes are refused, and the file is opened for reading alone
     * @param name what log messages call the disk
     * @throws VmException.Configuration if it can't be opened or is something else
     */
    public static RawFileBackend open(Path path, boolean readOnly, String name) {
        HostFile file = openFile(path, readOnly);
        try {
            if (!file.isRegularFile() && !file.isBlockDevice()) {
                throw new VmException.Configuration(
                        "Disk " + path + " is neither a file nor a block device.", "Give an image file.");
            }
            BlockGeometry geometry = BlockGeometry.DEFAULT;
            if (file.isBlockDevice()) {
                int blockBytes = file.logicalBlockBytes();
                geometry = new BlockGeometry(blockBytes, Math.max(blockBytes, 4096), 0, 0);
            }
            return new RawFileBackend(file, readOnly, file.sizeBytes(), geometry, new GuestFaultLog(name));
        } catch (ErrnoException e) {
            file.close();
            throw new VmException.HostFault("Disk " + path + " does not tell its size: " + e.getMessage(), "", e);
        } catch (RuntimeException e) {
            file.close();
            throw e;
        }
    }

    private static HostFile openFile(Path path, boolean readOnly) {
        // O_NONBLOCK has no effect on files and block devices, and keeps a FIFO from making this wait.
        int flags = (readOnly ? HostFile.O_RDONLY : HostFile.O_RDWR) | HostFile.O_NONBLOCK;
        try {
            return HostFile.open(path.toString(), flags, 0);
        } catch (ErrnoException e) {
            throw openFailed(path, readOnly, e);
        }
    }

    private static VmException openFailed(Path path, boolean readOnly, ErrnoException e) {
        return switch (e.errno()) {
            case Errno.ENOENT, Errno.ENOTDIR -> new VmException.Configuration(
                    "Disk " + path + " does not exist.", "Check the path, or make the image first.", e);
            case Errno.EISDIR -> new VmException.Configuration(
                    "Disk " + path + " is a directory.", "Give an image file.", e);
            case Errno.EACCES, Errno.EPERM, Errno.EROFS -> new VmException.Configuration(
                    "No permission to " + (readOnly ? "read disk " : "write disk ") + path + ".",
                    readOnly
                            ? "Give this user the right to read it."
                            : "Give this user the right to write it, or make the disk read-only (readonly=on).",
                    e);
            case Errno.EMFILE -> HostFaults.of("Can't open disk " + path, e);
            default -> new VmException.Configuration("Can't open disk " + path + ": " + e.getMessage(), "", e);
        };
    }

    @Override
    public long capacityBytes() {
        return (fileBytes + SECTOR_BYTES - 1) / SECTOR_BYTES * SECTOR_BYTES;
    }

    @Override
    public boolean readOnly() {
        return readOnly;
    }

    @Override
    public BlockGeometry geometry() {
        return geometry;
    }

    @Override
    public BlockStatus read(long offsetBytes, ScatterView target) {
        if (!inRange(offsetBytes, target.totalBytes())) {
            return BlockStatus.OUT_OF_RANGE;
        }
        try {
            long done = transfer(offsetBytes, target, false);
            return done == target.totalBytes() ? BlockStatus.OK : padLastSector(offsetBytes, target, done);
        } catch (ErrnoException e) {
            return failed(e);
        }
    }

    /** Fills what a file that ends within a sector lacks; anything else that is missing has been cut off meanwhile. */
    private BlockStatus padLastSector(long offsetBytes, ScatterView target, long done) {
        if (offsetBytes + done != fileBytes || target.totalBytes() - done >= SECTOR_BYTES) {
            faults.report("the file has become shorter than " + (offsetBytes + target.totalBytes()) + " bytes");
            return BlockStatus.IO_ERROR;
        }
        for (long position = done; position < target.totalBytes(); position++) {
            target.setByte(position, (byte) 0);
        }
        return BlockStatus.OK;
    }

    @Override
    public BlockStatus write(long offsetBytes, ScatterView source) {
        if (readOnly) {
            return BlockStatus.READ_ONLY;
        }
        if (!inRange(offsetBytes, source.totalBytes())) {
            return BlockStatus.OUT_OF_RANGE;
        }
        try {
            transfer(offsetBytes, source, true);
            return BlockStatus.OK;
        } catch (ErrnoException e) {
            return failed(e);
        }
    }

    @Override
    public BlockStatus flush() {
        if (readOnly) {
            return BlockStatus.OK;
        }
        try {
            file.fdatasync();
            return BlockStatus.OK;
        } catch (ErrnoException e) {
            return failed(e);
        }
    }

    private boolean inRange(long offsetBytes, long lengthBytes) {
        long capacityBytes = capacityBytes();
        return offsetBytes >= 0 && offsetBytes <= capacityBytes && lengthBytes <= capacityBytes - offsetBytes;
    }

    /** Reads or writes a whole list; answers how much was done, less than all where a file that is read ends. */
    private long transfer(long offsetBytes, ScatterView view, boolean write) {
        IoVectors vectors = VECTORS_OF_THREAD.get();
        long done = 0;
        int element = 0;
        try {
            while (element < view.count()) {
                vectors.clear();
                int end = Math.min(element + VECTORS, view.count());
                for (; element < end; element++) {
                    vectors.add(view.segment(element).asSlice(view.offset(element), view.lengthBytes(element)));
                }
                long wanted = vectors.remainingBytes();
                if (write) {
                    file.pwritev(vectors, offsetBytes + done);
                    done += wanted;
                } else {
                    long count = file.preadv(vectors, offsetBytes + done);
                    done += count;
                    if (count < wanted) {
                        break;
                    }
                }
            }
        } finally {
            vectors.clear();
        }
        return done;
    }

    private BlockStatus failed(ErrnoException e) {
        String message = e.getMessage();
        faults.report(message == null ? "I/O error" : message);
        return switch (e.errno()) {
            case Errno.ENOSPC, EDQUOT, Errno.EFBIG -> BlockStatus.NO_SPACE;
            default -> BlockStatus.IO_ERROR;
        };
    }

    @Override
    public void close() {
        file.close();
    }
}

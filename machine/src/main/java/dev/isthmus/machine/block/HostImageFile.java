// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.machine.block;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.file.Path;

import org.jspecify.annotations.Nullable;

import dev.isthmus.block.BlockGeometry;
import dev.isthmus.block.BlockStatus;
import dev.isthmus.block.ImageFile;
import dev.isthmus.device.FaultLog;
import dev.isthmus.kvm.linux.Errno;
import dev.isthmus.kvm.linux.ErrnoException;
import dev.isthmus.kvm.linux.HostFile;
import dev.isthmus.kvm.linux.IoVectors;
import dev.isthmus.machine.VmException;
import dev.isthmus.machine.io.HostFaults;
import dev.isthmus.memory.ScatterView;
import dev.isthmus.memory.Scatters;

/**
 * A file or block device of the host that holds a disk image: {@code preadv}, {@code pwritev} and {@code fallocate}
 * straight between it and guest RAM, through the host's page cache or past it ({@link HostFileOptions}).
 *
 * <p>Role DISK_WORKER, several at once.
 */
public final class HostImageFile implements ImageFile {
    /** Disk quota exceeded. */
    private static final int EDQUOT = 122;

    /** More pieces than guests make of a request as a rule; longer ones take several calls. */
    private static final int VECTORS = 256;

    /** What is written at once where the host can't make zeroes by itself. */
    private static final int ZERO_BYTES = 1 << 16;

    private static final int PAGE_BYTES = 4096;
    /** Of an image that is made: all may read it whom the umask lets. */
    private static final int NEW_FILE_MODE = 0644;

    private final HostFile file;
    private final boolean readOnly;
    private final BlockGeometry geometry;
    private final FaultLog faults;
    private final HostFileOptions options;

    /** How to keep to the storage's blocks; null through the page cache. */
    private final @Nullable DirectIo direct;

    /** A flush has failed, and the page cache can't be relied on any more. */
    private volatile boolean unflushable;

    /** A class and not {@code ThreadLocal.withInitial}, whose lambda would be spun while a VM starts. */
    private static final class VectorsOfThread extends ThreadLocal<IoVectors> {
        @Override
        protected IoVectors initialValue() {
            return new IoVectors(VECTORS);
        }
    }

    private static final VectorsOfThread VECTORS_OF_THREAD = new VectorsOfThread();

    private HostImageFile(
            HostFile file,
            boolean readOnly,
            BlockGeometry geometry,
            FaultLog faults,
            HostFileOptions options,
            @Nullable DirectIo direct) {
        this.file = file;
        this.readOnly = readOnly;
        this.geometry = geometry;
        this.faults = faults;
        this.options = options;
        this.direct = direct;
    }

    /**
     * Opens a file.
     *
     * @param path a regular file or block device
     * @param readOnly writes are refused, and the file is opened for reading alone
     * @param name what log messages call the disk
     * @throws VmException.Configuration if it can't be opened or is something else
     */
    public static HostImageFile open(Path path, boolean readOnly, String name) {
        return open(path, readOnly, name, HostFileOptions.DEFAULT);
    }

    /**
     * Opens a file.
     *
     * @param path a regular file or block device
     * @param readOnly writes are refused, and the file is opened for reading alone
     * @param name what log messages call the disk
     * @param options how it is opened
     * @throws VmException.Configuration if it can't be opened or is something else
     */
    public static HostImageFile open(Path path, boolean readOnly, String name, HostFileOptions options) {
        return of(openFile(path, readOnly ? HostFile.O_RDONLY : HostFile.O_RDWR, options), path, readOnly, name, options);
    }

    /**
     * Makes an empty file.
     *
     * @param path where there is none yet
     * @param name what log messages call it
     * @param options how it is opened
     * @throws VmException.Configuration if there is one, or it can't be made
     */
    public static HostImageFile create(Path path, String name, HostFileOptions options) {
        int flags = HostFile.O_RDWR | HostFile.O_CREAT | HostFile.O_EXCL;
        return of(openFile(path, flags, options), path, false, name, options);
    }

    private static HostImageFile of(HostFile file, Path path, boolean readOnly, String name, HostFileOptions options) {
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
            if (options.locking() == ImageLocking.AUTO) {
                ImageLock.take(file, readOnly);
            }
            // Not later, on a hot path: it must be known to work.
            long _ = file.sizeBytes();
            DirectIo direct = options.direct() ? DirectIo.of(file) : null;
            if (options.direct() && direct == null) {
                throw noDirectIo(path, null);
            }
            return new HostImageFile(file, readOnly, geometry, new FaultLog(name), options, direct);
        } catch (ErrnoException e) {
            file.close();
            throw new VmException.HostFault("Disk " + path + " does not tell its size: " + e.getMessage(), "", e);
        } catch (RuntimeException e) {
            file.close();
            throw e;
        }
    }

    private static HostFile openFile(Path path, int accessFlags, HostFileOptions options) {
        // O_NONBLOCK has no effect on files and block devices, and keeps a FIFO from making this wait.
        int flags = accessFlags | HostFile.O_NONBLOCK;
        if (options.direct()) {
            flags |= HostFile.O_DIRECT;
        }
        try {
            return HostFile.open(path.toString(), flags, NEW_FILE_MODE);
        } catch (ErrnoException e) {
            if (options.direct() && e.errno() == Errno.EINVAL) {
                throw noDirectIo(path, e);
            }
            throw openFailed(path, accessFlags == HostFile.O_RDONLY, e);
        }
    }

    private static VmException noDirectIo(Path path, @Nullable ErrnoException e) {
        return new VmException.Configuration(
                "The file system of disk " + path + " has no direct I/O (O_DIRECT).",
                "Use the host's page cache: cache=writeback, or cache=writethrough instead of directsync.",
                e);
    }

    private static VmException openFailed(Path path, boolean readOnly, ErrnoException e) {
        return switch (e.errno()) {
            case Errno.ENOENT, Errno.ENOTDIR -> new VmException.Configuration(
                    "Disk " + path + " does not exist.", "Check the path, or make the image first.", e);
            case Errno.EEXIST -> new VmException.Configuration(
                    path + " is there already.", "Choose another name, or say --force to replace it.", e);
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
    public String name() {
        return file.path();
    }

    /**
     * Tells whether an engine that does the I/O by itself can transfer memory as it is; what can't goes by {@link #read}
     * and {@link #write}.
     */
    boolean takes(ScatterView memory, long offsetBytes, long lengthBytes) {
        DirectIo aligned = direct;
        return aligned == null
                || (lengthBytes % aligned.blockBytes() == 0 && aligned.fits(offsetBytes, memory));
    }

    /** Tells whether a stable write has to reach the storage. */
    boolean keepsPromises() {
        return !options.flushIgnored();
    }

    /** Returns the open file, for engines that do the I/O themselves. */
    HostFile file() {
        return file;
    }

    @Override
    public long sizeBytes() {
        return file.sizeBytes();
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
        try {
            DirectIo aligned = direct;
            long done = aligned == null || aligned.fits(offsetBytes, target)
                    ? transfer(offsetBytes, target, false)
                    : aligned.read(offsetBytes, target);
            if (done == target.totalBytes()) {
                return BlockStatus.OK;
            }
            Scatters.zero(target, done, target.totalBytes() - done);
            return BlockStatus.OUT_OF_RANGE;
        } catch (ErrnoException e) {
            return failed(e);
        }
    }

    @Override
    public BlockStatus read(long offsetBytes, MemorySegment target) {
        try {
            DirectIo aligned = direct;
            long done = aligned == null || aligned.fits(offsetBytes, target)
                    ? file.pread(target, offsetBytes)
                    : aligned.read(offsetBytes, DirectIo.viewOf(target));
            if (done == target.byteSize()) {
                return BlockStatus.OK;
            }
            Scatters.zero(target, done, target.byteSize() - done);
            return BlockStatus.OUT_OF_RANGE;
        } catch (ErrnoException e) {
            return failed(e);
        }
    }

    @Override
    public BlockStatus write(long offsetBytes, ScatterView source) {
        try {
            DirectIo aligned = direct;
            if (aligned == null) {
                transfer(offsetBytes, source, true);
            } else if (aligned.fits(offsetBytes, source)) {
                aligned.beginWrite();
                try {
                    transfer(offsetBytes, source, true);
                } finally {
                    aligned.endWrite();
                }
            } else {
                aligned.write(offsetBytes, source);
            }
            return BlockStatus.OK;
        } catch (ErrnoException e) {
            return failed(e);
        }
    }

    @Override
    public BlockStatus write(long offsetBytes, MemorySegment source) {
        try {
            DirectIo aligned = direct;
            if (aligned == null) {
                file.pwrite(source, offsetBytes);
            } else if (aligned.fits(offsetBytes, source)) {
                aligned.beginWrite();
                try {
                    file.pwrite(source, offsetBytes);
                } finally {
                    aligned.endWrite();
                }
            } else {
                aligned.write(offsetBytes, DirectIo.viewOf(source));
            }
            return BlockStatus.OK;
        } catch (ErrnoException e) {
            return failed(e);
        }
    }

    /**
     * {@inheritDoc}
     *
     * <p>After one has failed, all do: Linux has marked pages as written then that are not, and the next fdatasync would
     * succeed without writing them. Past the page cache there are none.
     */
    @Override
    public BlockStatus flush() {
        if (options.flushIgnored()) {
            return BlockStatus.OK;
        }
        if (unflushable) {
            return BlockStatus.IO_ERROR;
        }
        try {
            file.fdatasync();
            return BlockStatus.OK;
        } catch (ErrnoException e) {
            unflushable = direct == null;
            return failed(e);
        }
    }

    /** Takes note that a write which was to be stable failed: as after a failed {@link #flush}, all flushes do from now on. */
    void stableWriteFailed() {
        unflushable = direct == null;
    }

    @Override
    public BlockStatus setSize(long sizeBytes) {
        try {
            if (!file.isRegularFile()) {
                return sizeBytes == file.sizeBytes() ? BlockStatus.OK : BlockStatus.UNSUPPORTED;
            }
            file.ftruncate(sizeBytes);
            return BlockStatus.OK;
        } catch (ErrnoException e) {
            return failed(e);
        }
    }

    @Override
    public long nextData(long offsetBytes) {
        if (!file.isRegularFile()) {
            return offsetBytes;
        }
        try {
            long data = file.seekData(offsetBytes);
            return data < 0 ? file.sizeBytes() : data;
        } catch (ErrnoException e) {
            // A file system that does not tell: all may be data.
            return offsetBytes;
        }
    }

    @Override
    public long nextHole(long offsetBytes) {
        if (!file.isRegularFile()) {
            return file.sizeBytes();
        }
        try {
            long hole = file.seekHole(offsetBytes);
            return hole < 0 ? file.sizeBytes() : hole;
        } catch (ErrnoException e) {
            return file.sizeBytes();
        }
    }

    @Override
    public long allocatedBytes() {
        return file.allocatedBytes();
    }

    @Override
    public BlockStatus punchHole(long offsetBytes, long lengthBytes) {
        try {
            return file.punchHole(offsetBytes, lengthBytes) ? BlockStatus.OK : BlockStatus.UNSUPPORTED;
        } catch (ErrnoException e) {
            return failed(e);
        }
    }

    /** {@inheritDoc} A block device need not make zeroes of it. */
    @Override
    public BlockStatus discard(long offsetBytes, long lengthBytes) {
        if (!file.isBlockDevice()) {
            return punchHole(offsetBytes, lengthBytes);
        }
        try {
            return file.discardBlocks(offsetBytes, lengthBytes) ? BlockStatus.OK : BlockStatus.UNSUPPORTED;
        } catch (ErrnoException e) {
            return failed(e);
        }
    }

    @Override
    public BlockStatus writeZeroes(long offsetBytes, long lengthBytes, boolean mayUnmap) {
        try {
            long end = offsetBytes + lengthBytes;
            if (file.isRegularFile() && file.sizeBytes() < end) {
                file.ftruncate(end);
            }
            boolean done = (mayUnmap && file.punchHole(offsetBytes, lengthBytes))
                    || file.zeroRange(offsetBytes, lengthBytes)
                    || (file.isBlockDevice() && file.zeroBlocks(offsetBytes, lengthBytes));
            return done ? BlockStatus.OK : writeZeroBytes(offsetBytes, lengthBytes);
        } catch (ErrnoException e) {
            return failed(e);
        }
    }

    private BlockStatus writeZeroBytes(long offsetBytes, long lengthBytes) {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment zeroes = arena.allocate(Math.min(lengthBytes, ZERO_BYTES), PAGE_BYTES);
            BlockStatus status = BlockStatus.OK;
            long done = 0;
            while (done < lengthBytes && status == BlockStatus.OK) {
                long chunk = Math.min(lengthBytes - done, zeroes.byteSize());
                status = write(offsetBytes + done, zeroes.asSlice(0, chunk));
                done += chunk;
            }
            return status;
        }
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
                    vectors.add(view.segment(element), view.offset(element), view.lengthBytes(element));
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
        String text = message == null ? "I/O error" : message;
        LastFault note = options.lastFault();
        if (note != null) {
            note.set(text);
        }
        faults.report(text);
        return switch (e.errno()) {
            case Errno.ENOSPC, EDQUOT, Errno.EFBIG -> BlockStatus.NO_SPACE;
            default -> BlockStatus.IO_ERROR;
        };
    }

    @Override
    public void close() {
        file.close();
        if (direct != null) {
            direct.close();
        }
    }
}

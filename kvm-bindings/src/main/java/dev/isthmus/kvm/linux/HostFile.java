// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.kvm.linux;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.ref.Reference;
import java.nio.ByteBuffer;

import dev.isthmus.kvm.ffi.Syscall;
import dev.isthmus.kvm.ffi.ThreadMemory;
import dev.isthmus.kvm.generated.Linux;

/**
 * A file or block device, read and written at offsets straight from and to native memory.
 *
 * <p>Any thread, several at once: there is no file position. Reads and writes go on after signals and short
 * transfers until they are done; they allocate nothing. {@link Thread#interrupt} does not reach them. The
 * memory must not be freed meanwhile.
 *
 * @see <a href="https://man7.org/linux/man-pages/man2/pread.2.html">pread(2)</a>
 */
public final class HostFile implements AutoCloseable {
    /** To read. */
    public static final int O_RDONLY = 0;

    /** To write. */
    public static final int O_WRONLY = 1;

    /** To read and write. */
    public static final int O_RDWR = 2;

    /** Create it if it does not exist. */
    public static final int O_CREAT = 0x40;

    /** With {@link #O_CREAT}: fail if it exists. */
    public static final int O_EXCL = 0x80;

    /** Start with an empty file. */
    public static final int O_TRUNC = 0x200;

    /** Write at the end. */
    public static final int O_APPEND = 0x400;

    /** Opening, reading and writing do not wait. */
    public static final int O_NONBLOCK = 0x800;

    /** Past the host's cache: memory, offsets and lengths must be multiples of the sector size. */
    public static final int O_DIRECT = 0x4000;

    /**
     * The largest transfer of one system call (MAX_RW_COUNT in the kernel's linux/fs.h, for pages of 4 KiB).
     */
    private static final long MAX_TRANSFER_BYTES = 0x7fff_f000L;

    /** The unit of stat's {@code st_blocks}, whatever the file system's is. */
    private static final int STAT_BLOCK_BYTES = 512;

    private final Fd fd;
    private final String path;
    private final int type;

    private HostFile(Fd fd, String path, int type) {
        this.fd = fd;
        this.path = path;
        this.type = type;
    }

    /**
     * Opens a file, close-on-exec.
     *
     * @param path its path, as Java and the host's locale spell it
     * @param flags a set of {@code O_…} bits
     * @param mode the permissions of a created file
     */
    public static HostFile open(String path, int flags, int mode) {
        Fd fd = openFd(path, flags, mode);
        try {
            int stMode = fstat(fd, path).getInt(Linux.OFFSETOF_stat_st_mode());
            return new HostFile(fd, path, stMode & Linux.S_IFMT());
        } catch (ErrnoException e) {
            fd.close();
            throw e;
        }
    }

    /** {@link #open}, for what is no disk: devices, terminals. */
    public static Fd openFd(String path, int flags, int mode) {
        try (Arena arena = Arena.ofConfined()) {
            long pathAddress = arena.allocateFrom(path).address();
            long result;
            do {
                result =
                        Syscall.call(
                                Linux.__NR_openat(),
                                Linux.AT_FDCWD(),
                                pathAddress,
                                flags | Linux.O_CLOEXEC(),
                                mode);
            } while (result == -Errno.EINTR);
            if (result < 0) {
                throw ErrnoException.of("open", path, result);
            }
            return Fd.owning((int) result);
        }
    }

    /** Its descriptor, which it keeps. */
    public Fd fd() {
        return fd;
    }

    /** The path it was opened with. */
    public String path() {
        return path;
    }

    /** Whether it is a block device. */
    public boolean isBlockDevice() {
        return type == Linux.S_IFBLK();
    }

    /** Whether it is a regular file. */
    public boolean isRegularFile() {
        return type == Linux.S_IFREG();
    }

    /** Its size in bytes now; 0 for what is neither a regular file nor a block device. */
    public long sizeBytes() {
        if (isBlockDevice()) {
            ThreadMemory memory = ThreadMemory.current();
            ioctl("BLKGETSIZE64", Linux.BLKGETSIZE64(), memory);
            return memory.scratch().getLong(0);
        }
        return isRegularFile() ? fstat(fd, path).getLong(Linux.OFFSETOF_stat_st_size()) : 0;
    }

    /**
     * The smallest unit of a block device's transfers, in bytes; what offsets are multiples of with O_DIRECT.
     */
    public int logicalBlockBytes() {
        ThreadMemory memory = ThreadMemory.current();
        ioctl("BLKSSZGET", Linux.BLKSSZGET(), memory);
        return memory.scratch().getInt(0);
    }

    private void ioctl(String name, long request, ThreadMemory memory) {
        long result = Syscall.call(Linux.__NR_ioctl(), fd.number(), request, memory.scratchAddress());
        if (result < 0) {
            throw ErrnoException.of(name, path, result);
        }
    }

    /** The file's state, in the calling thread's scratch memory. */
    private static ByteBuffer fstat(Fd fd, String path) {
        ThreadMemory memory = ThreadMemory.current();
        long result = Syscall.call(Linux.__NR_fstat(), fd.number(), memory.scratchAddress());
        if (result < 0) {
            throw ErrnoException.of("fstat", path, result);
        }
        return memory.scratch();
    }

    /**
     * Reads until the memory is full or the file ends.
     *
     * @param target native memory
     * @param offset where in the file, from 0
     * @return how many bytes were read
     */
    public long pread(MemorySegment target, long offset) {
        long address = NativeMemory.addressOf(target);
        long length = target.byteSize();
        long done = 0;
        try {
            while (done < length) {
                long chunk = Math.min(length - done, MAX_TRANSFER_BYTES);
                long at = offset + done;
                long result = Syscall.call(Linux.__NR_pread64(), fd.number(), address + done, chunk, at);
                if (endsAt(result, done)) {
                    break;
                }
                done += transferred("pread", result, length - done, at);
            }
            return done;
        } finally {
            Reference.reachabilityFence(target);
        }
    }

    /**
     * Tells whether a read has come to the end of the file. One past the host's cache that was cut short there goes on
     * at an offset that is no multiple of the sector size, which the kernel refuses.
     */
    private static boolean endsAt(long result, long doneBytes) {
        return result == 0 || (result == -Errno.EINVAL && doneBytes > 0);
    }

    /**
     * Writes all of the memory.
     *
     * @param source native memory
     * @param offset where in the file, from 0
     * @throws ErrnoException when something could not be written; some of it may be
     */
    public void pwrite(MemorySegment source, long offset) {
        long address = NativeMemory.addressOf(source);
        long length = source.byteSize();
        long done = 0;
        try {
            while (done < length) {
                long chunk = Math.min(length - done, MAX_TRANSFER_BYTES);
                long at = offset + done;
                long result = Syscall.call(Linux.__NR_pwrite64(), fd.number(), address + done, chunk, at);
                done += transferred("pwrite", notNothing(result), length - done, at);
            }
        } finally {
            Reference.reachabilityFence(source);
        }
    }

    /**
     * Reads into one piece of memory after the other, until all are full or the file ends.
     *
     * @param vectors which pieces; used up afterwards
     * @param offset where in the file, from 0
     * @return how many bytes were read
     */
    public long preadv(IoVectors vectors, long offset) {
        long done = 0;
        while (vectors.remainingBytes() > 0) {
            long result = transferVectors(Linux.__NR_preadv(), vectors, offset + done);
            if (endsAt(result, done)) {
                break;
            }
            long count = transferred("preadv", result, vectors.remainingBytes(), offset + done);
            vectors.advance(count);
            done += count;
        }
        return done;
    }

    /**
     * Writes one piece of memory after the other.
     *
     * @param vectors which pieces; used up afterwards
     * @param offset where in the file, from 0
     * @throws ErrnoException when something could not be written; some of it may be
     */
    public void pwritev(IoVectors vectors, long offset) {
        long done = 0;
        while (vectors.remainingBytes() > 0) {
            long result = notNothing(transferVectors(Linux.__NR_pwritev(), vectors, offset + done));
            long count = transferred("pwritev", result, vectors.remainingBytes(), offset + done);
            vectors.advance(count);
            done += count;
        }
    }

    private long transferVectors(int number, IoVectors vectors, long offset) {
        try {
            // The offset's high half is for 32-bit kernels; 64-bit ones take all of it from the low argument.
            return Syscall.call(number, fd.number(), vectors.address(), vectors.count(), offset, 0, 0);
        } finally {
            Reference.reachabilityFence(vectors);
        }
    }

    /** Turns a write of nothing, which would be repeated for ever, into an error. */
    private static long notNothing(long result) {
        return result == 0 ? -Errno.EIO : result;
    }

    /** How many bytes a call transferred: none if a signal interrupted it. */
    private long transferred(String call, long result, long lengthBytes, long offset) {
        if (result == -Errno.EINTR) {
            return 0;
        }
        if (result < 0) {
            throw ErrnoException.of(
                    call, path + ", " + lengthBytes + " bytes at offset " + offset, result);
        }
        return result;
    }

    /** Waits until what was written would survive a power failure, and all that is needed to read it back. */
    public void fdatasync() {
        retried("fdatasync", Linux.__NR_fdatasync());
    }

    private void retried(String call, int number) {
        long result;
        do {
            result = Syscall.call(number, fd.number());
        } while (result == -Errno.EINTR);
        if (result < 0) {
            throw ErrnoException.of(call, path, result);
        }
    }

    /** Cuts a regular file off, or extends it with zeroes. */
    public void ftruncate(long sizeBytes) {
        long result;
        do {
            result = Syscall.call(Linux.__NR_ftruncate(), fd.number(), sizeBytes);
        } while (result == -Errno.EINTR);
        if (result < 0) {
            throw ErrnoException.of("ftruncate", path + ", " + sizeBytes + " bytes", result);
        }
    }

    /** How much storage it takes on the host, in bytes; less than its size where it has holes. */
    public long allocatedBytes() {
        return fstat(fd, path).getLong(Linux.OFFSETOF_stat_st_blocks()) * STAT_BLOCK_BYTES;
    }

    /**
     * Finds data: where the next byte is that is not in a hole, from an offset on.
     *
     * @return its offset, or -1 where there is none up to the end of the file
     */
    public long seekData(long offset) {
        return seek("SEEK_DATA", Linux.SEEK_DATA(), offset);
    }

    /**
     * Finds a hole: where the next byte is that is in one, from an offset on; the end of the file counts as one.
     *
     * @return its offset, or -1 where the offset is not in the file
     */
    public long seekHole(long offset) {
        return seek("SEEK_HOLE", Linux.SEEK_HOLE(), offset);
    }

    /** Moves the file position, which nothing else uses. */
    private long seek(String what, int whence, long offset) {
        long result = Syscall.call(Linux.__NR_lseek(), fd.number(), offset, whence);
        if (result == -Errno.ENXIO) {
            return -1;
        }
        if (result < 0) {
            throw ErrnoException.of("lseek", path + ", " + what + " from offset " + offset, result);
        }
        return result;
    }

    /**
     * Gives a range's blocks back to the host: it reads as zeroes, and the file keeps its size.
     *
     * @return false if the file system cannot do it, and nothing was changed
     */
    public boolean punchHole(long offset, long lengthBytes) {
        int mode = Linux.FALLOC_FL_PUNCH_HOLE() | Linux.FALLOC_FL_KEEP_SIZE();
        return fallocate("FALLOC_FL_PUNCH_HOLE", mode, offset, lengthBytes);
    }

    /**
     * Makes a range read as zeroes, its blocks staying the file's, which keeps its size.
     *
     * @return false if the file system cannot do it, and nothing was changed
     */
    public boolean zeroRange(long offset, long lengthBytes) {
        int mode = Linux.FALLOC_FL_ZERO_RANGE() | Linux.FALLOC_FL_KEEP_SIZE();
        return fallocate("FALLOC_FL_ZERO_RANGE", mode, offset, lengthBytes);
    }

    /**
     * Tells a block device that a range is not needed; it may read as anything afterwards.
     *
     * @return false if the device cannot do it, or the range is no multiple of its blocks, and nothing was changed
     */
    public boolean discardBlocks(long offset, long lengthBytes) {
        return rangeIoctl("BLKDISCARD", Linux.BLKDISCARD(), offset, lengthBytes);
    }

    /**
     * Makes a range of a block device read as zeroes.
     *
     * @return false if the range is no multiple of its blocks, and nothing was changed
     */
    public boolean zeroBlocks(long offset, long lengthBytes) {
        return rangeIoctl("BLKZEROOUT", Linux.BLKZEROOUT(), offset, lengthBytes);
    }

    private boolean rangeIoctl(String name, long request, long offset, long lengthBytes) {
        ThreadMemory memory = ThreadMemory.current();
        long result;
        do {
            memory.scratch().putLong(0, offset).putLong(Long.BYTES, lengthBytes);
            result = Syscall.call(Linux.__NR_ioctl(), fd.number(), request, memory.scratchAddress());
        } while (result == -Errno.EINTR);
        if (result == -Errno.EOPNOTSUPP || result == -Errno.EINVAL || result == -Errno.ENOTTY) {
            return false;
        }
        if (result < 0) {
            throw ErrnoException.of(name, path + ", " + lengthBytes + " bytes at offset " + offset, result);
        }
        return true;
    }

    private boolean fallocate(String mode, int modeBits, long offset, long lengthBytes) {
        long result;
        do {
            result = Syscall.call(Linux.__NR_fallocate(), fd.number(), modeBits, offset, lengthBytes);
        } while (result == -Errno.EINTR);
        // A block device refuses by EINVAL what is no multiple of its blocks.
        if (result == -Errno.EOPNOTSUPP || (result == -Errno.EINVAL && isBlockDevice())) {
            return false;
        }
        if (result < 0) {
            throw ErrnoException.of(
                    "fallocate",
                    path + ", " + mode + ", " + lengthBytes + " bytes at offset " + offset,
                    result);
        }
        return true;
    }

    /**
     * Locks a byte for reading, for as long as the file is open ({@code F_OFD_SETLK}): the lock is that of this
     * opening, also where the same process opened the file again. Bytes may be locked that the file does not have.
     *
     * @param offset which byte
     * @return false if somebody else has locked it for writing
     */
    public boolean lockByte(long offset) {
        long result = fcntl(Linux.F_OFD_SETLK(), Linux.F_RDLCK(), offset);
        if (result == -Errno.EAGAIN || result == -Errno.EACCES) {
            return false;
        }
        if (result < 0) {
            throw ErrnoException.of("fcntl", path + ", F_OFD_SETLK at " + offset, result);
        }
        return true;
    }

    /**
     * Tells whether somebody else, which may be another opening of the same process, has locked a byte in any way
     * ({@code F_OFD_GETLK}).
     *
     * @param offset which byte
     */
    public boolean isLockedByOthers(long offset) {
        long result = fcntl(Linux.F_OFD_GETLK(), Linux.F_WRLCK(), offset);
        if (result < 0) {
            throw ErrnoException.of("fcntl", path + ", F_OFD_GETLK at " + offset, result);
        }
        ByteBuffer flock = ThreadMemory.current().scratch();
        return flock.getShort(Linux.OFFSETOF_flock_l_type()) != Linux.F_UNLCK();
    }

    /** Passes a lock of one byte, in the calling thread's scratch memory, where the answer is as well. */
    private long fcntl(int command, int type, long offset) {
        ThreadMemory memory = ThreadMemory.current();
        ByteBuffer flock = memory.scratch();
        // From the start of the file (SEEK_SET); the kernel wants no process id with locks of this kind.
        flock.putShort(Linux.OFFSETOF_flock_l_type(), (short) type)
                .putShort(Linux.OFFSETOF_flock_l_whence(), (short) 0)
                .putLong(Linux.OFFSETOF_flock_l_start(), offset)
                .putLong(Linux.OFFSETOF_flock_l_len(), 1)
                .putInt(Linux.OFFSETOF_flock_l_pid(), 0);
        long result;
        do {
            result = Syscall.call(Linux.__NR_fcntl(), fd.number(), command, memory.scratchAddress());
        } while (result == -Errno.EINTR);
        return result;
    }

    /** Closes the descriptor; does nothing the second time. No thread may be using it. */
    @Override
    public void close() {
        fd.close();
    }
}

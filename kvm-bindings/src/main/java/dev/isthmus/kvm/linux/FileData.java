// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.kvm.linux;

import java.lang.foreign.MemorySegment;
import java.lang.ref.Reference;
import java.util.Objects;

import dev.isthmus.kvm.ffi.Syscall;
import dev.isthmus.kvm.ffi.ThreadMemory;
import dev.isthmus.kvm.generated.Linux;

/**
 * System calls on open files for somebody who is to be told of errors by their number, as {@link FileCalls} has those on
 * names: a result from 0, or a negated error number of {@link Errno}.
 *
 * <p>Any thread. Allocates nothing.
 */
public final class FileData {
    /** Where the next data is. */
    public static final int SEEK_DATA = 3;

    /** Where the next hole is. */
    public static final int SEEK_HOLE = 4;

    /** The file keeps its size. */
    public static final int FALLOC_FL_KEEP_SIZE = 1;

    /** Make a hole of it. */
    public static final int FALLOC_FL_PUNCH_HOLE = 2;

    /** Make zeroes of it. */
    public static final int FALLOC_FL_ZERO_RANGE = 0x10;

    private FileData() {}

    /**
     * Reads into one piece of memory after the other, until all are full or the file ends.
     *
     * @param vectors which pieces; used up afterwards
     * @param offset where in the file, from 0
     * @return how many bytes were read; an error only where none was
     */
    public static long preadv(int fd, IoVectors vectors, long offset) {
        return transfer(Linux.__NR_preadv(), fd, vectors, offset);
    }

    /**
     * Writes one piece of memory after the other.
     *
     * @param vectors which pieces; used up afterwards
     * @param offset where in the file, from 0
     * @return how many bytes were written, less than all after an error; the error only where none was
     */
    public static long pwritev(int fd, IoVectors vectors, long offset) {
        return transfer(Linux.__NR_pwritev(), fd, vectors, offset);
    }

    /**
     * Writes one piece of memory after the other at the end of the file, wherever that is by then (RWF_APPEND, Linux 4.16).
     *
     * @param vectors which pieces; used up afterwards
     * @return as {@link #pwritev}
     */
    public static long append(int fd, IoVectors vectors) {
        return transfer(Linux.__NR_pwritev2(), fd, vectors, 0);
    }

    private static long transfer(int number, int fd, IoVectors vectors, long offset) {
        long done = 0;
        try {
            while (vectors.remainingBytes() > 0) {
                // The offset's high half is for 32-bit kernels; of the calls here, pwritev2 alone has flags.
                long result = FileCalls.repeated(
                        number, fd, vectors.address(), vectors.count(), offset + done, 0, Linux.RWF_APPEND());
                if (result <= 0) {
                    return done > 0 ? done : result;
                }
                vectors.advance(result);
                done += result;
            }
            return done;
        } finally {
            Reference.reachabilityFence(vectors);
        }
    }

    /**
     * Reads entries of a directory ({@code struct linux_dirent64}).
     *
     * @param offset where: 0, or what an entry says comes after it
     * @param limitBytes how much of the memory to fill at most
     * @return how many bytes of the memory were filled; 0 at the end
     */
    public static long readDirectory(int fd, long offset, MemorySegment target, long limitBytes) {
        Objects.checkFromIndexSize(0L, limitBytes, target.byteSize());
        long address = NativeMemory.addressOf(target);
        long sought = Syscall.call(Linux.__NR_lseek(), fd, offset, 0);
        if (Syscall.failed(sought)) {
            return sought;
        }
        try {
            return FileCalls.repeated(Linux.__NR_getdents64(), fd, address, limitBytes, 0, 0);
        } finally {
            Reference.reachabilityFence(target);
        }
    }

    /** Waits until what was written is stable: the data and what it takes to read it, or all there is. */
    public static long sync(int fd, boolean dataOnly) {
        return FileCalls.repeated(dataOnly ? Linux.__NR_fdatasync() : Linux.__NR_fsync(), fd, 0, 0, 0, 0);
    }

    /** Waits until all that was written to the file system is stable. */
    public static long syncAll(int fd) {
        return FileCalls.repeated(Linux.__NR_syncfs(), fd, 0, 0, 0, 0);
    }

    /** Reports errors of earlier writes, as closing a descriptor of the file does (NFS and quotas tell only then). */
    public static long flush(int fd) {
        long duplicate = Syscall.call(Linux.__NR_fcntl(), fd, Linux.F_DUPFD_CLOEXEC(), 0);
        return duplicate < 0 ? duplicate : Syscall.call(Linux.__NR_close(), duplicate);
    }

    /** Cuts a file off, or extends it with a hole. */
    public static long truncate(int fd, long sizeBytes) {
        return FileCalls.repeated(Linux.__NR_ftruncate(), fd, sizeBytes, 0, 0, 0);
    }

    /**
     * Allocates storage, or gives it up.
     *
     * @param mode a set of {@code FALLOC_FL_…} bits
     */
    public static long allocate(int fd, int mode, long offset, long lengthBytes) {
        return FileCalls.repeated(Linux.__NR_fallocate(), fd, mode, offset, lengthBytes, 0);
    }

    /** Moves the position, which reads and writes here do not use. */
    public static long seek(int fd, long offset, int whence) {
        return Syscall.call(Linux.__NR_lseek(), fd, offset, whence);
    }

    /**
     * Copies between two files within the host.
     *
     * @return how many bytes were copied
     */
    public static long copyRange(int source, long sourceOffset, int target, long targetOffset, long lengthBytes) {
        ThreadMemory memory = ThreadMemory.current();
        long offsets = memory.scratchAddress();
        long result;
        do {
            memory.scratch().putLong(0, sourceOffset).putLong(Long.BYTES, targetOffset);
            result = Syscall.call(
                    Linux.__NR_copy_file_range(), source, offsets, target, offsets + Long.BYTES, lengthBytes, 0);
        } while (result == -Errno.EINTR);
        return result;
    }
}

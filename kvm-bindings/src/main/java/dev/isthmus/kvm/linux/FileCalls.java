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
 * System calls on files by directory and one name, or by {@code O_PATH} descriptor, for somebody who is to be told of
 * errors by their number: a guest that uses a folder of the host. All of them answer as the kernel does, by a result from
 * 0 or a negated error number of {@link Errno}; none throws.
 *
 * <p>Descriptors are plain numbers here, because a folder has thousands of them; whoever opens one closes it. Names are
 * native memory that ends with a zero byte. No call follows a symbolic link, or goes anywhere but to the file of the
 * descriptor or an entry of its directory.
 *
 * <p>Any thread. Allocates nothing, but for {@link #openFolder}. {@link FileData} has the calls on open files.
 */
public final class FileCalls {
    /** Only names the file; can't be read from or written to. */
    public static final int O_PATH = 0x20_0000;

    /** Fail if it is a symbolic link. */
    public static final int O_NOFOLLOW = 0x2_0000;

    /** Fail if it is no directory. */
    public static final int O_DIRECTORY = 0x1_0000;

    /** Writes are stable when they return, with all that belongs to them. */
    public static final int O_SYNC = 0x10_1000;

    /** Writes are stable when they return. */
    public static final int O_DSYNC = 0x1000;

    /** Where in a timestamp's nanoseconds: the time now. */
    public static final int UTIME_NOW = 0x3fff_ffff;

    /** Where in a timestamp's nanoseconds: as it is. */
    public static final int UTIME_OMIT = 0x3fff_fffe;

    /** Of {@link #rename}: fail if the new name exists. */
    public static final int RENAME_NOREPLACE = 1;

    /** Of {@link #rename}: exchange both. */
    public static final int RENAME_EXCHANGE = 2;

    /** Of {@link #rename}: leave a whiteout for overlayfs. */
    public static final int RENAME_WHITEOUT = 4;

    /** Where in the scratch the empty path is, and the decimal digits of a descriptor. */
    private static final int EMPTY_PATH = ThreadMemory.SCRATCH_BYTES - 32;

    private static final int DIGITS_END = ThreadMemory.SCRATCH_BYTES - 1;

    private FileCalls() {}

    /**
     * Opens a directory to look for files in, by a path of the host's; the only call that follows symbolic links.
     *
     * @return the descriptor, {@code O_PATH} and close-on-exec
     */
    public static long openFolder(String path) {
        try (Arena arena = Arena.ofConfined()) {
            int flags = Linux.O_PATH() | Linux.O_DIRECTORY() | Linux.O_CLOEXEC();
            return repeated(
                    Linux.__NR_openat(), Linux.AT_FDCWD(), arena.allocateFrom(path).address(), flags, 0, 0);
        }
    }

    /**
     * Opens an entry of a directory: never beyond it, never through a symbolic link (openat2 with RESOLVE_BENEATH,
     * RESOLVE_NO_MAGICLINKS and RESOLVE_NO_SYMLINKS).
     *
     * @param flags a set of {@code O_…} bits; close-on-exec anyway
     * @param mode the permissions of a created file
     * @return the descriptor; {@code -ENOSYS} before Linux 5.6
     */
    public static long openEntry(int directory, MemorySegment name, int flags, int mode) {
        ThreadMemory memory = ThreadMemory.current();
        int resolve = Linux.RESOLVE_BENEATH() | Linux.RESOLVE_NO_MAGICLINKS() | Linux.RESOLVE_NO_SYMLINKS();
        long allFlags = Integer.toUnsignedLong(flags | Linux.O_CLOEXEC() | Linux.O_NOFOLLOW() | Linux.O_NOCTTY());
        if ((flags & Linux.O_PATH()) != 0) {
            // Openat2 refuses what has no meaning with O_PATH.
            allFlags &= ~Linux.O_NOCTTY();
        }
        memory.scratch()
                .putLong(Linux.OFFSETOF_open_how_flags(), allFlags)
                .putLong(Linux.OFFSETOF_open_how_mode(), Integer.toUnsignedLong(mode))
                .putLong(Linux.OFFSETOF_open_how_resolve(), resolve);
        long how = memory.scratchAddress();
        return named(name, Linux.__NR_openat2(), directory, how, Linux.SIZEOF_open_how());
    }

    /**
     * Opens the very file that a descriptor names, however it was opened. The caller has made sure that it is a regular
     * file or a directory: others may wait or do something when they are opened.
     *
     * @param descriptors what {@link #openFolder} returned for {@code /proc/self/fd}
     * @param flags a set of {@code O_…} bits; close-on-exec anyway
     */
    public static long reopen(int descriptors, int fd, int flags) {
        int allFlags = (flags & ~Linux.O_NOFOLLOW()) | Linux.O_CLOEXEC() | Linux.O_NOCTTY();
        return repeated(Linux.__NR_openat(), descriptors, digits(fd), allFlags, 0, 0);
    }

    /**
     * Makes a regular file without a name in a directory, and opens it.
     *
     * @param descriptors what {@link #openFolder} returned for {@code /proc/self/fd}
     * @param flags to write, or to read and write, and others of {@code O_…}; close-on-exec anyway
     * @return the descriptor; {@code -EOPNOTSUPP} where the file system has no such files
     */
    public static long createUnnamed(int descriptors, int directory, int flags, int mode) {
        int allFlags = flags | Linux.O_TMPFILE() | Linux.O_CLOEXEC();
        return repeated(Linux.__NR_openat(), descriptors, digits(directory), allFlags, Integer.toUnsignedLong(mode), 0);
    }

    /** Closes a descriptor. */
    public static void close(int fd) {
        Syscall.call(Linux.__NR_close(), fd);
    }

    /** Tells all about the file of a descriptor. */
    public static long statx(int fd, Statx out) {
        int mask = Linux.STATX_BASIC_STATS() | Linux.STATX_MNT_ID();
        try {
            return repeated(
                    Linux.__NR_statx(),
                    fd,
                    emptyPath(),
                    Linux.AT_EMPTY_PATH() | Linux.AT_SYMLINK_NOFOLLOW(),
                    mask,
                    out.memory().address());
        } finally {
            Reference.reachabilityFence(out);
        }
    }

    /** Tells all about the file system of a descriptor's file. */
    public static long statfs(int fd, Statfs out) {
        try {
            return repeated(Linux.__NR_fstatfs(), fd, out.memory().address(), 0, 0, 0);
        } finally {
            Reference.reachabilityFence(out);
        }
    }

    /**
     * Reads where a symbolic link points to.
     *
     * @param link an {@code O_PATH} descriptor of the link itself
     * @return how many bytes were written to the memory, without a final zero
     */
    public static long readLink(int link, MemorySegment target) {
        long address = NativeMemory.addressOf(target);
        try {
            return repeated(Linux.__NR_readlinkat(), link, emptyPath(), address, target.byteSize(), 0);
        } finally {
            Reference.reachabilityFence(target);
        }
    }

    /**
     * Makes a file of any type but directory and symbolic link.
     *
     * @param device the numbers of a device node, as the kernel packs them into 32 bits
     */
    public static long makeNode(int directory, MemorySegment name, int mode, int device) {
        return named(
                name, Linux.__NR_mknodat(), directory, Integer.toUnsignedLong(mode), Integer.toUnsignedLong(device));
    }

    /** Makes a directory. */
    public static long makeDirectory(int directory, MemorySegment name, int mode) {
        return named(name, Linux.__NR_mkdirat(), directory, Integer.toUnsignedLong(mode), 0);
    }

    /** Makes a symbolic link, which may point anywhere. */
    public static long makeSymbolicLink(MemorySegment target, int directory, MemorySegment name) {
        long targetAddress = NativeMemory.addressOf(target);
        long nameAddress = NativeMemory.addressOf(name);
        try {
            return repeated(Linux.__NR_symlinkat(), targetAddress, directory, nameAddress, 0, 0);
        } finally {
            Reference.reachabilityFence(target);
            Reference.reachabilityFence(name);
        }
    }

    /**
     * Gives the file of a descriptor another name; a symbolic link itself, not what it points to.
     *
     * @param descriptors what {@link #openFolder} returned for {@code /proc/self/fd}
     */
    public static long link(int descriptors, int fd, int directory, MemorySegment name) {
        long nameAddress = NativeMemory.addressOf(name);
        try {
            // AT_EMPTY_PATH would take a privilege; the link that is followed is the one in /proc, to the very file.
            return repeated(
                    Linux.__NR_linkat(), descriptors, digits(fd), directory, nameAddress, Linux.AT_SYMLINK_FOLLOW());
        } finally {
            Reference.reachabilityFence(name);
        }
    }

    /** Removes a name of anything but a directory. */
    public static long unlink(int directory, MemorySegment name) {
        return named(name, Linux.__NR_unlinkat(), directory, 0, 0);
    }

    /** Removes an empty directory. */
    public static long removeDirectory(int directory, MemorySegment name) {
        return named(name, Linux.__NR_unlinkat(), directory, Linux.AT_REMOVEDIR(), 0);
    }

    /**
     * Moves an entry.
     *
     * @param flags 0, or what {@code RENAME_…} bits say
     */
    public static long rename(
            int directory, MemorySegment name, int newDirectory, MemorySegment newName, int flags) {
        long nameAddress = NativeMemory.addressOf(name);
        long newNameAddress = NativeMemory.addressOf(newName);
        try {
            return repeated(
                    Linux.__NR_renameat2(),
                    directory,
                    nameAddress,
                    newDirectory,
                    newNameAddress,
                    Integer.toUnsignedLong(flags));
        } finally {
            Reference.reachabilityFence(name);
            Reference.reachabilityFence(newName);
        }
    }

    /**
     * Changes the owner.
     *
     * @param uid -1 for as it is
     * @param gid -1 for as it is
     */
    public static long changeOwner(int fd, int uid, int gid) {
        return repeated(
                Linux.__NR_fchownat(),
                fd,
                emptyPath(),
                Integer.toUnsignedLong(uid),
                Integer.toUnsignedLong(gid),
                Linux.AT_EMPTY_PATH());
    }

    /**
     * Changes the permissions.
     *
     * @param descriptors what {@link #openFolder} returned for {@code /proc/self/fd}
     */
    public static long changeMode(int descriptors, int fd, int mode) {
        return repeated(Linux.__NR_fchmodat(), descriptors, digits(fd), Integer.toUnsignedLong(mode), 0, 0);
    }

    /**
     * Changes the times of the last reading and the last change of the contents.
     *
     * @param descriptors what {@link #openFolder} returned for {@code /proc/self/fd}
     * @param accessNanos 0 to 999,999,999, {@link #UTIME_NOW} or {@link #UTIME_OMIT}; so is {@code modifyNanos}
     */
    public static long changeTimes(
            int descriptors, int fd, long accessSeconds, long accessNanos, long modifySeconds, long modifyNanos) {
        ThreadMemory memory = ThreadMemory.current();
        int second = Linux.SIZEOF_timespec();
        memory.scratch()
                .putLong(Linux.OFFSETOF_timespec_tv_sec(), accessSeconds)
                .putLong(Linux.OFFSETOF_timespec_tv_nsec(), accessNanos)
                .putLong(second + Linux.OFFSETOF_timespec_tv_sec(), modifySeconds)
                .putLong(second + Linux.OFFSETOF_timespec_tv_nsec(), modifyNanos);
        return repeated(Linux.__NR_utimensat(), descriptors, digits(fd), memory.scratchAddress(), 0, 0);
    }

    // Extended attributes: these calls take no directory, and none an O_PATH descriptor, so that they go by its path in
    // /proc/self/fd. All threads have the same descriptors.

    /**
     * Reads an extended attribute.
     *
     * @param value takes it; where empty, only the size is asked for
     * @return its size
     */
    public static long getXattr(int fd, MemorySegment name, MemorySegment value) {
        return xattr(Linux.__NR_getxattr(), fd, name, value, value.byteSize(), 0);
    }

    /**
     * Sets an extended attribute.
     *
     * @param flags 0, XATTR_CREATE or XATTR_REPLACE
     */
    public static long setXattr(int fd, MemorySegment name, MemorySegment value, int flags) {
        return xattr(Linux.__NR_setxattr(), fd, name, value, value.byteSize(), Integer.toUnsignedLong(flags));
    }

    /** Removes an extended attribute. */
    public static long removeXattr(int fd, MemorySegment name) {
        return xattr(Linux.__NR_removexattr(), fd, name, name, 0, 0);
    }

    /**
     * Lists the names of extended attributes, each with a final zero.
     *
     * @param names takes them; where empty, only the size is asked for
     * @return the size of all
     */
    public static long listXattr(int fd, MemorySegment names) {
        long address = NativeMemory.addressOf(names);
        try {
            return repeated(Linux.__NR_listxattr(), procPath(fd), address, names.byteSize(), 0, 0);
        } finally {
            Reference.reachabilityFence(names);
        }
    }

    private static long xattr(int number, int fd, MemorySegment name, MemorySegment value, long size, long flags) {
        long nameAddress = NativeMemory.addressOf(name);
        long valueAddress = NativeMemory.addressOf(value);
        try {
            return repeated(number, procPath(fd), nameAddress, valueAddress, size, flags);
        } finally {
            Reference.reachabilityFence(name);
            Reference.reachabilityFence(value);
        }
    }

    /** A call with a directory and a name, and up to two more arguments. */
    private static long named(MemorySegment name, int number, int directory, long a2, long a3) {
        long address = NativeMemory.addressOf(name);
        try {
            return repeated(number, directory, address, a2, a3, 0);
        } finally {
            Reference.reachabilityFence(name);
        }
    }

    static long repeated(int number, long a0, long a1, long a2, long a3, long a4) {
        return repeated(number, a0, a1, a2, a3, a4, 0);
    }

    static long repeated(int number, long a0, long a1, long a2, long a3, long a4, long a5) {
        long result;
        do {
            result = Syscall.call(number, a0, a1, a2, a3, a4, a5);
        } while (result == -Errno.EINTR);
        return result;
    }

    /** Where an empty path is, until the scratch is used for something else. */
    private static long emptyPath() {
        ThreadMemory memory = ThreadMemory.current();
        memory.scratch().put(EMPTY_PATH, (byte) 0);
        return memory.scratchAddress() + EMPTY_PATH;
    }

    /** Where a descriptor's number is as a name, until the scratch is used for something else. */
    private static long digits(int fd) {
        ThreadMemory memory = ThreadMemory.current();
        return memory.scratchAddress() + putDigits(memory.scratch(), fd);
    }

    private static int putDigits(ByteBuffer scratch, int fd) {
        int position = DIGITS_END;
        scratch.put(position, (byte) 0);
        int left = fd;
        do {
            position--;
            scratch.put(position, (byte) ('0' + left % 10));
            left /= 10;
        } while (left > 0);
        return position;
    }

    /** As {@link #digits}, with the path of the folder before it. */
    private static long procPath(int fd) {
        ThreadMemory memory = ThreadMemory.current();
        ByteBuffer scratch = memory.scratch();
        int position = putDigits(scratch, fd);
        for (int i = PROC_SELF_FD.length - 1; i >= 0; i--) {
            position--;
            scratch.put(position, PROC_SELF_FD[i]);
        }
        return memory.scratchAddress() + position;
    }

    private static final byte[] PROC_SELF_FD = {
        '/', 'p', 'r', 'o', 'c', '/', 's', 'e', 'l', 'f', '/', 'f', 'd', '/'
    };
}

// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.fuse;

/**
 * Numbers of the FUSE protocol, version 7.38 (linux/fuse.h), all little-endian here.
 *
 * <pre>
 *  struct fuse_in_header               struct fuse_out_header
 *  +0   u32 len      of the request    +0   u32 len     of the answer
 *  +4   u32 opcode                     +4   s32 error   0, or a negated error number
 *  +8   u64 unique                     +8   u64 unique  of the request
 *  +16  u64 nodeid
 *  +24  u32 uid
 *  +28  u32 gid
 *  +32  u32 pid
 *  +36  u16 total_extlen
 *  +38  u16 padding
 * </pre>
 */
public final class FuseProtocol {
    private FuseProtocol() {}

    /** Major number of the protocol. */
    public static final int FUSE_KERNEL_VERSION = 7;

    /** Minor number of the protocol as it is spoken here. */
    public static final int FUSE_KERNEL_MINOR_VERSION = 38;

    /** The lowest minor number that is served: Linux 4.20, before virtio-fs. */
    public static final int MINOR_VERSION_MIN = 27;

    /** The node of the folder itself. */
    public static final long FUSE_ROOT_ID = 1;

    // Opcodes (enum fuse_opcode).

    /** Find an entry of a directory. */
    public static final int FUSE_LOOKUP = 1;
    /** Drop lookups of a node; not answered. */
    public static final int FUSE_FORGET = 2;
    /** Tell the attributes. */
    public static final int FUSE_GETATTR = 3;
    /** Change attributes. */
    public static final int FUSE_SETATTR = 4;
    /** Read a symbolic link. */
    public static final int FUSE_READLINK = 5;
    /** Make a symbolic link. */
    public static final int FUSE_SYMLINK = 6;
    /** Make a file. */
    public static final int FUSE_MKNOD = 8;
    /** Make a directory. */
    public static final int FUSE_MKDIR = 9;
    /** Remove a name. */
    public static final int FUSE_UNLINK = 10;
    /** Remove a directory. */
    public static final int FUSE_RMDIR = 11;
    /** Move an entry. */
    public static final int FUSE_RENAME = 12;
    /** Give a file another name. */
    public static final int FUSE_LINK = 13;
    /** Open a file. */
    public static final int FUSE_OPEN = 14;
    /** Read from a file. */
    public static final int FUSE_READ = 15;
    /** Write to a file. */
    public static final int FUSE_WRITE = 16;
    /** Tell of the file system. */
    public static final int FUSE_STATFS = 17;
    /** Close a file. */
    public static final int FUSE_RELEASE = 18;
    /** Make what was written to a file stable. */
    public static final int FUSE_FSYNC = 20;
    /** Set an extended attribute. */
    public static final int FUSE_SETXATTR = 21;
    /** Read an extended attribute. */
    public static final int FUSE_GETXATTR = 22;
    /** List extended attributes. */
    public static final int FUSE_LISTXATTR = 23;
    /** Remove an extended attribute. */
    public static final int FUSE_REMOVEXATTR = 24;
    /** A descriptor of a file was closed. */
    public static final int FUSE_FLUSH = 25;
    /** Begin a session. */
    public static final int FUSE_INIT = 26;
    /** Open a directory. */
    public static final int FUSE_OPENDIR = 27;
    /** Read entries of a directory. */
    public static final int FUSE_READDIR = 28;
    /** Close a directory. */
    public static final int FUSE_RELEASEDIR = 29;
    /** Make changes of a directory stable. */
    public static final int FUSE_FSYNCDIR = 30;
    /** Test a lock; never answered but by ENOSYS. */
    public static final int FUSE_GETLK = 31;
    /** Set a lock; never answered but by ENOSYS. */
    public static final int FUSE_SETLK = 32;
    /** Wait for a lock; never answered but by ENOSYS. */
    public static final int FUSE_SETLKW = 33;
    /** Tell whether a file may be used. */
    public static final int FUSE_ACCESS = 34;
    /** Make a file and open it. */
    public static final int FUSE_CREATE = 35;
    /** Interrupt a request; not answered. */
    public static final int FUSE_INTERRUPT = 36;
    /** End the session. */
    public static final int FUSE_DESTROY = 38;
    /** Drop lookups of several nodes; not answered. */
    public static final int FUSE_BATCH_FORGET = 42;
    /** Allocate storage. */
    public static final int FUSE_FALLOCATE = 43;
    /** Read entries of a directory and find them. */
    public static final int FUSE_READDIRPLUS = 44;
    /** Move an entry, with flags. */
    public static final int FUSE_RENAME2 = 45;
    /** Find data or a hole. */
    public static final int FUSE_LSEEK = 46;
    /** Copy between files. */
    public static final int FUSE_COPY_FILE_RANGE = 47;
    /** Make everything stable. */
    public static final int FUSE_SYNCFS = 50;
    /** Make a file without a name and open it. */
    public static final int FUSE_TMPFILE = 51;

    // Flags of INIT.

    /** Reads may be answered in any order. */
    public static final int FUSE_ASYNC_READ = 1 << 0;
    /** OPEN truncates. */
    public static final int FUSE_ATOMIC_O_TRUNC = 1 << 3;
    /** Writes may be longer than a page. */
    public static final int FUSE_BIG_WRITES = 1 << 5;
    /** The client drops its cache of a file that has changed. */
    public static final int FUSE_AUTO_INVAL_DATA = 1 << 12;
    /** READDIRPLUS is understood. */
    public static final int FUSE_DO_READDIRPLUS = 1 << 13;
    /** READDIRPLUS where it pays. */
    public static final int FUSE_READDIRPLUS_AUTO = 1 << 14;
    /** Direct I/O may be asynchronous. */
    public static final int FUSE_ASYNC_DIO = 1 << 15;
    /** Lookups and readings of a directory may come at once. */
    public static final int FUSE_PARALLEL_DIROPS = 1 << 18;
    /** {@code max_pages} is filled in. */
    public static final int FUSE_MAX_PAGES = 1 << 22;
    /** Writing clears set-user-ID and set-group-ID bits here. */
    public static final int FUSE_HANDLE_KILLPRIV_V2 = 1 << 28;
    /** {@code flags2} is filled in. */
    public static final int FUSE_INIT_EXT = 1 << 30;

    /** In {@code flags2}: files that are not cached may be mapped and shared. */
    public static final int FUSE_DIRECT_IO_ALLOW_MMAP_2 = 1 << 4;

    // Flags of SETATTR: what is to change.

    /** The permissions. */
    public static final int FATTR_MODE = 1;
    /** The owner. */
    public static final int FATTR_UID = 1 << 1;
    /** The group. */
    public static final int FATTR_GID = 1 << 2;
    /** The size. */
    public static final int FATTR_SIZE = 1 << 3;
    /** The time of the last reading. */
    public static final int FATTR_ATIME = 1 << 4;
    /** The time of the last change of the contents. */
    public static final int FATTR_MTIME = 1 << 5;
    /** {@code fh} is filled in. */
    public static final int FATTR_FH = 1 << 6;
    /** The time of the last reading, to now. */
    public static final int FATTR_ATIME_NOW = 1 << 7;
    /** The time of the last change, to now. */
    public static final int FATTR_MTIME_NOW = 1 << 8;
    /** Set-user-ID and set-group-ID bits go with the size. */
    public static final int FATTR_KILL_SUIDGID = 1 << 11;

    // Other flags.

    /** Of an open file: the client caches nothing of it. */
    public static final int FOPEN_DIRECT_IO = 1;
    /** Of an open file: the client keeps what it has cached. */
    public static final int FOPEN_KEEP_CACHE = 1 << 1;
    /** Of an open directory: the client may cache its entries. */
    public static final int FOPEN_CACHE_DIR = 1 << 3;
    /** Of OPEN and CREATE: truncating clears set-user-ID and set-group-ID bits. */
    public static final int FUSE_OPEN_KILL_SUIDGID = 1;
    /** Of WRITE: it comes from the client's cache, whichever descriptor it names. */
    public static final int FUSE_WRITE_CACHE = 1;
    /** Of WRITE: it clears set-user-ID and set-group-ID bits. */
    public static final int FUSE_WRITE_KILL_SUIDGID = 1 << 2;
    /** Of FSYNC: data only. */
    public static final int FUSE_FSYNC_FDATASYNC = 1;

    // Sizes of the fixed parts, in bytes.

    /** Size of {@code struct fuse_in_header}. */
    public static final int IN_HEADER_BYTES = 40;
    /** Size of {@code struct fuse_out_header}. */
    public static final int OUT_HEADER_BYTES = 16;
    /** Size of {@code struct fuse_attr}. */
    public static final int ATTR_BYTES = 88;
    /** Size of {@code struct fuse_attr_out}. */
    public static final int ATTR_OUT_BYTES = 16 + ATTR_BYTES;
    /** Size of {@code struct fuse_entry_out}. */
    public static final int ENTRY_OUT_BYTES = 40 + ATTR_BYTES;
    /** Size of {@code struct fuse_open_out}. */
    public static final int OPEN_OUT_BYTES = 16;
    /** Size of {@code struct fuse_write_out}. */
    public static final int WRITE_OUT_BYTES = 8;
    /** Size of {@code struct fuse_statfs_out}. */
    public static final int STATFS_OUT_BYTES = 80;
    /** Size of {@code struct fuse_init_out}. */
    public static final int INIT_OUT_BYTES = 64;
    /** Size of {@code struct fuse_getxattr_out}. */
    public static final int GETXATTR_OUT_BYTES = 8;
    /** Size of {@code struct fuse_lseek_out}. */
    public static final int LSEEK_OUT_BYTES = 8;
    /** Size of {@code struct fuse_dirent} without the name. */
    public static final int DIRENT_BYTES = 24;
    /** Size of {@code struct fuse_read_in} and of {@code struct fuse_write_in}. */
    public static final int READ_IN_BYTES = 40;
    /** Size of {@code struct fuse_setattr_in}. */
    public static final int SETATTR_IN_BYTES = 88;

    /** The longest transfer of a READ or WRITE, in bytes: {@code max_write}. */
    public static final int TRANSFER_BYTES_MAX = 1 << 20;

    /** {@link #TRANSFER_BYTES_MAX} in pages of the client's: {@code max_pages}. */
    public static final int PAGES_MAX = TRANSFER_BYTES_MAX / 4096;
}

// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.fuse;

import dev.isthmus.virtio.queue.ChainWriter;

/**
 * What is known of a file ({@code struct fuse_attr}), and what names it among all. A {@link SharedFolder} fills it in; to
 * be used again.
 *
 * <p>Plain fields: one thread at a time, and nothing depends on their being consistent.
 */
public final class FileAttributes {
    /** The bits of {@link #mode} that are the type. */
    public static final int S_IFMT = 0xf000;

    /** Type: directory. */
    public static final int S_IFDIR = 0x4000;

    /** Type: regular file. */
    public static final int S_IFREG = 0x8000;

    /** Type: symbolic link. */
    public static final int S_IFLNK = 0xa000;

    /** Type: character device. */
    public static final int S_IFCHR = 0x2000;

    /** Type: block device. */
    public static final int S_IFBLK = 0x6000;

    /** Type: FIFO. */
    public static final int S_IFIFO = 0x1000;

    /** Type: socket. */
    public static final int S_IFSOCK = 0xc000;

    /** The number of the file in its file system. */
    public long inode;

    /** The file system, any number that differs from others'. */
    public long device;

    /** The mount through which the file was found, 0 where all are one. */
    public long mount;

    /** The size in bytes. */
    public long sizeBytes;

    /** The storage that it takes, in units of 512 bytes. */
    public long blocks;

    /** When it was last read, in seconds since 1970. */
    public long accessSeconds;

    /** The fraction of it in nanoseconds. */
    public int accessNanos;

    /** When its contents last changed, in seconds since 1970. */
    public long modifySeconds;

    /** The fraction of it in nanoseconds. */
    public int modifyNanos;

    /** When anything about it last changed, in seconds since 1970. */
    public long changeSeconds;

    /** The fraction of it in nanoseconds. */
    public int changeNanos;

    /** Type and permissions, as in {@code st_mode}. */
    public int mode;

    /** The number of names. */
    public int links;

    /** The owner as the client is to see it. */
    public int uid;

    /** The group as the client is to see it. */
    public int gid;

    /** The numbers of a device node, as the kernel packs them into 32 bits. */
    public int deviceNumbers;

    /** The size of transfers that suits it, in bytes. */
    public int blockBytes;

    /** All zero at first. */
    public FileAttributes() {}

    /** Returns the type, one of {@code S_IF…}. */
    public int type() {
        return mode & S_IFMT;
    }

    /** Writes a {@code struct fuse_attr}; there must be room for it. */
    void writeTo(ChainWriter writer) {
        writer.writeU64(inode);
        writer.writeU64(sizeBytes);
        writer.writeU64(blocks);
        writer.writeU64(accessSeconds);
        writer.writeU64(modifySeconds);
        writer.writeU64(changeSeconds);
        writer.writeU32(accessNanos);
        writer.writeU32(modifyNanos);
        writer.writeU32(changeNanos);
        writer.writeU32(mode);
        writer.writeU32(links);
        writer.writeU32(uid);
        writer.writeU32(gid);
        writer.writeU32(deviceNumbers);
        writer.writeU32(blockBytes);
        writer.writeU32(0);
    }
}

// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.kvm.linux;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;

import dev.isthmus.kvm.generated.Linux;

/**
 * What {@link FileCalls#statx} tells of a file ({@code struct statx}); to be used again.
 *
 * <p>One thread at a time. Allocates nothing after its construction.
 *
 * @see <a href="https://man7.org/linux/man-pages/man2/statx.2.html">statx(2)</a>
 */
public final class Statx {
    private final MemorySegment memory;
    private final ByteBuffer fields;

    /** All zero at first. */
    public Statx() {
        memory = Arena.ofAuto().allocate(Linux.SIZEOF_statx(), Long.BYTES);
        fields = memory.asByteBuffer().order(ByteOrder.nativeOrder());
    }

    MemorySegment memory() {
        return memory;
    }

    /** The number of the inode. */
    public long inode() {
        return fields.getLong(Linux.OFFSETOF_statx_stx_ino());
    }

    /** The device of the file system, which with {@link #inode} names the file: major number in the high half. */
    public long device() {
        return (long) fields.getInt(Linux.OFFSETOF_statx_stx_dev_major()) << 32
                | Integer.toUnsignedLong(fields.getInt(Linux.OFFSETOF_statx_stx_dev_minor()));
    }

    /** The mount it was found in; 0 where the kernel does not tell (before Linux 5.8). */
    public long mount() {
        boolean told = (fields.getInt(Linux.OFFSETOF_statx_stx_mask()) & Linux.STATX_MNT_ID()) != 0;
        return told ? fields.getLong(Linux.OFFSETOF_statx_stx_mnt_id()) : 0;
    }

    /** Type and permissions. */
    public int mode() {
        return Short.toUnsignedInt(fields.getShort(Linux.OFFSETOF_statx_stx_mode()));
    }

    /** Whether it is a regular file. */
    public boolean isRegularFile() {
        return (mode() & Linux.S_IFMT()) == Linux.S_IFREG();
    }

    /** Whether it is a directory. */
    public boolean isDirectory() {
        return (mode() & Linux.S_IFMT()) == Linux.S_IFDIR();
    }

    /** The number of names. */
    public int links() {
        return fields.getInt(Linux.OFFSETOF_statx_stx_nlink());
    }

    /** The owner. */
    public int uid() {
        return fields.getInt(Linux.OFFSETOF_statx_stx_uid());
    }

    /** The group. */
    public int gid() {
        return fields.getInt(Linux.OFFSETOF_statx_stx_gid());
    }

    /** The size in bytes. */
    public long sizeBytes() {
        return fields.getLong(Linux.OFFSETOF_statx_stx_size());
    }

    /** The storage that it takes, in units of 512 bytes. */
    public long blocks() {
        return fields.getLong(Linux.OFFSETOF_statx_stx_blocks());
    }

    /** The size of transfers that suits it, in bytes. */
    public int blockBytes() {
        return fields.getInt(Linux.OFFSETOF_statx_stx_blksize());
    }

    /** The major number of the device that it stands for. */
    public int deviceMajor() {
        return fields.getInt(Linux.OFFSETOF_statx_stx_rdev_major());
    }

    /** The minor number of the device that it stands for. */
    public int deviceMinor() {
        return fields.getInt(Linux.OFFSETOF_statx_stx_rdev_minor());
    }

    /** When it was last read, in seconds since 1970. */
    public long accessSeconds() {
        return seconds(Linux.OFFSETOF_statx_stx_atime());
    }

    /** The fraction of {@link #accessSeconds} in nanoseconds. */
    public int accessNanos() {
        return nanos(Linux.OFFSETOF_statx_stx_atime());
    }

    /** When its contents last changed, in seconds since 1970. */
    public long modifySeconds() {
        return seconds(Linux.OFFSETOF_statx_stx_mtime());
    }

    /** The fraction of {@link #modifySeconds} in nanoseconds. */
    public int modifyNanos() {
        return nanos(Linux.OFFSETOF_statx_stx_mtime());
    }

    /** When anything about it last changed, in seconds since 1970. */
    public long changeSeconds() {
        return seconds(Linux.OFFSETOF_statx_stx_ctime());
    }

    /** The fraction of {@link #changeSeconds} in nanoseconds. */
    public int changeNanos() {
        return nanos(Linux.OFFSETOF_statx_stx_ctime());
    }

    private long seconds(int offset) {
        return fields.getLong(offset + Linux.OFFSETOF_statx_timestamp_tv_sec());
    }

    private int nanos(int offset) {
        return fields.getInt(offset + Linux.OFFSETOF_statx_timestamp_tv_nsec());
    }
}

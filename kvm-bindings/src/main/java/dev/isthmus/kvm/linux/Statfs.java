// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.kvm.linux;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;

import dev.isthmus.kvm.generated.Linux;

/**
 * What {@link FileCalls#statfs} tells of a file system ({@code struct statfs}); to be used again.
 *
 * <p>One thread at a time.
 *
 * @see <a href="https://man7.org/linux/man-pages/man2/statfs.2.html">statfs(2)</a>
 */
public final class Statfs {
    private final MemorySegment memory;
    private final ByteBuffer fields;

    /** All zero at first. */
    public Statfs() {
        memory = Arena.ofAuto().allocate(Linux.SIZEOF_statfs(), Long.BYTES);
        fields = memory.asByteBuffer().order(ByteOrder.nativeOrder());
    }

    MemorySegment memory() {
        return memory;
    }

    /** The size of transfers that suits it, in bytes. */
    public long transferBytes() {
        return fields.getLong(Linux.OFFSETOF_statfs_f_bsize());
    }

    /** The unit of the numbers of blocks, in bytes. */
    public long blockBytes() {
        return fields.getLong(Linux.OFFSETOF_statfs_f_frsize());
    }

    /** How many blocks there are. */
    public long blocks() {
        return fields.getLong(Linux.OFFSETOF_statfs_f_blocks());
    }

    /** How many blocks are free. */
    public long freeBlocks() {
        return fields.getLong(Linux.OFFSETOF_statfs_f_bfree());
    }

    /** How many blocks are free for everyone. */
    public long availableBlocks() {
        return fields.getLong(Linux.OFFSETOF_statfs_f_bavail());
    }

    /** How many inodes there are. */
    public long files() {
        return fields.getLong(Linux.OFFSETOF_statfs_f_files());
    }

    /** How many inodes are free. */
    public long freeFiles() {
        return fields.getLong(Linux.OFFSETOF_statfs_f_ffree());
    }

    /** The most bytes of a name. */
    public long nameBytes() {
        return fields.getLong(Linux.OFFSETOF_statfs_f_namelen());
    }
}

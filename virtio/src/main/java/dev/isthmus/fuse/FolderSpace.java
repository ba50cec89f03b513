// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.fuse;

/**
 * What is known of a file system ({@code struct fuse_kstatfs}). A {@link SharedFolder} fills it in; to be used again.
 * Plain fields: one thread at a time.
 */
public final class FolderSpace {
    /** How many blocks there are. */
    public long blocks;

    /** How many blocks are free. */
    public long freeBlocks;

    /** How many blocks are free for everyone. */
    public long availableBlocks;

    /** How many inodes there are. */
    public long files;

    /** How many inodes are free. */
    public long freeFiles;

    /** The size of transfers that suits it, in bytes. */
    public long transferBytes;

    /** The most bytes of a name. */
    public long nameBytes;

    /** The unit of the numbers of blocks, in bytes. */
    public long blockBytes;

    /** All zero at first. */
    public FolderSpace() {}
}

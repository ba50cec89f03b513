// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.block.image;

import dev.isthmus.block.BlockBackend;
import dev.isthmus.block.BlockStatus;
import dev.isthmus.block.DiskExtent;
import dev.isthmus.block.SparseDisk;

/** Finds out which parts of a disk hold data, down to the last image that it is based on. Any thread. */
final class DiskExtents {
    private DiskExtents() {}

    /**
     * Finds out about a disk from an offset on, as {@link SparseDisk#find}, but for {@link DiskExtent.Kind#BASE}.
     */
    static BlockStatus find(BlockBackend disk, long offsetBytes, long maxBytes, DiskExtent found) {
        BlockBackend at = disk;
        long limit = maxBytes;
        while (at instanceof SparseDisk sparse) {
            BlockStatus status = sparse.find(offsetBytes, limit, found);
            if (status != BlockStatus.OK || found.kind() != DiskExtent.Kind.BASE) {
                return status;
            }
            limit = found.lengthBytes();
            BlockBackend base = sparse.base();
            if (base == null || base.capacityBytes() <= offsetBytes) {
                found.set(DiskExtent.Kind.ZERO, limit);
                return BlockStatus.OK;
            }
            limit = Math.min(limit, base.capacityBytes() - offsetBytes);
            at = base;
        }
        found.set(DiskExtent.Kind.DATA, limit);
        return BlockStatus.OK;
    }

    /** Tells whether a range is known to read as zeroes, what is beyond the disk's end included. */
    static boolean zero(BlockBackend disk, long offsetBytes, long lengthBytes, DiskExtent found) {
        long end = Math.min(offsetBytes + lengthBytes, disk.capacityBytes());
        long at = offsetBytes;
        while (at < end) {
            if (find(disk, at, end - at, found) != BlockStatus.OK || found.kind() != DiskExtent.Kind.ZERO) {
                return false;
            }
            at += found.lengthBytes();
        }
        return true;
    }
}

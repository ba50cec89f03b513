// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.testing.fuse;

import java.util.Arrays;
import java.util.TreeMap;

import dev.isthmus.fuse.FileAttributes;
import dev.isthmus.fuse.FuseErrno;

/** A file of a {@link MemoryFolder}, of any type. Guarded by its folder. */
final class MemoryInode {
    static final int FILE_BYTES_MAX = 1 << 20;

    private static final int DEVICE = 7;

    final long number;
    final int type;
    int mode;
    int uid;
    int gid;
    int links;
    int device;
    byte[] data = new byte[0];
    byte[] target = new byte[0];
    final TreeMap<String, MemoryInode> entries = new TreeMap<>();
    final TreeMap<String, byte[]> xattrs = new TreeMap<>();

    MemoryInode(long number, int type, int mode) {
        this.number = number;
        this.type = type;
        this.mode = mode;
    }

    void tell(FileAttributes attributes) {
        attributes.inode = number;
        attributes.device = DEVICE;
        attributes.mode = type | mode;
        attributes.sizeBytes = data.length;
        attributes.blocks = (data.length + 511L) / 512;
        attributes.uid = uid;
        attributes.gid = gid;
        attributes.links = links;
        attributes.deviceNumbers = device;
        attributes.blockBytes = 4096;
        attributes.modifySeconds = 1000;
        attributes.modifyNanos = 5;
    }

    long resize(long sizeBytes) {
        if (sizeBytes < 0 || sizeBytes > FILE_BYTES_MAX) {
            return -FuseErrno.EINVAL;
        }
        data = Arrays.copyOf(data, (int) sizeBytes);
        return 0;
    }
}

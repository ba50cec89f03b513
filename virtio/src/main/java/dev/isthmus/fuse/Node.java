// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.fuse;

import org.jspecify.annotations.Nullable;

/**
 * A file that the client knows, by a number that is valid while it has lookups of it. Everything that changes is guarded
 * by its {@link NodeTable}.
 */
final class Node {
    final long id;

    /** The folder's. */
    final long handle;

    /** One of {@link FileAttributes}'s {@code S_IF…}; the type of a file never changes. */
    final int type;

    final long inode;
    final long device;
    final long mount;

    /** How often the client was told of it, less what it forgot; never negative. */
    long lookups;

    /** Requests that use it now: it is not closed meanwhile. */
    int pins;

    /** Link of the table's hash chains. */
    @Nullable Node nextInBucket;

    Node(long id, long handle, FileAttributes attributes) {
        this.id = id;
        this.handle = handle;
        this.type = attributes.type();
        this.inode = attributes.inode;
        this.device = attributes.device;
        this.mount = attributes.mount;
    }

    boolean isDirectory() {
        return type == FileAttributes.S_IFDIR;
    }

    boolean isRegularFile() {
        return type == FileAttributes.S_IFREG;
    }

    boolean matches(FileAttributes attributes) {
        return inode == attributes.inode
                && device == attributes.device
                && mount == attributes.mount
                && type == attributes.type();
    }
}

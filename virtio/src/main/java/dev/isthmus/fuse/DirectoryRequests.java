// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.fuse;

import dev.isthmus.virtio.queue.ChainReader;
import dev.isthmus.virtio.queue.ChainWriter;

/**
 * Requests that list directories. Each returns the size of its answer, or a negated error number. Any thread.
 *
 * <pre>
 *  struct fuse_dirent, after a struct fuse_entry_out in the answer to READDIRPLUS
 *  +0   u64 ino
 *  +8   u64 off      where the next entry is
 *  +16  u32 namelen
 *  +20  u32 type
 *  +24  name, zeroes up to a multiple of 8
 * </pre>
 */
final class DirectoryRequests {
    private static final int OPEN_IN_BYTES = 8;

    /** What READDIRPLUS says of a short name, against what the host lists of it: how much less to list. */
    private static final int PLUS_RATIO = 5;

    private final SharedFolder folder;
    private final FileTable files;
    private final Replies replies;
    private final CachePolicy cache;
    private final long rootInode;

    DirectoryRequests(SharedFolder folder, FileTable files, Replies replies, CachePolicy cache, long rootInode) {
        this.folder = folder;
        this.files = files;
        this.replies = replies;
        this.cache = cache;
        this.rootInode = rootInode;
    }

    long open(FuseCall call) {
        if (!call.hasArgument(OPEN_IN_BYTES) || call.roomBytes() < FuseProtocol.OPEN_OUT_BYTES) {
            return -FuseErrno.EINVAL;
        }
        Node node = call.node();
        if (node == null) {
            return -FuseErrno.ESTALE;
        }
        if (!node.isDirectory()) {
            return -FuseErrno.ENOTDIR;
        }
        if (files.full()) {
            return -FuseErrno.ENFILE;
        }
        long handle = folder.openDirectory(node.handle);
        if (handle < 0) {
            return handle;
        }
        long id = files.enter(handle, true);
        if (id == 0) {
            return -FuseErrno.ENFILE;
        }
        call.writer().writeU64(id);
        call.writer().writeU32(cache.directoryFlags());
        call.writer().writeU32(0);
        return FuseProtocol.OPEN_OUT_BYTES;
    }

    long read(FuseCall call, boolean plus) {
        if (!call.hasArgument(FuseProtocol.READ_IN_BYTES)) {
            return -FuseErrno.EINVAL;
        }
        ChainReader reader = call.reader();
        long fileId = reader.readU64();
        long offset = reader.readU64();
        long size = reader.readU32();
        Node node = call.node();
        OpenFile file = call.file(fileId);
        if (node == null || file == null) {
            return node == null ? -FuseErrno.ESTALE : -FuseErrno.EBADF;
        }
        if (!file.directory || !node.isDirectory()) {
            return -FuseErrno.ENOTDIR;
        }
        long limitBytes = Math.min(size, call.roomBytes());
        DirectoryEntries entries = call.entries();
        entries.begin(plus ? limitBytes / PLUS_RATIO : limitBytes);
        long filled;
        synchronized (file.listing) {
            filled = folder.list(file.handle, offset, entries);
        }
        if (filled <= 0) {
            return filled;
        }
        entries.filled(filled);
        return write(call, node, plus, limitBytes);
    }

    private long write(FuseCall call, Node directory, boolean plus, long limitBytes) {
        DirectoryEntries entries = call.entries();
        boolean cut = false;
        while (!cut && entries.next()) {
            int padded = FuseProtocol.DIRENT_BYTES + (entries.nameBytes() + 7 & ~7);
            int wanted = plus ? FuseProtocol.ENTRY_OUT_BYTES + padded : padded;
            if (call.writtenBytes() + wanted > limitBytes) {
                cut = true;
            } else {
                if (plus) {
                    writeFound(call, directory);
                }
                writeEntry(call.writer(), entries, directory.id == FuseProtocol.FUSE_ROOT_ID);
            }
        }
        // Nothing would be the end of the directory.
        return cut && call.writtenBytes() == 0 ? -FuseErrno.EINVAL : call.writtenBytes();
    }

    /**
     * Writes what a lookup of the current entry finds. Where it finds nothing, or too much is known already, the client
     * is told nothing of it, and asks when it wants to know.
     */
    private void writeFound(FuseCall call, Node directory) {
        boolean named = call.entries().copyName(call.name());
        if (!named || replies.entry(call, directory.handle, call.name()) < 0) {
            Replies.noEntry(call.writer());
        }
    }

    private void writeEntry(ChainWriter writer, DirectoryEntries entries, boolean inRoot) {
        // What is above the folder is none of the client's business, its inode included.
        writer.writeU64(inRoot && entries.isParent() ? rootInode : entries.inode());
        writer.writeU64(entries.nextOffset());
        int nameBytes = entries.nameBytes();
        writer.writeU32(nameBytes);
        writer.writeU32(entries.type());
        for (int i = 0; i < nameBytes; i++) {
            writer.writeU8(entries.nameByte(i));
        }
        for (int i = nameBytes; (i & 7) != 0; i++) {
            writer.writeU8(0);
        }
    }
}

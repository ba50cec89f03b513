// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.fuse;

import dev.isthmus.virtio.queue.ChainWriter;

/**
 * Requests on nodes and on entries of directories. Each returns the size of its answer, or a negated error number; nothing
 * is changed unless there is room for the answer. Any thread.
 */
final class NodeRequests {
    private static final int GETATTR_IN_BYTES = 16;
    private static final int MKNOD_IN_BYTES = 16;
    private static final int MKDIR_IN_BYTES = 8;
    private static final int RENAME_IN_BYTES = 8;
    private static final int RENAME2_IN_BYTES = 16;
    private static final int LINK_IN_BYTES = 8;
    private static final int ACCESS_IN_BYTES = 8;

    /** The bits of a mode that a request for a directory may set: permissions, and those above them. */
    private static final int PERMISSIONS = 0xfff;

    private static final int X_OK = 1;
    private static final int W_OK = 2;
    private static final int ALL_ACCESS = 7;

    private final SharedFolder folder;
    private final Replies replies;

    NodeRequests(SharedFolder folder, Replies replies) {
        this.folder = folder;
        this.replies = replies;
    }

    long lookup(FuseCall call) {
        int error = call.readName();
        Node directory = call.node();
        if (directory == null) {
            return -FuseErrno.ESTALE;
        }
        if (error != 0 || call.roomBytes() < FuseProtocol.ENTRY_OUT_BYTES) {
            return error != 0 ? -error : -FuseErrno.EINVAL;
        }
        return directory.isDirectory()
                ? replies.answerLookup(call, directory.handle, call.name())
                : -FuseErrno.ENOTDIR;
    }

    long getAttributes(FuseCall call) {
        if (!call.hasArgument(GETATTR_IN_BYTES) || call.roomBytes() < FuseProtocol.ATTR_OUT_BYTES) {
            return -FuseErrno.EINVAL;
        }
        // By the node, also where an open file is named: it is the same.
        Node node = call.node();
        return node == null ? -FuseErrno.ESTALE : replies.answerAttributes(call, node);
    }

    long readLink(FuseCall call) {
        Node node = call.node();
        if (node == null) {
            return -FuseErrno.ESTALE;
        }
        if (node.type != FileAttributes.S_IFLNK) {
            return -FuseErrno.EINVAL;
        }
        long length = folder.readLink(node.handle, call.bytes());
        if (length < 0) {
            return length;
        }
        int answered = (int) Math.min(length, call.roomBytes());
        call.writeBytes(call.bytes(), answered);
        return answered;
    }

    /**
     * Checks a request that makes an entry, whose fixed arguments have been read: reads the name, and finds the directory.
     *
     * @return 0, or a negated error number
     */
    private long prepareNew(FuseCall call) {
        int error = call.readName();
        if (error != 0) {
            return -error;
        }
        Node directory = call.node();
        if (directory == null) {
            return -FuseErrno.ESTALE;
        }
        if (!directory.isDirectory()) {
            return -FuseErrno.ENOTDIR;
        }
        if (call.roomBytes() < FuseProtocol.ENTRY_OUT_BYTES) {
            return -FuseErrno.EINVAL;
        }
        return folder.readOnly() ? -FuseErrno.EROFS : 0;
    }

    /** Finds what has just been made, and answers with it. */
    private long answerNew(FuseCall call, long made, Node directory) {
        return made < 0 ? made : replies.answerEntry(call, directory.handle, call.name());
    }

    long makeNode(FuseCall call) {
        if (!call.hasArgument(MKNOD_IN_BYTES)) {
            return -FuseErrno.EINVAL;
        }
        int mode = (int) call.reader().readU32();
        int device = (int) call.reader().readU32();
        call.reader().skip(2 * Integer.BYTES);
        long error = prepareNew(call);
        Node directory = call.node();
        if (error < 0 || directory == null) {
            return error;
        }
        int type = mode & FileAttributes.S_IFMT;
        if (!mayBeMade(type, device)) {
            return -FuseErrno.EPERM;
        }
        int typed = type == 0 ? mode | FileAttributes.S_IFREG : mode;
        int allowed = typed & (FileAttributes.S_IFMT | PERMISSIONS);
        return answerNew(
                call, folder.makeNode(call.caller(), directory.handle, call.name(), allowed, device), directory);
    }

    /**
     * Tells whether a guest may make a file of a type. Device nodes would be the host's devices to everyone who can open
     * them there; the one of number 0 is none, but a whiteout of overlayfs.
     */
    private static boolean mayBeMade(int type, int device) {
        return switch (type) {
            case 0, FileAttributes.S_IFREG, FileAttributes.S_IFIFO, FileAttributes.S_IFSOCK -> true;
            case FileAttributes.S_IFCHR -> device == 0;
            default -> false;
        };
    }

    long makeDirectory(FuseCall call) {
        if (!call.hasArgument(MKDIR_IN_BYTES)) {
            return -FuseErrno.EINVAL;
        }
        int mode = (int) call.reader().readU32() & PERMISSIONS;
        call.reader().skip(Integer.BYTES);
        long error = prepareNew(call);
        Node directory = call.node();
        if (error < 0 || directory == null) {
            return error;
        }
        return answerNew(call, folder.makeDirectory(call.caller(), directory.handle, call.name(), mode), directory);
    }

    long makeSymbolicLink(FuseCall call) {
        long error = prepareNew(call);
        Node directory = call.node();
        if (error < 0 || directory == null) {
            return error;
        }
        int textError = call.readText();
        if (textError != 0 || call.text().lengthBytes() == 0) {
            return textError != 0 ? -textError : -FuseErrno.ENOENT;
        }
        return answerNew(
                call,
                folder.makeSymbolicLink(call.caller(), call.text().memory(), directory.handle, call.name()),
                directory);
    }

    long link(FuseCall call) {
        if (!call.hasArgument(LINK_IN_BYTES)) {
            return -FuseErrno.EINVAL;
        }
        long oldNodeId = call.reader().readU64();
        long error = prepareNew(call);
        Node directory = call.node();
        if (error < 0 || directory == null) {
            return error;
        }
        Node node = call.otherNode(oldNodeId);
        if (node == null) {
            return -FuseErrno.ESTALE;
        }
        if (node.isDirectory()) {
            return -FuseErrno.EPERM;
        }
        long linked = folder.link(node.handle, directory.handle, call.name());
        return answerNew(call, linked, directory);
    }

    long unlink(FuseCall call, boolean removedDirectory) {
        int error = call.readName();
        if (error != 0) {
            return -error;
        }
        Node directory = call.node();
        if (directory == null) {
            return -FuseErrno.ESTALE;
        }
        if (!directory.isDirectory()) {
            return -FuseErrno.ENOTDIR;
        }
        if (folder.readOnly()) {
            return -FuseErrno.EROFS;
        }
        return removedDirectory
                ? folder.removeDirectory(directory.handle, call.name())
                : folder.unlink(directory.handle, call.name());
    }

    long rename(FuseCall call, boolean hasFlags) {
        if (!call.hasArgument(hasFlags ? RENAME2_IN_BYTES : RENAME_IN_BYTES)) {
            return -FuseErrno.EINVAL;
        }
        long newDirectoryId = call.reader().readU64();
        int flags = hasFlags ? (int) call.reader().readU32() : 0;
        call.reader().skip(hasFlags ? Integer.BYTES : 0);
        int error = call.readName();
        if (error == 0) {
            error = call.readOtherName();
        }
        if (error != 0) {
            return -error;
        }
        Node directory = call.node();
        Node newDirectory = call.otherNode(newDirectoryId);
        if (directory == null || newDirectory == null) {
            return -FuseErrno.ESTALE;
        }
        if (!directory.isDirectory() || !newDirectory.isDirectory()) {
            return -FuseErrno.ENOTDIR;
        }
        if (folder.readOnly()) {
            return -FuseErrno.EROFS;
        }
        return folder.rename(directory.handle, call.name(), newDirectory.handle, call.otherName(), flags);
    }

    /** Tells whether the caller may use a file, by its mode alone: the client checks for itself as a rule. */
    long access(FuseCall call) {
        if (!call.hasArgument(ACCESS_IN_BYTES)) {
            return -FuseErrno.EINVAL;
        }
        int mask = (int) call.reader().readU32();
        Node node = call.node();
        if (node == null) {
            return -FuseErrno.ESTALE;
        }
        FileAttributes attributes = call.attributes();
        long result = folder.attributes(node.handle, attributes);
        if (result < 0) {
            return result;
        }
        if ((mask & ~ALL_ACCESS) != 0) {
            return -FuseErrno.EINVAL;
        }
        if ((mask & W_OK) != 0 && folder.readOnly()) {
            return -FuseErrno.EROFS;
        }
        return (mask & ~granted(attributes, call.caller())) == 0 ? 0 : -FuseErrno.EACCES;
    }

    private static int granted(FileAttributes attributes, Caller caller) {
        int mode = attributes.mode;
        if (caller.uid() == 0) {
            boolean executable = attributes.type() == FileAttributes.S_IFDIR || (mode & 0111) != 0;
            return executable ? ALL_ACCESS : ALL_ACCESS & ~X_OK;
        }
        if (caller.uid() == attributes.uid) {
            return mode >> 6 & ALL_ACCESS;
        }
        return caller.gid() == attributes.gid ? mode >> 3 & ALL_ACCESS : mode & ALL_ACCESS;
    }

    long space(FuseCall call) {
        if (call.roomBytes() < FuseProtocol.STATFS_OUT_BYTES) {
            return -FuseErrno.EINVAL;
        }
        Node node = call.node();
        if (node == null) {
            return -FuseErrno.ESTALE;
        }
        FolderSpace space = call.space();
        long result = folder.space(node.handle, space);
        if (result < 0) {
            return result;
        }
        ChainWriter writer = call.writer();
        writer.writeU64(space.blocks);
        writer.writeU64(space.freeBlocks);
        writer.writeU64(space.availableBlocks);
        writer.writeU64(space.files);
        writer.writeU64(space.freeFiles);
        writer.writeU32(space.transferBytes);
        writer.writeU32(space.nameBytes);
        writer.writeU32(space.blockBytes);
        for (int i = 0; i < 7; i++) {
            // Padding, and what is spare.
            writer.writeU32(0);
        }
        return FuseProtocol.STATFS_OUT_BYTES;
    }
}

// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.fuse;

import org.jspecify.annotations.Nullable;

import dev.isthmus.memory.ScatterList;
import dev.isthmus.virtio.queue.ChainReader;

/**
 * Requests on open files, and those that open them. Each returns the size of its answer, or a negated error number. Data
 * goes between the host's file and the client's memory, without a copy. Any thread.
 */
final class FileRequests {
    private static final int OPEN_IN_BYTES = 8;
    private static final int CREATE_IN_BYTES = 16;
    private static final int FILE_IN_BYTES = 8;
    private static final int FSYNC_IN_BYTES = 16;
    private static final int FALLOCATE_IN_BYTES = 32;
    private static final int LSEEK_IN_BYTES = 24;
    private static final int COPY_FILE_RANGE_IN_BYTES = 56;

    private static final int O_ACCMODE = 3;
    private static final int O_APPEND = 0x400;
    private static final int O_TRUNC = 0x200;
    private static final int PERMISSIONS = 0xfff;

    /** What one COPY_FILE_RANGE copies at most, so that it ends soon; the client asks again. */
    private static final long COPY_BYTES_MAX = 64 << 20;

    private final SharedFolder folder;
    private final FileTable files;
    private final Replies replies;
    private final CachePolicy cache;

    FileRequests(SharedFolder folder, FileTable files, Replies replies, CachePolicy cache) {
        this.folder = folder;
        this.files = files;
        this.replies = replies;
        this.cache = cache;
    }

    long open(FuseCall call) {
        if (!call.hasArgument(OPEN_IN_BYTES) || call.roomBytes() < FuseProtocol.OPEN_OUT_BYTES) {
            return -FuseErrno.EINVAL;
        }
        int flags = (int) call.reader().readU32();
        int openFlags = (int) call.reader().readU32();
        Node node = call.node();
        if (node == null) {
            return -FuseErrno.ESTALE;
        }
        if (!node.isRegularFile()) {
            // The client opens devices and FIFOs of its own; ours are not to be touched.
            return node.isDirectory() ? -FuseErrno.EISDIR : -FuseErrno.ENXIO;
        }
        if (folder.readOnly() && changes(flags)) {
            return -FuseErrno.EROFS;
        }
        if (files.full()) {
            return -FuseErrno.ENFILE;
        }
        long handle = folder.open(node.handle, flags & ~O_APPEND, stripFor(call, openFlags));
        if (handle < 0) {
            return handle;
        }
        long id = files.enter(handle, false);
        return id == 0 ? -FuseErrno.ENFILE : answerOpen(call, id);
    }

    private static boolean changes(int flags) {
        return (flags & O_ACCMODE) != 0 || (flags & O_TRUNC) != 0;
    }

    private static @Nullable Caller stripFor(FuseCall call, int openFlags) {
        return (openFlags & FuseProtocol.FUSE_OPEN_KILL_SUIDGID) != 0 ? call.caller() : null;
    }

    private long answerOpen(FuseCall call, long id) {
        call.writer().writeU64(id);
        call.writer().writeU32(cache.fileFlags());
        call.writer().writeU32(0);
        return FuseProtocol.OPEN_OUT_BYTES;
    }

    long create(FuseCall call) {
        int answerBytes = FuseProtocol.ENTRY_OUT_BYTES + FuseProtocol.OPEN_OUT_BYTES;
        if (!call.hasArgument(CREATE_IN_BYTES) || call.roomBytes() < answerBytes) {
            return -FuseErrno.EINVAL;
        }
        int flags = (int) call.reader().readU32();
        int mode = (int) call.reader().readU32() & PERMISSIONS;
        call.reader().skip(2 * Integer.BYTES);
        int error = call.readName();
        if (error != 0) {
            return -error;
        }
        Node directory = call.node();
        if (directory == null) {
            return -FuseErrno.ESTALE;
        }
        long refused = refusal(directory);
        if (refused < 0) {
            return refused;
        }
        return answerMade(
                call, folder.create(call.caller(), directory.handle, call.name(), flags & ~O_APPEND, mode));
    }

    /** Makes a file without a name; the name in the request means nothing, and is not read. */
    long createUnnamed(FuseCall call) {
        int answerBytes = FuseProtocol.ENTRY_OUT_BYTES + FuseProtocol.OPEN_OUT_BYTES;
        if (!call.hasArgument(CREATE_IN_BYTES) || call.roomBytes() < answerBytes) {
            return -FuseErrno.EINVAL;
        }
        int flags = (int) call.reader().readU32();
        int mode = (int) call.reader().readU32() & PERMISSIONS;
        Node directory = call.node();
        if (directory == null) {
            return -FuseErrno.ESTALE;
        }
        long error = refusal(directory);
        if (error < 0) {
            return error;
        }
        return answerMade(call, folder.createUnnamed(call.caller(), directory.handle, flags & ~O_APPEND, mode));
    }

    /** Returns 0 if a file may be made in a directory and opened, or a negated error number. */
    private long refusal(Node directory) {
        if (!directory.isDirectory()) {
            return -FuseErrno.ENOTDIR;
        }
        if (folder.readOnly()) {
            return -FuseErrno.EROFS;
        }
        return files.full() ? -FuseErrno.ENFILE : 0;
    }

    /** Answers with a file that was made and opened. */
    private long answerMade(FuseCall call, long handle) {
        if (handle < 0) {
            return handle;
        }
        // The node of the very file that was opened, whatever its name has become meanwhile.
        long node = folder.nodeOf(handle);
        long result = node < 0 ? node : folder.attributes(node, call.attributes());
        if (result < 0) {
            if (node >= 0) {
                folder.closeNode(node);
            }
            folder.closeFile(handle);
            return result;
        }
        return answerCreated(call, handle, node);
    }

    private long answerCreated(FuseCall call, long handle, long node) {
        // The file first: of the two, it can be taken back without the client's knowing of it.
        long id = files.enter(handle, false);
        if (id == 0) {
            folder.closeNode(node);
            return -FuseErrno.ENFILE;
        }
        long result = replies.entryOf(call, node);
        if (result < 0) {
            files.release(id);
            return result;
        }
        return FuseProtocol.ENTRY_OUT_BYTES + answerOpen(call, id);
    }

    long setAttributes(FuseCall call) {
        if (!call.hasArgument(FuseProtocol.SETATTR_IN_BYTES) || call.roomBytes() < FuseProtocol.ATTR_OUT_BYTES) {
            return -FuseErrno.EINVAL;
        }
        AttributeChange change = call.change();
        change.readFrom(call.reader());
        Node node = call.node();
        if (node == null) {
            return -FuseErrno.ESTALE;
        }
        if (folder.readOnly()) {
            return -FuseErrno.EROFS;
        }
        long handle = -1;
        if (change.has(FuseProtocol.FATTR_FH)) {
            OpenFile file = call.file(change.file());
            if (file == null) {
                return -FuseErrno.EBADF;
            }
            handle = file.handle;
        }
        if (change.has(FuseProtocol.FATTR_SIZE) && !node.isRegularFile()) {
            return node.isDirectory() ? -FuseErrno.EISDIR : -FuseErrno.EINVAL;
        }
        long result = folder.change(node.handle, handle, change, call.caller());
        return result < 0 ? result : replies.answerAttributes(call, node);
    }

    long read(FuseCall call) {
        if (!call.hasArgument(FuseProtocol.READ_IN_BYTES)) {
            return -FuseErrno.EINVAL;
        }
        ChainReader reader = call.reader();
        long fileId = reader.readU64();
        long offset = reader.readU64();
        long size = reader.readU32();
        OpenFile file = call.file(fileId);
        if (file == null || file.directory) {
            return file == null ? -FuseErrno.EBADF : -FuseErrno.EISDIR;
        }
        if (offset < 0) {
            return -FuseErrno.EINVAL;
        }
        long wanted = Math.min(Math.min(size, call.roomBytes()), FuseProtocol.TRANSFER_BYTES_MAX);
        return wanted == 0 ? 0 : folder.read(file.handle, offset, call.answerMemory(wanted));
    }

    /** Returns how many bytes were written, unlike all others; the server knows. */
    long write(FuseCall call) {
        if (!call.hasArgument(FuseProtocol.READ_IN_BYTES) || call.roomBytes() < FuseProtocol.WRITE_OUT_BYTES) {
            return -FuseErrno.EINVAL;
        }
        ChainReader reader = call.reader();
        long fileId = reader.readU64();
        long offset = reader.readU64();
        long size = reader.readU32();
        int flags = (int) reader.readU32();
        reader.skip(Long.BYTES);
        int openFlags = (int) reader.readU32();
        reader.skip(Integer.BYTES);
        if (size > call.argumentBytes() || size > FuseProtocol.TRANSFER_BYTES_MAX || offset < 0) {
            return -FuseErrno.EINVAL;
        }
        OpenFile file = call.file(fileId);
        if (file == null || file.directory) {
            return -FuseErrno.EBADF;
        }
        long written = 0;
        if (size > 0) {
            Caller stripFor = (flags & FuseProtocol.FUSE_WRITE_KILL_SUIDGID) != 0 ? call.caller() : null;
            ScatterList source = call.argumentMemory(size);
            written = folder.write(file.handle, appends(flags, openFlags) ? -1 : offset, source, stripFor);
        }
        if (written >= 0) {
            call.writer().writeU32(written);
            call.writer().writeU32(0);
        }
        return written;
    }

    /**
     * Tells whether a WRITE goes to the end of the file. The files of the folder are never open for appending: what the
     * client's cache writes back has a place of its own, also where it names a descriptor that appends.
     */
    private static boolean appends(int flags, int openFlags) {
        return (openFlags & O_APPEND) != 0 && (flags & FuseProtocol.FUSE_WRITE_CACHE) == 0;
    }

    /** Finds the file that the first argument names. */
    private @Nullable OpenFile fileOf(FuseCall call, int argumentBytes) {
        return call.hasArgument(argumentBytes) ? call.file(call.reader().readU64()) : null;
    }

    long flush(FuseCall call) {
        OpenFile file = fileOf(call, FILE_IN_BYTES);
        return file == null ? -FuseErrno.EBADF : folder.flush(file.handle);
    }

    long sync(FuseCall call) {
        OpenFile file = fileOf(call, FSYNC_IN_BYTES);
        if (file == null) {
            return -FuseErrno.EBADF;
        }
        boolean dataOnly = ((int) call.reader().readU32() & FuseProtocol.FUSE_FSYNC_FDATASYNC) != 0;
        return folder.sync(file.handle, dataOnly);
    }

    long syncAll() {
        return folder.readOnly() ? 0 : folder.syncAll();
    }

    long release(FuseCall call) {
        if (!call.hasArgument(FILE_IN_BYTES)) {
            return -FuseErrno.EINVAL;
        }
        return files.release(call.reader().readU64()) ? 0 : -FuseErrno.EBADF;
    }

    long allocate(FuseCall call) {
        OpenFile file = fileOf(call, FALLOCATE_IN_BYTES);
        if (file == null || file.directory) {
            return -FuseErrno.EBADF;
        }
        long offset = call.reader().readU64();
        long lengthBytes = call.reader().readU64();
        int mode = (int) call.reader().readU32();
        if (offset < 0 || lengthBytes <= 0 || lengthBytes > Long.MAX_VALUE - offset) {
            return -FuseErrno.EINVAL;
        }
        return folder.allocate(file.handle, mode, offset, lengthBytes);
    }

    long seek(FuseCall call) {
        OpenFile file = fileOf(call, LSEEK_IN_BYTES);
        if (file == null || file.directory) {
            return -FuseErrno.EBADF;
        }
        long offset = call.reader().readU64();
        int whence = (int) call.reader().readU32();
        if (call.roomBytes() < FuseProtocol.LSEEK_OUT_BYTES || offset < 0) {
            return -FuseErrno.EINVAL;
        }
        long found = folder.seek(file.handle, offset, whence);
        if (found < 0) {
            return found;
        }
        call.writer().writeU64(found);
        return FuseProtocol.LSEEK_OUT_BYTES;
    }

    long copy(FuseCall call) {
        OpenFile source = fileOf(call, COPY_FILE_RANGE_IN_BYTES);
        if (source == null || source.directory) {
            return -FuseErrno.EBADF;
        }
        ChainReader reader = call.reader();
        long sourceOffset = reader.readU64();
        reader.skip(Long.BYTES);
        OpenFile target = call.otherFile(reader.readU64());
        long targetOffset = reader.readU64();
        long lengthBytes = reader.readU64();
        long flags = reader.readU64();
        if (target == null || target.directory) {
            return -FuseErrno.EBADF;
        }
        if (flags != 0
                || sourceOffset < 0
                || targetOffset < 0
                || lengthBytes < 0
                || call.roomBytes() < FuseProtocol.WRITE_OUT_BYTES) {
            return -FuseErrno.EINVAL;
        }
        long copied = folder.copy(
                source.handle, sourceOffset, target.handle, targetOffset, Math.min(lengthBytes, COPY_BYTES_MAX));
        if (copied < 0) {
            return copied;
        }
        call.writer().writeU32(copied);
        call.writer().writeU32(0);
        return FuseProtocol.WRITE_OUT_BYTES;
    }
}

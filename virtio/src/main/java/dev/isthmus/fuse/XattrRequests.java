// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.fuse;

import java.lang.foreign.MemorySegment;

/** Requests on extended attributes. Each returns the size of its answer, or a negated error number. Any thread. */
final class XattrRequests {
    private static final int XATTR_IN_BYTES = 8;

    private final SharedFolder folder;

    XattrRequests(SharedFolder folder) {
        this.folder = folder;
    }

    /** Reads the name of an attribute; returns 0 or a negated error number. */
    private static long readName(FuseCall call) {
        int error = call.readText();
        if (error != 0) {
            return -error;
        }
        int length = call.text().lengthBytes();
        return length == 0 || length > FileName.BYTES_MAX ? -FuseErrno.ERANGE : 0;
    }

    long set(FuseCall call) {
        if (!call.hasArgument(XATTR_IN_BYTES)) {
            return -FuseErrno.EINVAL;
        }
        long size = call.reader().readU32();
        int flags = (int) call.reader().readU32();
        long error = readName(call);
        if (error < 0) {
            return error;
        }
        if (size > FuseCall.XATTR_BYTES_MAX) {
            return -FuseErrno.E2BIG;
        }
        if (size > call.argumentBytes()) {
            return -FuseErrno.EINVAL;
        }
        Node node = call.node();
        if (node == null) {
            return -FuseErrno.ESTALE;
        }
        if (folder.readOnly()) {
            return -FuseErrno.EROFS;
        }
        MemorySegment value = call.readBytes((int) size);
        return folder.setXattr(node.handle, call.text().memory(), value, flags);
    }

    long get(FuseCall call) {
        return ask(call, true);
    }

    long list(FuseCall call) {
        return ask(call, false);
    }

    /** Answers with a value or the list of names, or with the size alone where that was asked for. */
    private long ask(FuseCall call, boolean named) {
        if (!call.hasArgument(XATTR_IN_BYTES)) {
            return -FuseErrno.EINVAL;
        }
        long size = call.reader().readU32();
        call.reader().skip(Integer.BYTES);
        long error = named ? readName(call) : 0;
        if (error < 0) {
            return error;
        }
        Node node = call.node();
        if (node == null) {
            return -FuseErrno.ESTALE;
        }
        if (size == 0 && call.roomBytes() < FuseProtocol.GETXATTR_OUT_BYTES) {
            return -FuseErrno.EINVAL;
        }
        long limitBytes = Math.min(Math.min(size, call.roomBytes()), FuseCall.XATTR_BYTES_MAX);
        MemorySegment value = call.bytes().asSlice(0, limitBytes);
        long found = named
                ? folder.getXattr(node.handle, call.text().memory(), value)
                : folder.listXattr(node.handle, value);
        if (found < 0) {
            return found;
        }
        if (size == 0) {
            call.writer().writeU32(found);
            call.writer().writeU32(0);
            return FuseProtocol.GETXATTR_OUT_BYTES;
        }
        if (found > limitBytes) {
            return -FuseErrno.ERANGE;
        }
        call.writeBytes(value, (int) found);
        return found;
    }

    long remove(FuseCall call) {
        long error = readName(call);
        if (error < 0) {
            return error;
        }
        Node node = call.node();
        if (node == null) {
            return -FuseErrno.ESTALE;
        }
        return folder.readOnly() ? -FuseErrno.EROFS : folder.removeXattr(node.handle, call.text().memory());
    }
}

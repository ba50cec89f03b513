// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.testing.fuse;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;

import dev.isthmus.fuse.FuseProtocol;

/** A request as a client puts it together: header first, then arguments, each appended. */
public final class FuseRequest {
    private static final int INITIAL_BYTES = 512;

    private ByteBuffer bytes;

    /** Begins a request of root's, with a number of its own. */
    public FuseRequest(int opcode, long nodeId) {
        this(opcode, nodeId, 0, 0);
    }

    /** Begins a request of a user's. */
    public FuseRequest(int opcode, long nodeId, int uid, int gid) {
        bytes = ByteBuffer.allocate(INITIAL_BYTES).order(ByteOrder.LITTLE_ENDIAN);
        bytes.putInt(0).putInt(opcode).putLong(0x1234_5678_9abcL + opcode).putLong(nodeId);
        bytes.putInt(uid).putInt(gid).putInt(1).putInt(0);
    }

    /** Appends 32 bits. */
    public FuseRequest u32(long value) {
        room(Integer.BYTES).putInt((int) value);
        return this;
    }

    /** Appends 64 bits. */
    public FuseRequest u64(long value) {
        room(Long.BYTES).putLong(value);
        return this;
    }

    /** Appends a text and a zero. */
    public FuseRequest text(String text) {
        return raw(text.getBytes(StandardCharsets.UTF_8)).raw(new byte[1]);
    }

    /** Appends bytes. */
    public FuseRequest raw(byte[] raw) {
        room(raw.length).put(raw);
        return this;
    }

    private ByteBuffer room(int lengthBytes) {
        if (bytes.remaining() < lengthBytes) {
            int capacity = 2 * (bytes.position() + lengthBytes);
            bytes = ByteBuffer.allocate(capacity).order(ByteOrder.LITTLE_ENDIAN).put(bytes.flip());
        }
        return bytes;
    }

    /** Returns the request, with its length in the header. */
    public byte[] toBytes() {
        byte[] request = new byte[bytes.position()];
        bytes.putInt(0, request.length);
        bytes.get(0, request);
        return request;
    }

    /** Returns what a request of INIT has as its arguments. */
    public static FuseRequest init(int major, int minor, int flags) {
        return new FuseRequest(FuseProtocol.FUSE_INIT, 0)
                .u32(major)
                .u32(minor)
                .u32(1 << 17)
                .u32(flags)
                .raw(new byte[48]);
    }
}

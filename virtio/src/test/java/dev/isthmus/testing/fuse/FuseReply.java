// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.testing.fuse;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;

/**
 * What a client got for a request.
 *
 * @param usedBytes the used length
 * @param bytes the device-writable memory, all of it
 */
public record FuseReply(long usedBytes, byte[] bytes) {
    private static final int HEADER_BYTES = 16;

    private ByteBuffer buffer() {
        return ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN);
    }

    /** Returns the length that the header says. */
    public int length() {
        return buffer().getInt(0);
    }

    /** Returns the error number, 0 for success. */
    public int error() {
        return -buffer().getInt(4);
    }

    /** Returns the number of the request. */
    public long unique() {
        return buffer().getLong(8);
    }

    /** Returns a 16-bit field of the answer, by its offset after the header. */
    public int u16(int offset) {
        return Short.toUnsignedInt(buffer().getShort(HEADER_BYTES + offset));
    }

    /** Returns a 32-bit field of the answer, by its offset after the header. */
    public int u32(int offset) {
        return buffer().getInt(HEADER_BYTES + offset);
    }

    /** Returns a 64-bit field of the answer, by its offset after the header. */
    public long u64(int offset) {
        return buffer().getLong(HEADER_BYTES + offset);
    }

    /** Returns all of the answer after the header. */
    public byte[] payload() {
        byte[] payload = new byte[length() - HEADER_BYTES];
        buffer().get(HEADER_BYTES, payload);
        return payload;
    }

    /** Returns a text in the answer, by its offset after the header. */
    public String text(int offset, int lengthBytes) {
        return new String(bytes, HEADER_BYTES + offset, lengthBytes, StandardCharsets.UTF_8);
    }
}

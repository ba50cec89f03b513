// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.block.vhdx;

import java.util.UUID;

import dev.isthmus.block.mapped.FileBytes;

/**
 * A GUID as it lies in a file: the 16 bytes as two little-endian values.
 *
 * @param low the first 8 bytes
 * @param high the last 8 bytes
 */
record Guid(long low, long high) {
    /** The one that stands for none. */
    static final Guid ZERO = new Guid(0, 0);

    static final int BYTES = 16;

    /** Takes one from a file. */
    static Guid at(FileBytes bytes, long offset) {
        return new Guid(bytes.u64(offset), bytes.u64(offset + Long.BYTES));
    }

    /** Takes one as the specification prints them: the first three groups are little-endian numbers in the file. */
    static Guid of(String text) {
        UUID uuid = UUID.fromString(text);
        long groups = uuid.getMostSignificantBits();
        long low = groups >>> 32 | (groups >>> 16 & 0xffff) << 32 | (groups & 0xffff) << 48;
        return new Guid(low, Long.reverseBytes(uuid.getLeastSignificantBits()));
    }
}

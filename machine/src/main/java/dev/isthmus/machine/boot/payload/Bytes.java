// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.machine.boot.payload;

import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.nio.ByteOrder;
import java.util.Arrays;

/** Byte arrays: little-endian values, and the copying that all relatives of LZ77 do. */
final class Bytes {
    private static final VarHandle U64 =
            MethodHandles.byteArrayViewVarHandle(long[].class, ByteOrder.LITTLE_ENDIAN);

    private Bytes() {}

    static int u16(byte[] bytes, int offset) {
        return (bytes[offset] & 0xff) | (bytes[offset + 1] & 0xff) << 8;
    }

    static long u32(byte[] bytes, int offset) {
        return (u16(bytes, offset) | (long) u16(bytes, offset + 2) << 16) & 0xffff_ffffL;
    }

    /** The one read that is hot: each symbol of zstd takes one or more. */
    static long u64(byte[] bytes, int offset) {
        return (long) U64.get(bytes, offset);
    }

    /**
     * Repeats what lies {@code offset} back, which may reach into what is being written.
     *
     * @param offset 1 up to {@code position}
     */
    static void copyMatch(byte[] out, int position, int offset, int count) {
        int from = position - offset;
        if (offset >= count) {
            System.arraycopy(out, from, out, position, count);
        } else if (offset == 1) {
            Arrays.fill(out, position, position + count, out[from]);
        } else {
            // What has been copied makes the pattern longer each time.
            int done = 0;
            while (done < count) {
                int piece = Math.min(offset + done, count - done);
                System.arraycopy(out, from, out, position + done, piece);
                done += piece;
            }
        }
    }
}

// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.machine.boot.payload;

import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.nio.ByteOrder;

/** Little-endian values in byte arrays. */
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
}

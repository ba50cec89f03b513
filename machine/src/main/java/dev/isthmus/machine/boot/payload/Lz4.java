// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.machine.boot.payload;

import net.jpountz.lz4.LZ4Exception;
import net.jpountz.lz4.LZ4Factory;
import net.jpountz.lz4.LZ4SafeDecompressor;

/**
 * LZ4's legacy frame, as {@code lz4 -l} writes it: independent blocks of 8 MiB unpacked, each behind its compressed
 * size. Source: the LZ4 project's {@code lz4_Frame_format.md}, "Legacy frame". No library knows that frame; what is
 * in a block is lz4-java's to decode, by its decoder in plain Java.
 *
 * <pre>
 *  magic (4) | size (4) block | size (4) block | ... | what follows: Linux appends the unpacked size (4)
 * </pre>
 */
final class Lz4 {
    private static final int MAGIC_BYTES = 4;
    private static final int SIZE_BYTES = 4;
    private static final int BLOCK_MAX_BYTES = 8 << 20;

    private Lz4() {}

    static void unpack(byte[] payload, UnpackBuffer target) throws MalformedPayloadException {
        LZ4SafeDecompressor decompressor = LZ4Factory.safeInstance().safeDecompressor();
        byte[] block = new byte[(int) Math.min(BLOCK_MAX_BYTES, target.limitBytes())];
        int at = MAGIC_BYTES;
        // The frame has no end mark; Linux's own decoder also stops at the size it expects.
        while (target.lengthBytes() < target.limitBytes()) {
            if (payload.length - at < SIZE_BYTES) {
                throw new MalformedPayloadException("data ends early");
            }
            long blockBytes = Bytes.u32(payload, at);
            at += SIZE_BYTES;
            if (blockBytes > payload.length - at) {
                throw new MalformedPayloadException("data ends early");
            }
            int count;
            try {
                count = decompressor.decompress(payload, at, (int) blockBytes, block, 0);
            } catch (LZ4Exception | IndexOutOfBoundsException e) {
                // The decoder checks nearly everything itself, and leaves the rest to Java's arrays.
                throw new MalformedPayloadException("data is damaged", e);
            }
            if (count == 0) {
                // Would go on for ever with blocks of nothing.
                throw new MalformedPayloadException("data is damaged");
            }
            target.put(block, 0, count);
            at += (int) blockBytes;
        }
    }
}

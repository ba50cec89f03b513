// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.machine.boot.payload;

/**
 * LZ4's legacy frame, as {@code lz4 -l} writes it: independent blocks of 8 MiB unpacked, each behind its compressed
 * size. Source: the LZ4 project's {@code lz4_Frame_format.md} ("Legacy frame") and {@code lz4_Block_format.md}.
 *
 * <pre>
 *  magic (4) | size (4) block | size (4) block | ... | what follows: Linux appends the unpacked size (4)
 * </pre>
 */
final class Lz4 {
    private static final int MAGIC_BYTES = 4;
    private static final int SIZE_BYTES = 4;
    private static final int BLOCK_MAX_BYTES = 8 << 20;

    /** Length of the shortest match, which a token's 0 stands for. */
    private static final int MIN_MATCH = 4;

    /** Value of a token's half that says that more length bytes follow. */
    private static final int LENGTH_MORE = 15;

    private static final int OFFSET_BYTES = 2;

    private Lz4() {}

    static void unpack(byte[] payload, UnpackBuffer target) throws MalformedPayloadException {
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
            int end = at + (int) blockBytes;
            int count = unpackBlock(payload, at, end, block);
            if (count == 0) {
                // Would go on for ever with blocks of nothing.
                throw new MalformedPayloadException("data is damaged");
            }
            target.put(block, 0, count);
            at = end;
        }
    }

    /** Unpacks one block and returns its size. */
    private static int unpackBlock(byte[] in, int start, int end, byte[] out) throws MalformedPayloadException {
        int at = start;
        int length = 0;
        try {
            while (at < end) {
                int token = in[at++] & 0xff;
                int literals = token >>> 4;
                if (literals == LENGTH_MORE) {
                    int more;
                    do {
                        more = in[at++] & 0xff;
                        literals = Math.addExact(literals, more);
                    } while (more == 0xff);
                }
                if (literals > end - at) {
                    throw new MalformedPayloadException("data is damaged");
                }
                System.arraycopy(in, at, out, length, literals);
                at += literals;
                length += literals;
                if (at == end) {
                    // The last sequence is literals alone.
                    return length;
                }
                int offset = Bytes.u16(in, at);
                at += OFFSET_BYTES;
                int match = token & LENGTH_MORE;
                if (match == LENGTH_MORE) {
                    int more;
                    do {
                        more = in[at++] & 0xff;
                        match = Math.addExact(match, more);
                    } while (more == 0xff);
                }
                match = Math.addExact(match, MIN_MATCH);
                if (offset == 0 || offset > length || match > out.length - length) {
                    throw new MalformedPayloadException("data is damaged");
                }
                Bytes.copyMatch(out, length, offset, match);
                length += match;
            }
        } catch (IndexOutOfBoundsException | ArithmeticException e) {
            // Every access is within its array or ends here; checks above are those that arrays can't do.
            throw new MalformedPayloadException("data is damaged", e);
        }
        throw new MalformedPayloadException("data ends early");
    }
}

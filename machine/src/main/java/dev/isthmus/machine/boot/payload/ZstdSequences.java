// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.machine.boot.payload;

/**
 * The sequences section of a zstd block: reads it and carries it out (RFC 8878, sections 3.1.1.3.2, 3.1.1.4 and
 * 3.1.1.5). Holds what later blocks build on: three tables and the last three offsets.
 */
final class ZstdSequences {
    // Compression modes of the tables.
    private static final int PREDEFINED_MODE = 0;
    private static final int RLE_MODE = 1;
    private static final int FSE_COMPRESSED_MODE = 2;

    // Section 3.1.1.3.2.1.1: values of the length codes.
    private static final int[] LITERALS_LENGTH_BASE = {
        0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 18, 20, 22, 24, 28, 32, 40, 48, 64, 128, 256, 512,
        1024, 2048, 4096, 8192, 16384, 32768, 65536
    };
    private static final byte[] LITERALS_LENGTH_BITS = {
        0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 3, 3, 4, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15,
        16
    };
    private static final int[] MATCH_LENGTH_BASE = {
        3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31,
        32, 33, 34, 35, 37, 39, 41, 43, 47, 51, 59, 67, 83, 99, 131, 259, 515, 1027, 2051, 4099, 8195, 16387, 32771,
        65539
    };
    private static final byte[] MATCH_LENGTH_BITS = {
        0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 2,
        2, 3, 3, 4, 4, 5, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16
    };
    private static final int OFFSET_CODE_MAX = 31;

    // Section 3.1.1.3.2.2: default distributions.
    private static final int LITERALS_LENGTH_DEFAULT_LOG = 6;
    private static final short[] LITERALS_LENGTH_DEFAULT = {
        4, 3, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 1, 1, 1, 2, 2, 2, 2, 2, 2, 2, 2, 2, 3, 2, 1, 1, 1, 1, 1, -1, -1, -1, -1
    };
    private static final int MATCH_LENGTH_DEFAULT_LOG = 6;
    private static final short[] MATCH_LENGTH_DEFAULT = {
        1, 4, 3, 2, 2, 2, 2, 2, 2, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1,
        1, 1, 1, 1, 1, 1, 1, 1, 1, -1, -1, -1, -1, -1, -1, -1
    };
    private static final int OFFSET_DEFAULT_LOG = 5;
    private static final short[] OFFSET_DEFAULT = {
        1, 1, 1, 1, 1, 1, 2, 2, 2, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, -1, -1, -1, -1, -1
    };

    private final FseTable literalsLengths = new FseTable(9, LITERALS_LENGTH_BASE.length - 1);
    private final FseTable offsets = new FseTable(8, OFFSET_CODE_MAX);
    private final FseTable matchLengths = new FseTable(9, MATCH_LENGTH_BASE.length - 1);

    // Repeated_Offset1 to 3, section 3.1.1.5.
    private long offset1 = 1;
    private long offset2 = 4;
    private long offset3 = 8;

    private int at;

    /**
     * Decodes the section and writes the block's content.
     *
     * @param out where the content goes; what lies before {@code position} is history
     * @param position where the content starts; at least {@link ZstdDecoder#BLOCK_MAX_BYTES} are free from there
     * @return the position behind the content
     */
    int execute(byte[] in, int start, int end, ZstdLiterals literals, byte[] out, int position)
            throws MalformedPayloadException {
        int count = readHeader(in, start, end);
        if (count == 0) {
            if (at != end) {
                throw new MalformedPayloadException("data is damaged");
            }
            return copyRest(literals, 0, out, position, position);
        }
        BackwardBits bits = new BackwardBits(in, at, end);
        int literalsState = bits.take(literalsLengths.accuracyLog());
        int offsetState = bits.take(offsets.accuracyLog());
        int matchState = bits.take(matchLengths.accuracyLog());
        byte[] literalBytes = literals.bytes();
        int literalsEnd = literals.lengthBytes();
        int limit = position + ZstdDecoder.BLOCK_MAX_BYTES;
        int literalsAt = 0;
        int to = position;
        for (int left = count; left > 0; left--) {
            int literalsEntry = literalsLengths.entry(literalsState);
            int offsetEntry = offsets.entry(offsetState);
            int matchEntry = matchLengths.entry(matchState);
            // Within 57 bits: at most 31 + 16, then 16 + 9 + 9 + 8.
            bits.reload();
            int offsetCode = FseTable.symbolOf(offsetEntry);
            long offsetValue = (1L << offsetCode) + bits.take(offsetCode);
            int matchCode = FseTable.symbolOf(matchEntry);
            int matchBytes = MATCH_LENGTH_BASE[matchCode] + bits.take(MATCH_LENGTH_BITS[matchCode]);
            bits.reload();
            int literalsCode = FseTable.symbolOf(literalsEntry);
            int literalsBytes = LITERALS_LENGTH_BASE[literalsCode] + bits.take(LITERALS_LENGTH_BITS[literalsCode]);
            if (left > 1) {
                literalsState = FseTable.baseOf(literalsEntry) + bits.take(FseTable.bitsOf(literalsEntry));
                matchState = FseTable.baseOf(matchEntry) + bits.take(FseTable.bitsOf(matchEntry));
                offsetState = FseTable.baseOf(offsetEntry) + bits.take(FseTable.bitsOf(offsetEntry));
            }
            long offset = offsetOf(offsetValue, literalsBytes == 0);

            // Lengths are at most 2^17 each: no sum here overflows.
            if (literalsBytes > literalsEnd - literalsAt || to + literalsBytes + matchBytes > limit) {
                throw new MalformedPayloadException("data is damaged");
            }
            System.arraycopy(literalBytes, literalsAt, out, to, literalsBytes);
            literalsAt += literalsBytes;
            to += literalsBytes;
            if (offset <= 0 || offset > to) {
                throw new MalformedPayloadException("data is damaged");
            }
            Bytes.copyMatch(out, to, (int) offset, matchBytes);
            to += matchBytes;
        }
        bits.reload();
        if (!bits.isFinished()) {
            throw new MalformedPayloadException("data is damaged");
        }
        return copyRest(literals, literalsAt, out, position, to);
    }

    private static int copyRest(ZstdLiterals literals, int from, byte[] out, int start, int position)
            throws MalformedPayloadException {
        int rest = literals.lengthBytes() - from;
        if (rest > ZstdDecoder.BLOCK_MAX_BYTES - (position - start)) {
            throw new MalformedPayloadException("data is damaged");
        }
        System.arraycopy(literals.bytes(), from, out, position, rest);
        return position + rest;
    }

    /** Turns an Offset_Value into an offset and updates the last three; 0 or less where it means nothing. */
    private long offsetOf(long value, boolean noLiterals) {
        // 1 to 3 repeat a recent offset; behind a match without literals between, the most recent is left out.
        long code = noLiterals && value <= 3 ? value + 1 : value;
        long offset;
        if (value > 3) {
            offset = value - 3;
        } else if (code == 1) {
            return offset1;
        } else if (code == 2) {
            offset = offset2;
            offset2 = offset1;
            offset1 = offset;
            return offset;
        } else {
            offset = code == 3 ? offset3 : offset1 - 1;
        }
        offset3 = offset2;
        offset2 = offset1;
        offset1 = offset;
        return offset;
    }

    /** Reads the section's header and tables, leaves {@link #at} behind them, and returns the number of sequences. */
    private int readHeader(byte[] in, int start, int end) throws MalformedPayloadException {
        at = start;
        int count = next(in, end);
        if (count == 0) {
            return 0;
        }
        if (count == 255) {
            count = next(in, end) + (next(in, end) << 8) + 0x7f00;
        } else if (count >= 128) {
            count = ((count - 128) << 8) + next(in, end);
        }
        int modes = next(in, end);
        if ((modes & 3) != 0) {
            throw new MalformedPayloadException("data is damaged");
        }
        readTable(literalsLengths, modes >>> 6, in, end, LITERALS_LENGTH_DEFAULT_LOG, LITERALS_LENGTH_DEFAULT);
        readTable(offsets, (modes >>> 4) & 3, in, end, OFFSET_DEFAULT_LOG, OFFSET_DEFAULT);
        readTable(matchLengths, (modes >>> 2) & 3, in, end, MATCH_LENGTH_DEFAULT_LOG, MATCH_LENGTH_DEFAULT);
        return count;
    }

    private void readTable(FseTable table, int mode, byte[] in, int end, int defaultLog, short[] defaults)
            throws MalformedPayloadException {
        if (mode == PREDEFINED_MODE) {
            table.setDistribution(defaultLog, defaults);
        } else if (mode == RLE_MODE) {
            table.setSingle(next(in, end));
        } else if (mode == FSE_COMPRESSED_MODE) {
            at = table.read(in, at, end);
        } else if (!table.isValid()) {
            throw new MalformedPayloadException("data is damaged");
        }
    }

    private int next(byte[] in, int end) throws MalformedPayloadException {
        if (at >= end) {
            throw new MalformedPayloadException("data ends early");
        }
        return in[at++] & 0xff;
    }
}

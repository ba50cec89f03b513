// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.machine.boot.payload;

import java.util.Arrays;

/**
 * The literals section of a zstd block, with the Huffman table that a later block may use again (RFC 8878, sections
 * 3.1.1.3.1 and 4.2). Reused from block to block.
 */
final class ZstdLiterals {
    // Literals_Block_Type.
    private static final int RAW = 0;
    private static final int RLE = 1;
    private static final int TREELESS = 3;

    private static final int MAX_BITS = 11;
    private static final int SYMBOLS = 256;
    private static final int WEIGHTS_ACCURACY_LOG_MAX = 6;
    private static final int STREAMS = 4;
    private static final int JUMP_TABLE_BYTES = 6;

    /** Symbols that can be read between two reloads of the bitstream. */
    private static final int SYMBOLS_PER_RELOAD = BackwardBits.RELOADED_BITS / MAX_BITS;

    private final byte[] literals = new byte[ZstdDecoder.BLOCK_MAX_BYTES];
    private int lengthBytes;

    /** By the next {@link #tableBits} bits: the symbol, and its length in bits shifted by 8. */
    private final short[] table = new short[1 << MAX_BITS];

    /** 0 where there is no table yet. */
    private int tableBits;

    private final byte[] weights = new byte[SYMBOLS];
    private final FseTable weightsTable = new FseTable(WEIGHTS_ACCURACY_LOG_MAX, MAX_BITS + 1);

    /** Returns the literals, valid up to {@link #lengthBytes()} and until the next block. */
    byte[] bytes() {
        return literals;
    }

    int lengthBytes() {
        return lengthBytes;
    }

    /**
     * Reads the section.
     *
     * @return the offset behind it
     */
    int read(byte[] in, int start, int end) throws MalformedPayloadException {
        int type = in[start] & 3;
        int format = (in[start] >>> 2) & 3;
        if (type == RAW || type == RLE) {
            return readPlain(in, start, end, type, format);
        }
        // Sizes of 10, 10, 14 or 18 bits behind the first 4 bits.
        int sizeBits = format < 2 ? 10 : 4 * format + 6;
        int headerBytes = (4 + 2 * sizeBits + 7) / 8;
        if (end - start < headerBytes) {
            throw new MalformedPayloadException("data ends early");
        }
        long header = 0;
        for (int i = headerBytes - 1; i >= 0; i--) {
            header = header << 8 | (in[start + i] & 0xff);
        }
        int sizeMask = (1 << sizeBits) - 1;
        setLength((int) (header >>> 4) & sizeMask);
        int compressedBytes = (int) (header >>> (4 + sizeBits)) & sizeMask;
        int at = start + headerBytes;
        if (compressedBytes > end - at) {
            throw new MalformedPayloadException("data ends early");
        }
        int sectionEnd = at + compressedBytes;
        if (type != TREELESS) {
            at = readTable(in, at, sectionEnd);
        } else if (tableBits == 0) {
            throw new MalformedPayloadException("data is damaged");
        }
        if (format == 0) {
            decode(in, at, sectionEnd, 0, lengthBytes);
        } else {
            decodeStreams(in, at, sectionEnd);
        }
        return sectionEnd;
    }

    private void setLength(int count) throws MalformedPayloadException {
        if (count > literals.length) {
            throw new MalformedPayloadException("data is damaged");
        }
        lengthBytes = count;
    }

    private int readPlain(byte[] in, int start, int end, int type, int format) throws MalformedPayloadException {
        // Sizes of 5, 12, 5 or 20 bits.
        int headerBytes = (format & 1) == 0 ? 1 : format == 1 ? 2 : 3;
        if (end - start < headerBytes) {
            throw new MalformedPayloadException("data ends early");
        }
        int at = start + headerBytes;
        int count =
                switch (headerBytes) {
                    case 1 -> (in[start] & 0xff) >>> 3;
                    case 2 -> Bytes.u16(in, start) >>> 4;
                    default -> (Bytes.u16(in, start) | (in[start + 2] & 0xff) << 16) >>> 4;
                };
        setLength(count);
        if ((type == RLE ? 1 : count) > end - at) {
            throw new MalformedPayloadException("data ends early");
        }
        if (type == RLE) {
            Arrays.fill(literals, 0, count, in[at]);
            return at + 1;
        }
        System.arraycopy(in, at, literals, 0, count);
        return at + count;
    }

    private void decodeStreams(byte[] in, int start, int end) throws MalformedPayloadException {
        if (end - start < JUMP_TABLE_BYTES) {
            throw new MalformedPayloadException("data ends early");
        }
        int streamLiterals = (lengthBytes + STREAMS - 1) / STREAMS;
        int at = start + JUMP_TABLE_BYTES;
        int done = 0;
        for (int i = 0; i < STREAMS; i++) {
            boolean last = i == STREAMS - 1;
            int streamEnd = last ? end : at + Bytes.u16(in, start + 2 * i);
            int doneAfter = last ? lengthBytes : done + streamLiterals;
            if (streamEnd > end || doneAfter > lengthBytes) {
                throw new MalformedPayloadException("data is damaged");
            }
            decode(in, at, streamEnd, done, doneAfter);
            at = streamEnd;
            done = doneAfter;
        }
    }

    private void decode(byte[] in, int start, int end, int from, int to) throws MalformedPayloadException {
        BackwardBits bits = new BackwardBits(in, start, end);
        short[] codes = table;
        byte[] out = literals;
        int width = tableBits;
        int at = from;
        while (at < to) {
            bits.reload();
            int stop = Math.min(to, at + SYMBOLS_PER_RELOAD);
            while (at < stop) {
                int code = codes[bits.look(width)];
                bits.skip(code >>> 8);
                out[at++] = (byte) code;
            }
        }
        bits.reload();
        if (!bits.isFinished()) {
            throw new MalformedPayloadException("data is damaged");
        }
    }

    /** Reads the description of a Huffman table and returns the offset behind it. */
    private int readTable(byte[] in, int start, int end) throws MalformedPayloadException {
        if (start >= end) {
            throw new MalformedPayloadException("data ends early");
        }
        tableBits = 0;
        int header = in[start] & 0xff;
        int at = start + 1;
        int count;
        int tableEnd;
        if (header >= 128) {
            count = header - 127;
            tableEnd = at + (count + 1) / 2;
            if (tableEnd > end) {
                throw new MalformedPayloadException("data ends early");
            }
            for (int i = 0; i < count; i++) {
                int pair = in[at + i / 2] & 0xff;
                weights[i] = (byte) ((i & 1) == 0 ? pair >>> 4 : pair & 15);
            }
        } else {
            tableEnd = at + header;
            if (tableEnd > end) {
                throw new MalformedPayloadException("data ends early");
            }
            count = readWeights(in, at, tableEnd);
        }
        buildTable(count);
        return tableEnd;
    }

    /** Reads weights that are FSE-coded, by two states in turn, up to the end of their bitstream. */
    private int readWeights(byte[] in, int start, int end) throws MalformedPayloadException {
        int at = weightsTable.read(in, start, end);
        BackwardBits bits = new BackwardBits(in, at, end);
        int log = weightsTable.accuracyLog();
        int state = bits.take(log);
        int otherState = bits.take(log);
        int count = 0;
        while (true) {
            // One weight more is implied: it must fit as well.
            if (count > SYMBOLS - 3) {
                throw new MalformedPayloadException("data is damaged");
            }
            int entry = weightsTable.entry(state);
            weights[count++] = (byte) FseTable.symbolOf(entry);
            int nextState = FseTable.baseOf(entry) + bits.take(FseTable.bitsOf(entry));
            bits.reload();
            if (bits.isOverrun()) {
                weights[count++] = (byte) FseTable.symbolOf(weightsTable.entry(otherState));
                return count;
            }
            state = otherState;
            otherState = nextState;
        }
    }

    private void buildTable(int count) throws MalformedPayloadException {
        int sum = 0;
        for (int i = 0; i < count; i++) {
            sum += (1 << weights[i]) >>> 1;
        }
        int bits = 32 - Integer.numberOfLeadingZeros(sum);
        int rest = (1 << bits) - sum;
        // What is left belongs to the last symbol, and has to be a power of two.
        if (sum == 0 || bits > MAX_BITS || Integer.bitCount(rest) != 1) {
            throw new MalformedPayloadException("data is damaged");
        }
        weights[count] = (byte) (32 - Integer.numberOfLeadingZeros(rest));
        int at = 0;
        for (int weight = 1; weight <= bits; weight++) {
            for (int symbol = 0; symbol <= count; symbol++) {
                if (weights[symbol] == weight) {
                    int states = 1 << (weight - 1);
                    Arrays.fill(table, at, at + states, (short) (symbol | (bits + 1 - weight) << 8));
                    at += states;
                }
            }
        }
        tableBits = bits;
    }
}

// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.machine.boot.payload;

/**
 * A decoding table of zstd's finite state entropy coder (RFC 8878, section 4.1). Reused from block to block.
 *
 * <pre>
 *  entry of a state:  bits 0..7 symbol │ 8..15 bits to read │ 16..31 what to add to them for the next state
 * </pre>
 */
final class FseTable {
    private static final int ACCURACY_LOG_MIN = 5;

    /** Probability "less than 1": the symbol has one state, at the end of the table. */
    private static final int LESS_THAN_ONE = -1;

    private final int maxAccuracyLog;
    private final int maxSymbol;
    private final int[] entries;
    private final short[] counts;
    private final int[] next;
    private int accuracyLog;
    private boolean valid;

    /** Makes a table without content, for symbols up to {@code maxSymbol}. */
    FseTable(int maxAccuracyLog, int maxSymbol) {
        this.maxAccuracyLog = maxAccuracyLog;
        this.maxSymbol = maxSymbol;
        entries = new int[1 << maxAccuracyLog];
        counts = new short[maxSymbol + 1];
        next = new int[maxSymbol + 1];
    }

    /** Returns the number of bits in a state. */
    int accuracyLog() {
        return accuracyLog;
    }

    /** Tells whether the table has content that a later block may use again. */
    boolean isValid() {
        return valid;
    }

    /** Returns the entry of a state, see the class's description. */
    int entry(int state) {
        return entries[state];
    }

    static int symbolOf(int entry) {
        return entry & 0xff;
    }

    static int bitsOf(int entry) {
        return (entry >>> 8) & 0xff;
    }

    static int baseOf(int entry) {
        return entry >>> 16;
    }

    /** Sets a table that has one state and gives one symbol, for ever. */
    void setSingle(int symbol) throws MalformedPayloadException {
        if (symbol > maxSymbol) {
            throw new MalformedPayloadException("data is damaged");
        }
        accuracyLog = 0;
        entries[0] = symbol;
        valid = true;
    }

    /** Sets the table to a distribution that is known to be good. */
    void setDistribution(int log, short[] distribution) throws MalformedPayloadException {
        System.arraycopy(distribution, 0, counts, 0, distribution.length);
        build(log, distribution.length);
    }

    /**
     * Reads a table's description (RFC 8878, section 4.1.1).
     *
     * @return the offset behind it
     */
    int read(byte[] in, int start, int end) throws MalformedPayloadException {
        ForwardBits bits = new ForwardBits(in, start, end);
        int log = bits.take(4) + ACCURACY_LOG_MIN;
        if (log > maxAccuracyLog) {
            throw new MalformedPayloadException("data is damaged");
        }
        int remaining = 1 << log;
        int symbols = 0;
        while (remaining > 0) {
            int count = readCount(bits, remaining);
            remaining -= Math.abs(count);
            symbols = append(symbols, count);
            if (count == 0) {
                int repeat;
                do {
                    repeat = bits.take(2);
                    for (int i = 0; i < repeat; i++) {
                        symbols = append(symbols, 0);
                    }
                } while (repeat == 3);
            }
        }
        build(log, symbols);
        return bits.endOffset();
    }

    private int append(int symbols, int count) throws MalformedPayloadException {
        if (symbols > maxSymbol) {
            throw new MalformedPayloadException("data is damaged");
        }
        counts[symbols] = (short) count;
        return symbols + 1;
    }

    /** Reads one probability, 0 to {@code remaining} or {@link #LESS_THAN_ONE}: the smaller ones take a bit less. */
    private static int readCount(ForwardBits bits, int remaining) throws MalformedPayloadException {
        int width = 32 - Integer.numberOfLeadingZeros(remaining + 1);
        int shortValues = (1 << width) - 2 - remaining;
        int low = bits.take(width - 1);
        if (low < shortValues) {
            return low - 1;
        }
        int value = bits.take(1) == 0 ? low : low + (1 << (width - 1)) - shortValues;
        return value - 1;
    }

    /** Spreads the symbols over the states and numbers the transitions. */
    private void build(int log, int symbols) throws MalformedPayloadException {
        int size = 1 << log;
        int high = size - 1;
        for (int symbol = 0; symbol < symbols; symbol++) {
            next[symbol] = counts[symbol];
            if (counts[symbol] == LESS_THAN_ONE) {
                entries[high--] = symbol;
                next[symbol] = 1;
            }
        }
        int step = (size >> 1) + (size >> 3) + 3;
        int state = 0;
        for (int symbol = 0; symbol < symbols; symbol++) {
            for (int i = 0; i < counts[symbol]; i++) {
                entries[state] = symbol;
                do {
                    state = (state + step) & (size - 1);
                } while (state > high);
            }
        }
        if (state != 0) {
            throw new MalformedPayloadException("data is damaged");
        }
        for (int i = 0; i < size; i++) {
            int symbol = entries[i];
            int number = next[symbol]++;
            int bits = log - (31 - Integer.numberOfLeadingZeros(number));
            entries[i] = symbol | bits << 8 | ((number << bits) - size) << 16;
        }
        accuracyLog = log;
        valid = true;
    }
}

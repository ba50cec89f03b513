// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.machine.boot.payload;

/**
 * A bitstream of zstd's, read from its last bit to its first (RFC 8878, section 4.1): the highest 1 bit of the last
 * byte marks the end, and is not data.
 *
 * <pre>
 *   start ... position ......... position + 8 ... end
 *             └── container, 64 bits ──┘
 *             bits still to come │ consumed
 * </pre>
 *
 * {@link #look} and {@link #skip} check nothing. Reading beyond the start gives arbitrary bits, safely, and is found
 * by {@link #isOverrun} or {@link #isFinished} afterwards.
 */
final class BackwardBits {
    /** Bits that can be read between two calls of {@link #reload}, short of the start. */
    static final int RELOADED_BITS = 57;

    private static final int CONTAINER_BYTES = 8;
    private static final int CONTAINER_BITS = 64;

    private final byte[] in;
    private final int start;
    private int position;
    private long container;
    private int consumed;

    /**
     * Starts at the end of a stream.
     *
     * @throws MalformedPayloadException if the stream is empty or has no end mark
     */
    BackwardBits(byte[] in, int start, int end) throws MalformedPayloadException {
        if (end <= start || in[end - 1] == 0) {
            throw new MalformedPayloadException("data is damaged");
        }
        this.in = in;
        this.start = start;
        // Leading zeros of the last byte, and the mark.
        consumed = Integer.numberOfLeadingZeros(in[end - 1] & 0xff) - 23;
        if (end - start >= CONTAINER_BYTES) {
            position = end - CONTAINER_BYTES;
            container = Bytes.u64(in, position);
        } else {
            position = start;
            for (int i = end - 1; i >= start; i--) {
                container = container << 8 | (in[i] & 0xff);
            }
            consumed += CONTAINER_BITS - 8 * (end - start);
        }
    }

    /** Returns the next bits without taking them, 0 to 32 of them. */
    int look(int count) {
        // Two shifts, as one by 64 would be one by 0.
        return (int) (((container << consumed) >>> 1) >>> (CONTAINER_BITS - 1 - count));
    }

    /** Takes bits. */
    void skip(int count) {
        consumed += count;
    }

    /** Takes and returns the next bits, 0 to 32 of them. */
    int take(int count) {
        int bits = look(count);
        consumed += count;
        return bits;
    }

    /** Makes the next {@link #RELOADED_BITS} bits readable, or as many as there are. */
    void reload() {
        int bytes = Math.min(consumed >>> 3, position - start);
        // Beyond the start there is nothing to load, and the overrun must stay visible.
        if (bytes > 0 && consumed <= CONTAINER_BITS) {
            position -= bytes;
            consumed -= bytes << 3;
            container = Bytes.u64(in, position);
        }
    }

    /** Tells, after {@link #reload}, whether more bits were taken than there are. */
    boolean isOverrun() {
        return consumed > CONTAINER_BITS;
    }

    /** Tells, after {@link #reload}, whether exactly all bits were taken. */
    boolean isFinished() {
        return position == start && consumed == CONTAINER_BITS;
    }
}

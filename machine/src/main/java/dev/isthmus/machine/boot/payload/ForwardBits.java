// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.machine.boot.payload;

/** A bitstream read from its first byte on, low bits first, as the descriptions of FSE tables are. */
final class ForwardBits {
    private final byte[] in;
    private final int start;
    private final int end;
    private long position;

    ForwardBits(byte[] in, int start, int end) {
        this.in = in;
        this.start = start;
        this.end = end;
    }

    /** Takes up to 16 bits. */
    int take(int count) throws MalformedPayloadException {
        int value = 0;
        for (int i = 0; i < count; i++) {
            int at = start + (int) (position >>> 3);
            if (at >= end) {
                throw new MalformedPayloadException("data ends early");
            }
            value |= (in[at] >>> (position & 7) & 1) << i;
            position++;
        }
        return value;
    }

    /** Returns the offset of the first byte of which nothing was taken. */
    int endOffset() {
        return start + (int) ((position + 7) >>> 3);
    }
}

// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.block.qcow2;

import java.lang.foreign.MemorySegment;

import dev.isthmus.memory.ScatterView;

/** Copies bytes into scattered memory, without allocating anything. */
final class Bytes {
    private static final int ZERO_BYTES = 1 << 16;

    /** Never written. */
    private static final MemorySegment ZEROES = MemorySegment.ofArray(new byte[ZERO_BYTES]).asReadOnly();

    private Bytes() {}

    /** Fills a part of a list with zeroes. */
    static void zero(ScatterView target, long from, long lengthBytes) {
        for (long done = 0; done < lengthBytes; done += ZERO_BYTES) {
            copy(ZEROES, 0, target, from + done, Math.min(ZERO_BYTES, lengthBytes - done));
        }
    }

    /** Copies memory to a part of a list. */
    static void copy(MemorySegment source, long sourceOffset, ScatterView target, long from, long lengthBytes) {
        long skip = from;
        long done = 0;
        for (int i = 0; done < lengthBytes; i++) {
            long elementBytes = target.lengthBytes(i);
            if (skip >= elementBytes) {
                skip -= elementBytes;
                continue;
            }
            long count = Math.min(lengthBytes - done, elementBytes - skip);
            MemorySegment.copy(source, sourceOffset + done, target.segment(i), target.offset(i) + skip, count);
            done += count;
            skip = 0;
        }
    }
}

// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.memory;

import java.lang.foreign.MemorySegment;
import java.util.Objects;

import org.jspecify.annotations.Nullable;

/**
 * Copies into memory, scattered or not, as much as is asked for, in pieces: the JVM brings no thread to a safepoint within
 * one copy or fill, and so all of them would wait for the end of a long one. Allocates nothing.
 */
public final class Scatters {
    private static final int ZERO_BYTES = 1 << 16;

    /** Copied instead of filling a slice, which would be an object. */
    private static final MemorySegment ZEROES =
            MemorySegment.ofArray(new byte[ZERO_BYTES]).asReadOnly();

    private Scatters() {}

    /**
     * Copies from one piece of memory.
     *
     * @param source the memory
     * @param sourceOffset where in it
     * @param target the scattered memory
     * @param position where in the run of its bytes
     * @param lengthBytes how much; both must hold it
     */
    public static void copy(
            MemorySegment source, long sourceOffset, ScatterView target, long position, long lengthBytes) {
        Objects.checkFromIndexSize(sourceOffset, lengthBytes, source.byteSize());
        transfer(source, sourceOffset, target, position, lengthBytes);
    }

    /**
     * Sets a part to zeroes.
     *
     * @param target the scattered memory
     * @param position where in the run of its bytes
     * @param lengthBytes how much; it must hold it
     */
    public static void zero(ScatterView target, long position, long lengthBytes) {
        transfer(null, 0, target, position, lengthBytes);
    }

    private static void transfer(
            @Nullable MemorySegment source,
            long sourceOffset,
            ScatterView target,
            long position,
            long lengthBytes) {
        Objects.checkFromIndexSize(position, lengthBytes, target.totalBytes());
        long skip = position;
        long done = 0;
        for (int i = 0; done < lengthBytes; i++) {
            long elementBytes = target.lengthBytes(i);
            if (skip >= elementBytes) {
                skip -= elementBytes;
                continue;
            }
            long count = Math.min(elementBytes - skip, lengthBytes - done);
            if (source == null) {
                zero(target.segment(i), target.offset(i) + skip, count);
            } else {
                MemorySegment.copy(
                        source, sourceOffset + done, target.segment(i), target.offset(i) + skip, count);
            }
            done += count;
            skip = 0;
        }
    }

    /**
     * Sets a part of one piece of memory to zeroes.
     *
     * @param segment the memory
     * @param offset where in it
     * @param lengthBytes how much; it must hold it
     */
    public static void zero(MemorySegment segment, long offset, long lengthBytes) {
        Objects.checkFromIndexSize(offset, lengthBytes, segment.byteSize());
        for (long done = 0; done < lengthBytes; done += ZERO_BYTES) {
            MemorySegment.copy(ZEROES, 0, segment, offset + done, Math.min(ZERO_BYTES, lengthBytes - done));
        }
    }
}

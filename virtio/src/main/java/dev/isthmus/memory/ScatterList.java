// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.memory;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Arrays;
import java.util.Objects;

/**
 * A reusable list of memory ranges; its maker fills it, everyone else sees it as a {@link ScatterView}.
 *
 * <p>Refilling a list allocates only when it grows beyond what it ever held.
 *
 * <p>Not thread-safe: owned by one thread at a time and handed over with a happens-before edge.
 */
public final class ScatterList implements ScatterView {
    private static final int INITIAL_ELEMENTS = 4;

    private MemorySegment[] segments = new MemorySegment[INITIAL_ELEMENTS];
    private long[] offsets = new long[INITIAL_ELEMENTS];
    private long[] lengthsBytes = new long[INITIAL_ELEMENTS];
    private int count;
    private long totalBytes;

    /** Makes an empty list. */
    public ScatterList() {}

    /** Removes all elements and keeps the capacity. */
    public void clear() {
        count = 0;
        totalBytes = 0;
    }

    /**
     * Appends a range; nothing where it is empty.
     *
     * @param segment the memory
     * @param offset first byte within the segment
     * @param lengthBytes size
     * @throws IndexOutOfBoundsException if the range is not within the segment
     * @throws ArithmeticException if the total passes 2^63 - 1
     */
    public void add(MemorySegment segment, long offset, long lengthBytes) {
        Objects.checkFromIndexSize(offset, lengthBytes, segment.byteSize());
        if (lengthBytes == 0) {
            return;
        }
        if (count == segments.length) {
            grow();
        }
        totalBytes = Math.addExact(totalBytes, lengthBytes);
        segments[count] = segment;
        offsets[count] = offset;
        lengthsBytes[count] = lengthBytes;
        count++;
    }

    private void grow() {
        int capacity = segments.length * 2;
        segments = Arrays.copyOf(segments, capacity);
        offsets = Arrays.copyOf(offsets, capacity);
        lengthsBytes = Arrays.copyOf(lengthsBytes, capacity);
    }

    /**
     * Appends a part of another list.
     *
     * @param source the other list
     * @param skipBytes bytes of it to leave out at its start
     * @param lengthBytes bytes to take
     * @throws IndexOutOfBoundsException if the other list is shorter
     */
    public void addSlice(ScatterView source, long skipBytes, long lengthBytes) {
        Objects.checkFromIndexSize(skipBytes, lengthBytes, source.totalBytes());
        long skip = skipBytes;
        long left = lengthBytes;
        for (int i = 0; left > 0; i++) {
            long elementBytes = source.lengthBytes(i);
            if (skip >= elementBytes) {
                skip -= elementBytes;
                continue;
            }
            long taken = Math.min(left, elementBytes - skip);
            add(source.segment(i), source.offset(i) + skip, taken);
            left -= taken;
            skip = 0;
        }
    }

    @Override
    public int count() {
        return count;
    }

    @Override
    public long totalBytes() {
        return totalBytes;
    }

    @Override
    public MemorySegment segment(int index) {
        return segments[Objects.checkIndex(index, count)];
    }

    @Override
    public long offset(int index) {
        return offsets[Objects.checkIndex(index, count)];
    }

    @Override
    public long lengthBytes(int index) {
        return lengthsBytes[Objects.checkIndex(index, count)];
    }

    @Override
    public void setByte(long position, byte value) {
        Objects.checkIndex(position, totalBytes);
        long left = position;
        int i = 0;
        while (left >= lengthsBytes[i]) {
            left -= lengthsBytes[i];
            i++;
        }
        segments[i].set(ValueLayout.JAVA_BYTE, offsets[i] + left, value);
    }
}

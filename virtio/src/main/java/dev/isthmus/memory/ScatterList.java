// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.memory;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Arrays;
import java.util.Objects;

/**
 * A reusable list of memory ranges that together hold one run of bytes, such as the data of a disk request.
 *
 * <p>An element is (segment, offset, length) rather than a slice, because a slice would be an object each. An engine
 * passes the three straight to {@code pread}, {@code pwrite} or an {@code iovec}. Elements are never empty. Refilling
 * a list allocates only when it grows beyond what it ever held.
 *
 * <p>Not thread-safe: owned by one thread at a time and handed over with a happens-before edge.
 */
public final class ScatterList {
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
    public void addSlice(ScatterList source, long skipBytes, long lengthBytes) {
        Objects.checkFromIndexSize(skipBytes, lengthBytes, source.totalBytes);
        long skip = skipBytes;
        long left = lengthBytes;
        for (int i = 0; left > 0; i++) {
            long elementBytes = source.lengthsBytes[i];
            if (skip >= elementBytes) {
                skip -= elementBytes;
                continue;
            }
            long taken = Math.min(left, elementBytes - skip);
            add(source.segments[i], source.offsets[i] + skip, taken);
            left -= taken;
            skip = 0;
        }
    }

    /** Returns the number of elements. */
    public int count() {
        return count;
    }

    /** Returns the sum of the lengths in bytes. */
    public long totalBytes() {
        return totalBytes;
    }

    /** Returns the memory of an element. */
    public MemorySegment segment(int index) {
        return segments[Objects.checkIndex(index, count)];
    }

    /** Returns where an element starts within its segment, in bytes. */
    public long offset(int index) {
        return offsets[Objects.checkIndex(index, count)];
    }

    /** Returns the size of an element in bytes, at least 1. */
    public long lengthBytes(int index) {
        return lengthsBytes[Objects.checkIndex(index, count)];
    }

    /** Sets one byte, {@code position} bytes into the list. */
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

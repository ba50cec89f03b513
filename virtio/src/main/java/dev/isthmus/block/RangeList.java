// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.block;

import java.util.Arrays;
import java.util.Objects;

/**
 * The ranges of a disk that one request discards or zeroes, in its order. Reusable; refilling allocates only when it
 * grows beyond what it ever held.
 *
 * <p>Not thread-safe: owned by one thread at a time and handed over with a happens-before edge.
 */
public final class RangeList {
    private long[] offsets = new long[1];
    private long[] lengthsBytes = new long[1];
    private boolean[] mayUnmap = new boolean[1];
    private int count;
    private long totalBytes;

    /** Makes an empty list. */
    public RangeList() {}

    /** Removes all ranges and keeps the capacity. */
    public void clear() {
        count = 0;
        totalBytes = 0;
    }

    /**
     * Appends a range.
     *
     * @param offsetBytes where in the disk
     * @param lengthBytes how much, more than 0
     * @param unmap whether storage may be given up for zeroes
     * @throws ArithmeticException if the total passes 2^63 - 1
     */
    public void add(long offsetBytes, long lengthBytes, boolean unmap) {
        if (lengthBytes <= 0) {
            throw new IllegalArgumentException("Length of a range");
        }
        totalBytes = Math.addExact(totalBytes, lengthBytes);
        if (count == offsets.length) {
            int capacity = count * 2;
            offsets = Arrays.copyOf(offsets, capacity);
            lengthsBytes = Arrays.copyOf(lengthsBytes, capacity);
            mayUnmap = Arrays.copyOf(mayUnmap, capacity);
        }
        offsets[count] = offsetBytes;
        lengthsBytes[count] = lengthBytes;
        mayUnmap[count] = unmap;
        count++;
    }

    /** Returns the number of ranges. */
    public int count() {
        return count;
    }

    /** Returns the sum of the lengths in bytes. */
    public long totalBytes() {
        return totalBytes;
    }

    /** Returns where in the disk a range starts, in bytes. */
    public long offsetBytes(int index) {
        return offsets[Objects.checkIndex(index, count)];
    }

    /** Returns the size of a range in bytes. */
    public long lengthBytes(int index) {
        return lengthsBytes[Objects.checkIndex(index, count)];
    }

    /** Tells whether the storage behind a range may be given up to write zeroes. */
    public boolean mayUnmap(int index) {
        return mayUnmap[Objects.checkIndex(index, count)];
    }
}

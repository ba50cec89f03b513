// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.memory;

import java.lang.foreign.MemorySegment;

/**
 * One contiguous piece of guest RAM, backed by host memory.
 *
 * <p>Immutable; usable from any thread that the segment's arena admits.
 */
public final class MemoryRegion {
    private final long startGpa;
    private final long lengthBytes;
    private final MemorySegment segment;

    /**
     * Describes RAM at a guest physical address.
     *
     * @param startGpa first guest physical address, not negative
     * @param segment the host memory behind it; native, or heap memory of {@code long[]} so that atomic
     *     accesses of every width work
     * @throws IllegalArgumentException if the region is empty or reaches beyond 2^63 - 1
     */
    public MemoryRegion(long startGpa, MemorySegment segment) {
        long length = segment.byteSize();
        if (startGpa < 0 || length == 0 || startGpa > Long.MAX_VALUE - length) {
            throw new IllegalArgumentException("Region out of range");
        }
        this.startGpa = startGpa;
        this.lengthBytes = length;
        this.segment = segment;
    }

    /** Returns the first guest physical address. */
    public long startGpa() {
        return startGpa;
    }

    /** Returns the size in bytes, at least 1. */
    public long lengthBytes() {
        return lengthBytes;
    }

    /** Returns the host memory; its offset 0 is {@link #startGpa()}. */
    public MemorySegment segment() {
        return segment;
    }

    /**
     * Tells whether a whole range lies in this region. Safe for any guest-chosen values.
     *
     * @param gpa first guest physical address, any value
     * @param rangeBytes size, any value; a negative one is outside
     */
    public boolean contains(long gpa, long rangeBytes) {
        long offset = gpa - startGpa;
        // Both must be checked non-negative before the subtraction, or a huge range would wrap around.
        return gpa >= startGpa && rangeBytes >= 0 && offset <= lengthBytes && rangeBytes <= lengthBytes - offset;
    }

    /**
     * Translates an address to an offset into {@link #segment()}.
     *
     * @param gpa an address for which {@link #contains} holds
     */
    public long offsetOf(long gpa) {
        return gpa - startGpa;
    }
}

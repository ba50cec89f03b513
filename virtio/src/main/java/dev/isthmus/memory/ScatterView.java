// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.memory;

import java.lang.foreign.MemorySegment;

/**
 * Memory ranges that together hold one run of bytes, such as the data of a disk request.
 *
 * <p>An element is (segment, offset, length) rather than a slice, because a slice would be an object each. An engine
 * passes the three straight to {@code pread}, {@code pwrite} or an {@code iovec}. Elements are never empty, and each
 * lies within its segment.
 *
 * <p>Not thread-safe: owned by one thread at a time and handed over with a happens-before edge.
 */
public sealed interface ScatterView permits ScatterList {
    /** Returns the number of elements. */
    int count();

    /** Returns the sum of the lengths in bytes. */
    long totalBytes();

    /** Returns the memory of an element. */
    MemorySegment segment(int index);

    /** Returns where an element starts within its segment, in bytes. */
    long offset(int index);

    /** Returns the size of an element in bytes, at least 1. */
    long lengthBytes(int index);

    /** Writes one byte of the memory, {@code position} bytes into the run. */
    void setByte(long position, byte value);
}

// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.virtio.queue;

import java.lang.foreign.MemorySegment;
import java.util.Objects;

import dev.isthmus.memory.ScatterList;
import dev.isthmus.memory.ScatterView;

/**
 * Goes through one part of a chain in order, wherever the driver split it (virtio 1.2, section 2.7.4.1: the device must
 * not make assumptions about the arrangement of descriptors).
 *
 * <p>All methods are final: readers and writers call them without a dispatch. Owned by one thread.
 */
abstract sealed class ChainCursor permits ChainReader, ChainWriter {
    private ScatterView list = new ScatterList();
    private int element;
    private long elementPosition;
    private long remainingBytes;

    /** Makes a cursor at the end of nothing. */
    ChainCursor() {}

    /** Starts at the first byte of a list. */
    final void start(ScatterView newList) {
        list = newList;
        element = 0;
        elementPosition = 0;
        remainingBytes = newList.totalBytes();
    }

    /** Returns how many bytes are left. */
    public final long remainingBytes() {
        return remainingBytes;
    }

    /** Returns how many bytes were passed. */
    final long passedBytes() {
        return list.totalBytes() - remainingBytes;
    }

    /** Returns the list that the cursor goes through. */
    final ScatterView list() {
        return list;
    }

    /** Checks that there are bytes left to pass. */
    final void require(long lengthBytes) {
        Objects.checkFromIndexSize(0L, lengthBytes, remainingBytes);
    }

    /** Returns how many bytes lie in one piece of memory from here on; 0 at the end. */
    final long contiguousBytes() {
        return remainingBytes == 0 ? 0 : list.lengthBytes(element) - elementPosition;
    }

    /** Returns the memory that the next byte lies in; not at the end. */
    final MemorySegment segment() {
        return list.segment(element);
    }

    /** Returns where in {@link #segment} the next byte lies; not at the end. */
    final long offset() {
        return list.offset(element) + elementPosition;
    }

    /** Passes bytes, {@link #contiguousBytes} at most. */
    final void advance(long bytes) {
        elementPosition += bytes;
        remainingBytes -= bytes;
        if (elementPosition == list.lengthBytes(element)) {
            element++;
            elementPosition = 0;
        }
    }
}

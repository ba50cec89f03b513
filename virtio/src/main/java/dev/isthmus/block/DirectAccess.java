// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.block;

/**
 * A {@link BlockBackend} that can tell where in its files a range is, so that an engine such as io_uring moves the bytes
 * between them and guest RAM by itself.
 *
 * <p>Any thread, several at once. No method blocks or does I/O: where that would be needed, {@link #map} says no and the
 * request goes the way of {@link BlockBackend}, on a worker.
 */
public interface DirectAccess {
    /**
     * Finds the extents of a range. On success they stay where they are, and are not given to other data, until
     * {@link #unmap}.
     *
     * @param write whether the range is to be written: all of it must then be allocated, and in no other snapshot
     * @param offsetBytes where in the disk
     * @param lengthBytes how much, more than 0
     * @param extents is filled with the range in order, without gaps; undefined where the answer is false
     * @return whether the extents are valid now
     */
    boolean map(boolean write, long offsetBytes, long lengthBytes, ExtentList extents);

    /**
     * Ends what a successful {@link #map} began: the I/O has completed.
     *
     * @param write as it was
     * @param extents as they were
     */
    void unmap(boolean write, ExtentList extents);
}

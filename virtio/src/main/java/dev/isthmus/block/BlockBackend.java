// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.block;

import dev.isthmus.memory.ScatterView;

/**
 * Where a disk's bytes are: a file, an image format over another backend, memory.
 *
 * <p>Threads: every method may be called from several disk workers at once, and blocks as long as the storage takes.
 * Requests that overlap and run at the same time may take effect in any order, each byte from one of them; the guest
 * orders what it cares about by waiting. {@link #flush} covers all writes that returned before it was called.
 *
 * <p>Errors: what the host cannot do is a {@link BlockStatus}, and the backend logs the cause (the failed call and its
 * errno) at a bounded rate. A {@link RuntimeException} is answered as {@link BlockStatus#IO_ERROR} by the caller. A
 * transfer is whole or an error: short reads and writes are continued by the backend, and the end of a file that has
 * shrunk under us is an I/O error. After an error the contents of the range are undefined.
 *
 * <p>Ranges have been checked against {@link #capacityBytes} by the caller, but the capacity may have shrunk since:
 * backends check again and answer {@link BlockStatus#OUT_OF_RANGE}.
 */
public interface BlockBackend extends AutoCloseable {
    /** Returns the size in bytes; may change while the disk is in use. Never blocks. */
    long capacityBytes();

    /** Tells whether writes are refused; the same until it closes. */
    boolean readOnly();

    /** Returns sizes that are good to know for a guest; the same until it closes. */
    default BlockGeometry geometry() {
        return BlockGeometry.DEFAULT;
    }

    /**
     * Reads a range.
     *
     * @param offsetBytes where in the disk, a multiple of 512
     * @param target memory to fill; its total, a multiple of 512 and not 0, is the length
     */
    BlockStatus read(long offsetBytes, ScatterView target);

    /**
     * Writes a range. Stable only after a {@link #flush}.
     *
     * @param offsetBytes where in the disk, a multiple of 512
     * @param source what to write; its total, a multiple of 512 and not 0, is the length. The guest may change it meanwhile.
     */
    BlockStatus write(long offsetBytes, ScatterView source);

    /** Makes all writes that have returned stable: they survive a crash of the host. */
    BlockStatus flush();

    /** Tells whether {@link #discard} is offered; the same until it closes. */
    default boolean canDiscard() {
        return false;
    }

    /** Gives up the contents of a range, which may then read as anything. */
    default BlockStatus discard(long offsetBytes, long lengthBytes) {
        return BlockStatus.UNSUPPORTED;
    }

    /** Tells whether {@link #writeZeroes} is offered; the same until it closes. */
    default boolean canWriteZeroes() {
        return false;
    }

    /**
     * Has a range read as zeroes.
     *
     * @param mayUnmap whether the storage behind it may be given up
     */
    default BlockStatus writeZeroes(long offsetBytes, long lengthBytes, boolean mayUnmap) {
        return BlockStatus.UNSUPPORTED;
    }

    /**
     * Changes the capacity. What is cut off is lost; what is added reads as zeroes. The caller tells the guest.
     *
     * @param newCapacityBytes a multiple of 512
     */
    default BlockStatus resize(long newCapacityBytes) {
        return BlockStatus.UNSUPPORTED;
    }

    /**
     * Looks at the size of the storage again where that is the capacity, as with raw images: something else has changed it.
     * The caller tells the guest.
     */
    default BlockStatus refreshCapacity() {
        return BlockStatus.OK;
    }

    /** Releases the storage, without a flush. No other method may be running or be called any more. Idempotent. */
    @Override
    void close();
}

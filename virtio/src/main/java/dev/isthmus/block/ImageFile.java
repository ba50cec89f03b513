// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.block;

import java.lang.foreign.MemorySegment;

import dev.isthmus.memory.ScatterView;

/**
 * The bytes that a disk image is stored in: a file or block device of the host, or memory in tests. Image formats are
 * written against this and never see the host, so that they can be fuzzed without native code.
 *
 * <p>Threads and errors are as for {@link BlockBackend}: several callers at once, each call blocks as long as the
 * storage takes, a transfer is whole or an error, causes are logged here. Offsets and lengths are in bytes and need no
 * alignment; callers check them for overflow.
 */
public interface ImageFile extends AutoCloseable {
    /** Returns what messages call it, such as its path. */
    String name();

    /** Returns the size now. */
    long sizeBytes();

    /** Tells whether writes are refused; the same until it closes. */
    boolean readOnly();

    /** Returns sizes that are good to know for a guest; the same until it closes. */
    default BlockGeometry geometry() {
        return BlockGeometry.DEFAULT;
    }

    /**
     * Reads a range. What lies beyond the end is filled with zeroes and the answer is then
     * {@link BlockStatus#OUT_OF_RANGE}, which most formats take for OK.
     */
    BlockStatus read(long offsetBytes, ScatterView target);

    /** Reads a range, as {@link #read(long, ScatterView)}, into native memory. */
    BlockStatus read(long offsetBytes, MemorySegment target);

    /** Writes a range and extends the file where it ends before. Stable only after a {@link #flush}. */
    BlockStatus write(long offsetBytes, ScatterView source);

    /** Writes a range, as {@link #write(long, ScatterView)}, from native memory. */
    BlockStatus write(long offsetBytes, MemorySegment source);

    /**
     * Finds the next byte that may be something else than zero, from an offset on.
     *
     * @return its offset, or the file's size where nothing follows but holes
     */
    default long nextData(long offsetBytes) {
        return offsetBytes;
    }

    /**
     * Finds the next hole, which reads as zeroes, from an offset on.
     *
     * @return its offset, at most the file's size
     */
    default long nextHole(long offsetBytes) {
        return sizeBytes();
    }

    /** Returns how much storage the file takes, in bytes. */
    default long allocatedBytes() {
        return sizeBytes();
    }

    /** Makes all writes that have returned, and the size, stable: they survive a crash of the host. */
    BlockStatus flush();

    /** Cuts the file off, or extends it with zeroes. */
    BlockStatus setSize(long sizeBytes);

    /**
     * Gives a range's storage back where the storage can; the range reads as zeroes afterwards, and the size stays.
     *
     * @return {@link BlockStatus#UNSUPPORTED} where the storage can't and nothing was changed
     */
    BlockStatus punchHole(long offsetBytes, long lengthBytes);

    /**
     * Gives a range's storage back where the storage can, as {@link #punchHole} but for the contents, which may be
     * anything afterwards.
     */
    default BlockStatus discard(long offsetBytes, long lengthBytes) {
        return punchHole(offsetBytes, lengthBytes);
    }

    /**
     * Has a range read as zeroes, fast if possible; extends the file where it ends before.
     *
     * @param mayUnmap whether the storage behind it may be given back
     */
    BlockStatus writeZeroes(long offsetBytes, long lengthBytes, boolean mayUnmap);

    /** Releases the file, without a flush. No other method may be running or be called any more. Idempotent. */
    @Override
    void close();
}

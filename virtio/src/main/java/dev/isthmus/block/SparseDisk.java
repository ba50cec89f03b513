// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.block;

import org.jspecify.annotations.Nullable;

/**
 * A disk that knows which parts of it hold data, so that whoever copies it need not read the rest.
 *
 * <p>Any thread, several at once; blocks where tables have to be read.
 */
public interface SparseDisk extends BlockBackend {
    /**
     * Finds out about the disk from an offset on.
     *
     * @param offsetBytes where in the disk, less than its capacity
     * @param maxBytes how much is of interest, more than 0, and no further than the capacity
     * @param found is set, to a length from 1 to {@code maxBytes}; what follows may be of the same kind
     * @return {@link BlockStatus#OK}, or why that can't be told
     */
    BlockStatus find(long offsetBytes, long maxBytes, DiskExtent found);

    /** Returns the disk that this one is based on, which stays this one's to close; null where there is none. */
    default @Nullable BlockBackend base() {
        return null;
    }
}

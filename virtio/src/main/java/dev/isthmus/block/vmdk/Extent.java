// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.block.vmdk;

import dev.isthmus.block.BlockStatus;
import dev.isthmus.block.mapped.Location;
import dev.isthmus.block.mapped.TableCache;
import dev.isthmus.memory.ScatterView;

/** One of the parts that a disk is put together of. Offsets are within the part. */
sealed interface Extent permits FlatExtent, SparseExtent, ZeroExtent {
    /** Finds where bytes are, as {@link VmdkImage#locate}. The answer may reach beyond the extent. */
    void locate(long offsetBytes, boolean mayWait, TableCache tables, Location found);

    /** Reads what is packed, as {@link VmdkImage#readIndirect}. */
    default BlockStatus readPacked(long offsetBytes, Location found, PackedGrains grains, ScatterView target) {
        throw new IllegalStateException("Nothing is packed in this extent");
    }

    /** Closes the extent's file. */
    void close();
}

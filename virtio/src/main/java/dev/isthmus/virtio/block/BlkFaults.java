// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.virtio.block;

import dev.isthmus.block.BlockOperation;
import dev.isthmus.block.BlockStatus;

/** Decides what becomes of requests that fail by the host's doing. */
@FunctionalInterface
public interface BlkFaults {
    /**
     * A request has failed. Loop thread; never waits.
     *
     * @param status {@link BlockStatus#IO_ERROR} or {@link BlockStatus#NO_SPACE}
     * @return whether the request is kept, and all that come after it, until {@link VirtioBlk#retry}; where not, the guest
     *     is told of the error
     */
    boolean keep(BlockOperation operation, BlockStatus status);
}

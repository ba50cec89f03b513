// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.block.qcow2;

import dev.isthmus.block.BlockBackend;
import dev.isthmus.block.BlockStatus;
import dev.isthmus.memory.ScatterView;

/** Stands for a backing image that was not opened, because what is to be done does not read the disk. */
public final class UnopenedBacking implements BlockBackend {
    /** Makes one. */
    public UnopenedBacking() {}

    @Override
    public long capacityBytes() {
        // As large as can be: what lies over it must never be taken for zeroes.
        return Long.MAX_VALUE & -Qcow2Format.SECTOR_BYTES;
    }

    @Override
    public boolean readOnly() {
        return true;
    }

    @Override
    public BlockStatus read(long offsetBytes, ScatterView target) {
        return BlockStatus.IO_ERROR;
    }

    @Override
    public BlockStatus write(long offsetBytes, ScatterView source) {
        return BlockStatus.READ_ONLY;
    }

    @Override
    public BlockStatus flush() {
        return BlockStatus.OK;
    }

    @Override
    public void close() {}
}

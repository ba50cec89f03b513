// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.block.qcow2;

import dev.isthmus.block.BlockBackend;
import dev.isthmus.block.BlockStatus;
import dev.isthmus.memory.ScatterView;

/** A part of a disk from an offset on, so that a small model serves for a place in a large one. */
record Window(BlockBackend disk, long start) implements BlockBackend {
    @Override
    public long capacityBytes() {
        return disk.capacityBytes() - start;
    }

    @Override
    public boolean readOnly() {
        return disk.readOnly();
    }

    @Override
    public BlockStatus read(long offsetBytes, ScatterView target) {
        return disk.read(start + offsetBytes, target);
    }

    @Override
    public BlockStatus write(long offsetBytes, ScatterView source) {
        return disk.write(start + offsetBytes, source);
    }

    @Override
    public BlockStatus flush() {
        return disk.flush();
    }

    @Override
    public void close() {}
}

// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.block.mapped;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;

import dev.isthmus.block.BlockStatus;
import dev.isthmus.block.ExtentList;
import dev.isthmus.block.ForwardingImageFile;
import dev.isthmus.memory.ScatterList;
import dev.isthmus.memory.ScatterView;
import dev.isthmus.testing.jvm.Allocations;

import static org.junit.jupiter.api.Assertions.assertEquals;

/** Shows that reads allocate nothing once they are warm. */
public final class WarmReads {
    private static final int READS = 10_000;
    private static final int READ_BYTES = 16 << 10;

    private WarmReads() {}

    /** A file that has tables, and whose data are left as they are: what a file allocates is its own affair. */
    public static final class TablesOnly extends ForwardingImageFile {
        /** Takes the tables from a file. */
        public TablesOnly(BuiltImageFile file) {
            super(file);
        }

        @Override
        public BlockStatus read(long offsetBytes, ScatterView target) {
            return BlockStatus.OK;
        }
    }

    /** Reads all over a disk, in two pieces of memory each, and looks its extents up. */
    public static void assertAllocateNothing(MappedImage image) {
        ExtentList extents = new ExtentList();
        ScatterList target = new ScatterList();
        try (Arena arena = Arena.ofShared()) {
            MemorySegment memory = arena.allocate(READ_BYTES);
            target.add(memory, 0, 4096);
            target.add(memory, 4096, READ_BYTES - 4096);

            Allocations.assertNoneOnceWarm(READS, () -> read(image, target, extents));
        }
    }

    private static void read(MappedImage image, ScatterList target, ExtentList extents) {
        long places = (image.capacityBytes() - READ_BYTES) / 512;
        for (int i = 0; i < READS; i++) {
            long offset = i * 77L % places * 512;
            assertEquals(BlockStatus.OK, image.read(offset, target));
            if (image.map(false, offset, READ_BYTES, extents)) {
                image.unmap(false, extents);
            }
        }
    }
}

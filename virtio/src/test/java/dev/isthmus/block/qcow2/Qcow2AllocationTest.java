// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.block.qcow2;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.management.ManagementFactory;

import com.sun.management.ThreadMXBean;
import org.junit.jupiter.api.Test;

import dev.isthmus.block.BlockStatus;
import dev.isthmus.block.ExtentList;
import dev.isthmus.block.ImageFile;
import dev.isthmus.memory.ScatterList;
import dev.isthmus.memory.ScatterView;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

/** Reads and overwrites allocate nothing once they are warm, and neither does the mapping for engines. */
class Qcow2AllocationTest {
    private static final int WARM_UP = 30_000;
    private static final int MEASURED = 10_000;

    /** What the measurement itself and a late compilation may take; one object an operation would be 160,000. */
    private static final long TOLERANCE_BYTES = 4096;

    private static final int CAPACITY = 4 << 20;

    private final ThreadMXBean threads = (ThreadMXBean) ManagementFactory.getThreadMXBean();

    /** A file in native memory that allocates nothing itself. */
    private static final class FlatFile implements ImageFile {
        private final MemorySegment memory;
        private long sizeBytes;

        FlatFile(MemorySegment memory) {
            this.memory = memory;
        }

        @Override
        public String name() {
            return "flat";
        }

        @Override
        public long sizeBytes() {
            return sizeBytes;
        }

        @Override
        public boolean readOnly() {
            return false;
        }

        @Override
        public BlockStatus read(long offsetBytes, ScatterView target) {
            long position = offsetBytes;
            for (int i = 0; i < target.count(); i++) {
                MemorySegment.copy(memory, position, target.segment(i), target.offset(i), target.lengthBytes(i));
                position += target.lengthBytes(i);
            }
            return BlockStatus.OK;
        }

        @Override
        public BlockStatus read(long offsetBytes, MemorySegment target) {
            MemorySegment.copy(memory, offsetBytes, target, 0, target.byteSize());
            return BlockStatus.OK;
        }

        @Override
        public BlockStatus write(long offsetBytes, ScatterView source) {
            long position = offsetBytes;
            for (int i = 0; i < source.count(); i++) {
                MemorySegment.copy(source.segment(i), source.offset(i), memory, position, source.lengthBytes(i));
                position += source.lengthBytes(i);
            }
            sizeBytes = Math.max(sizeBytes, position);
            return BlockStatus.OK;
        }

        @Override
        public BlockStatus write(long offsetBytes, MemorySegment source) {
            MemorySegment.copy(source, 0, memory, offsetBytes, source.byteSize());
            sizeBytes = Math.max(sizeBytes, offsetBytes + source.byteSize());
            return BlockStatus.OK;
        }

        @Override
        public BlockStatus flush() {
            return BlockStatus.OK;
        }

        @Override
        public BlockStatus setSize(long newBytes) {
            sizeBytes = newBytes;
            return BlockStatus.OK;
        }

        @Override
        public BlockStatus punchHole(long offsetBytes, long lengthBytes) {
            return BlockStatus.UNSUPPORTED;
        }

        @Override
        public BlockStatus writeZeroes(long offsetBytes, long lengthBytes, boolean mayUnmap) {
            return BlockStatus.UNSUPPORTED;
        }

        @Override
        public void close() {}
    }

    /** One operation. */
    private interface Operation {
        BlockStatus run(long offset);
    }

    private void measure(boolean filled, OperationMaker maker) {
        try (Arena arena = Arena.ofShared()) {
            FlatFile file = new FlatFile(arena.allocate(3L * CAPACITY));
            Qcow2Creator.create(file, new Qcow2CreateOptions(CAPACITY), null);
            try (Qcow2Image disk = Qcow2Image.open(file, null, null)) {
                ScatterList all = new ScatterList();
                all.add(arena.allocate(CAPACITY), 0, CAPACITY);
                assertEquals(BlockStatus.OK, filled ? disk.write(0, all) : BlockStatus.OK);
                ScatterList list = new ScatterList();
                list.add(arena.allocate(4096), 0, 1024);
                list.add(arena.allocate(4096), 512, 3072);
                Operation operation = maker.make(disk, list);
                run(operation, WARM_UP);

                long before = threads.getCurrentThreadAllocatedBytes();
                run(operation, MEASURED);
                long allocated = threads.getCurrentThreadAllocatedBytes() - before;

                assertTrue(allocated < TOLERANCE_BYTES, MEASURED + " operations allocated " + allocated + " bytes");
            }
        }
    }

    /** Makes an operation on a disk. */
    private interface OperationMaker {
        Operation make(Qcow2Image disk, ScatterList data);
    }

    private static void run(Operation operation, int times) {
        long offset = 0;
        for (int i = 0; i < times; i++) {
            // All over the disk, and across the ends of clusters.
            offset = (offset + 61 * 512) % (CAPACITY - 8192);
            if (operation.run(offset) != BlockStatus.OK) {
                throw new AssertionError("operation " + i);
            }
        }
    }

    @Test
    void readAllocatesNothing() {
        measure(true, (disk, data) -> offset -> disk.read(offset, data));
    }

    @Test
    void readOfZeroesAllocatesNothing() {
        measure(false, (disk, data) -> offset -> disk.read(offset, data));
    }

    @Test
    void overwriteAllocatesNothing() {
        measure(true, (disk, data) -> offset -> disk.write(offset, data));
    }

    @Test
    void mapAllocatesNothing() {
        ExtentList extents = new ExtentList();
        measure(true, (disk, data) -> offset -> {
            boolean mapped = disk.map(offset % 1024 == 0, offset, 4096, extents);
            disk.unmap(offset % 1024 == 0, extents);
            return mapped ? BlockStatus.OK : BlockStatus.IO_ERROR;
        });
    }

    @Test
    void flushWithNothingToWriteAllocatesNothing() {
        measure(true, (disk, data) -> offset -> disk.flush());
    }
}

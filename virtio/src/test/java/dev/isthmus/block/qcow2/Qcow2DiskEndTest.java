// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.block.qcow2;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

import dev.isthmus.block.BlockStatus;
import dev.isthmus.testing.block.CrashModel;
import dev.isthmus.testing.block.CrashPlan;
import dev.isthmus.testing.block.MemoryImageFile;

import static org.junit.jupiter.api.Assertions.assertEquals;

/** A disk that ends within a cluster: what is before a change in that cluster stays. */
class Qcow2DiskEndTest {
    private static final int SECTOR = CrashModel.SECTOR_BYTES;

    /** Clusters have 32 sectors, and so the disk 3 and a quarter. */
    private static final int SECTORS = 104;

    private static final int CLUSTER_BYTES = 32 * SECTOR;

    private final CrashModel model = new CrashModel(2 * SECTORS, SECTORS, 0);
    private final Qcow2Image disk = open();

    private Qcow2Image open() {
        MemoryImageFile file = new MemoryImageFile();
        Qcow2Creator.create(
                file, new Qcow2CreateOptions((long) SECTORS * SECTOR).clusterBytes(CLUSTER_BYTES), null);
        Qcow2Image opened = Qcow2Image.open(file, null, null);
        assertEquals(BlockStatus.OK, CrashPlan.write(opened, 0, SECTORS, 1));
        model.written(0, SECTORS, 1);
        model.flushed();
        return opened;
    }

    private void assertDisk() {
        model.flushed();
        model.allowed().assertHeldBy(disk);
        disk.close();
    }

    @ParameterizedTest
    @CsvSource({"103, 1, false", "100, 4, true", "97, 7, false", "96, 8, true", "90, 14, false", "31, 73, true"})
    void zeroesUpToTheEndLeaveWhatIsBefore(int first, int count, boolean mayUnmap) {
        assertEquals(
                BlockStatus.OK, disk.writeZeroes((long) first * SECTOR, (long) count * SECTOR, mayUnmap));
        model.written(first, count, 0);

        assertDisk();
    }

    @ParameterizedTest
    @CsvSource({"105", "127", "128", "129", "200"})
    void growingLeavesWhatIsThere(int sectors) {
        assertEquals(BlockStatus.OK, disk.resize((long) sectors * SECTOR));
        model.resized(sectors);

        assertDisk();
    }

    @Test
    void shrinkingAndGrowingWithinTheLastClusterLeavesWhatWasNeverBeyondTheEnd() {
        assertEquals(BlockStatus.OK, disk.resize(100L * SECTOR));
        model.resized(100);
        assertEquals(BlockStatus.OK, disk.resize(110L * SECTOR));
        model.resized(110);

        assertDisk();
    }
}

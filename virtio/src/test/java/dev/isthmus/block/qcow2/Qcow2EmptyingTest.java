// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.block.qcow2;

import java.util.Arrays;
import java.util.List;
import java.util.SplittableRandom;

import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

import dev.isthmus.block.BlockStatus;
import dev.isthmus.block.RawImage;
import dev.isthmus.testing.block.MemoryImageFile;
import dev.isthmus.testing.block.MemoryImageFile.Change;
import dev.isthmus.testing.block.MemoryImageFile.Kind;

import static org.junit.jupiter.api.Assertions.assertEquals;

/** An image whose contents are in its base, too, is emptied: whatever happens, the disk reads as before. */
class Qcow2EmptyingTest {
    private static final int CAPACITY = 160 << 10;

    private final SplittableRandom random = new SplittableRandom(11);
    private final DiskModel model = new DiskModel(CAPACITY);
    private final MemoryImageFile file = new MemoryImageFile();

    private OneBase base() {
        return new OneBase(new RawImage(new MemoryImageFile("base", model.bytes, true), "base"));
    }

    private Qcow2Image filled(int version, int clusterBytes) {
        Qcow2Creator.create(
                file,
                new Qcow2CreateOptions(CAPACITY)
                        .version(version)
                        .clusterBytes(clusterBytes)
                        .backing("base", "raw"),
                null);
        try (Qcow2Image disk = Qcow2Image.open(file, base(), null)) {
            // In pieces and out of order, so that host clusters do not follow each other.
            for (int i = 0; i < 10; i++) {
                assertEquals(BlockStatus.OK, model.write(disk, random, i * 7 % 10 * (CAPACITY / 10), CAPACITY / 10));
            }
        }
        return Qcow2Image.open(file, base(), null);
    }

    @ParameterizedTest
    @CsvSource({"3, 512", "3, 4096", "2, 1024", "3, 65536"})
    void diskReadsAsBeforeWhereverEmptyingIsCutShort(int version, int clusterBytes) {
        try (Qcow2Image disk = filled(version, clusterBytes)) {
            int before = file.changes().size();
            byte[] stable = file.contents();

            assertEquals(BlockStatus.OK, disk.makeEmpty());

            assertEquals(BlockStatus.OK, disk.flush());
            List<Change> changes = file.changes();
            for (int point = before; point <= changes.size(); point++) {
                assertReadsAsBefore(left(stable, changes.subList(before, point), null));
                assertReadsAsBefore(left(stable, changes.subList(before, point), random));
            }
        }
        assertReadsAsBefore(file.contents());
    }

    /** Returns what is left of changes: all of them, or with a random, any part of those after the last flush. */
    private static byte[] left(byte[] stable, List<Change> changes, @Nullable SplittableRandom random) {
        int flush = 0;
        for (int i = 0; i < changes.size(); i++) {
            flush = changes.get(i).kind() == Kind.FLUSH ? i : flush;
        }
        byte[] bytes = stable;
        for (int i = 0; i < changes.size(); i++) {
            bytes = Qcow2CrashTest.apply(bytes.clone(), changes.get(i), i < flush ? null : random);
        }
        return bytes;
    }

    private void assertReadsAsBefore(byte[] bytes) {
        MemoryImageFile crashed = new MemoryImageFile("crashed", bytes, false);
        Qcow2CheckResult result = Qcow2Checker.check(crashed, Qcow2Checker.Repair.NONE);
        assertEquals(0, result.corruptions() + result.checkErrors(), () -> result.findings().toString());
        try (Qcow2Image disk = Qcow2Image.open(crashed, base(), null)) {
            model.checkAll(disk);
        }
    }

    @Test
    void clustersAreFreeAndPunchedAfterwards() {
        try (Qcow2Image disk = filled(3, 4096)) {
            assertEquals(BlockStatus.OK, disk.makeEmpty());
        }

        Qcow2CheckResult result = Qcow2Checker.check(file, Qcow2Checker.Repair.NONE);
        assertEquals(0, result.allocatedClusters());
        assertEquals(0, result.leaks());
        byte[] left = file.contents();
        for (int offset = 0; offset < CAPACITY; offset += 512) {
            assertEquals(-1, indexOf(left, model.bytes, offset), "data is left");
        }
    }

    /** Returns where a sector of a disk is in a file, or -1. */
    private static int indexOf(byte[] file, byte[] disk, int offset) {
        for (int at = 0; at + 512 <= file.length; at += 512) {
            if (Arrays.equals(file, at, at + 512, disk, offset, offset + 512)) {
                return at;
            }
        }
        return -1;
    }

    @Test
    void nothingIsPunchedWhereTheEntriesCantBeWritten() {
        try (Qcow2Image disk = filled(3, 4096)) {
            model.checkAll(disk);
            byte[] before = file.contents();
            file.failAfter(0, BlockStatus.IO_ERROR);

            assertEquals(BlockStatus.IO_ERROR, disk.makeEmpty());

            file.recover();
            assertReadsAsBefore(before);
            assertReadsAsBefore(file.contents());
            model.checkAll(disk);
        }
    }
}

// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.block.qcow2;

import java.time.Instant;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.SplittableRandom;

import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

import dev.isthmus.block.BlockStatus;
import dev.isthmus.block.ExtentList;
import dev.isthmus.block.ImageException;
import dev.isthmus.testing.block.MemoryImageFile;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

/** Changes of an image as a whole that begin while another one waits for I/O to end, or that fail half-way. */
class Qcow2WholeChangesTest {
    private static final int CLUSTER = 512;

    /** As much as one L1 entry covers. */
    private static final int TABLE = CLUSTER * CLUSTER / 8;

    private static final int CAPACITY = 2 * TABLE;

    private final SplittableRandom random = new SplittableRandom(2);
    private final DiskModel model = new DiskModel(CAPACITY);
    private final MemoryImageFile file = new MemoryImageFile();
    private final ExtentList extents = new ExtentList();
    private final List<Throwable> failures = Collections.synchronizedList(new ArrayList<>());
    private final List<Thread> threads = new ArrayList<>();
    private Qcow2Image disk = create(3);

    private Qcow2Image create(int version) {
        Qcow2Creator.create(file, new Qcow2CreateOptions(CAPACITY).version(version).clusterBytes(CLUSTER), null);
        return Qcow2Image.open(file, null, null);
    }

    @BeforeEach
    void writeAll() {
        assertEquals(BlockStatus.OK, model.write(disk, random, 0, CAPACITY));
    }

    @AfterEach
    void diskIsSound() {
        model.checkAll(disk);
        disk.close();
        Qcow2CheckResult result = Qcow2Checker.check(file, Qcow2Checker.Repair.NONE);
        assertTrue(result.clean(), () -> result.findings().toString());
        try (Qcow2Image again = Qcow2Image.open(file, null, null)) {
            model.checkAll(again);
        }
    }

    /** Begins a change, which comes to wait. */
    private void begin(Runnable change) {
        Thread thread = Thread.ofPlatform().daemon().start(() -> {
            try {
                change.run();
            } catch (ImageException | AssertionError e) {
                failures.add(e);
            }
        });
        while (thread.getState() != Thread.State.WAITING) {
            assertTrue(thread.isAlive(), "does not wait");
            Thread.onSpinWait();
        }
        threads.add(thread);
    }

    private void startIo() {
        assertTrue(disk.map(false, 0, CLUSTER, extents));
    }

    private void endIo() throws InterruptedException {
        disk.unmap(false, extents);
        for (Thread thread : threads) {
            thread.join();
        }
    }

    @Test
    void snapshotIsDeletedOnceByTwoThreads() throws InterruptedException {
        Qcow2Snapshots snapshots = new Qcow2Snapshots(disk);
        snapshots.create("s", Instant.EPOCH);
        startIo();
        begin(() -> snapshots.delete("s"));
        begin(() -> snapshots.delete("s"));

        endIo();

        assertEquals(1, failures.size(), failures::toString);
        assertTrue(snapshots.list().isEmpty());
    }

    @Test
    void snapshotThatIsDeletedMeanwhileIsNotApplied() throws InterruptedException {
        Qcow2Snapshots snapshots = new Qcow2Snapshots(disk);
        snapshots.create("s", Instant.EPOCH);
        assertEquals(BlockStatus.OK, model.write(disk, random, 0, TABLE));
        startIo();
        begin(() -> snapshots.delete("s"));
        begin(() -> snapshots.apply("s"));

        endIo();

        assertEquals(1, failures.size(), failures::toString);
    }

    @Test
    void nameIsGivenOnceByTwoThreads() throws InterruptedException {
        Qcow2Snapshots snapshots = new Qcow2Snapshots(disk);
        startIo();
        begin(() -> snapshots.create("s", Instant.EPOCH));
        begin(() -> snapshots.create("s", Instant.EPOCH));

        endIo();

        assertEquals(1, failures.size(), failures::toString);
        assertEquals(1, snapshots.list().size());
    }

    @Test
    void resizesFollowEachOther() throws InterruptedException {
        startIo();
        begin(() -> assertEquals(BlockStatus.OK, disk.resize(40L * TABLE)));
        begin(() -> assertEquals(BlockStatus.OK, disk.resize(4L * TABLE)));

        endIo();

        assertTrue(failures.isEmpty(), failures::toString);
        assertEquals(BlockStatus.OK, model.resize(disk, 4 * TABLE));
    }

    @Test
    void resizeBehindAnAppliedSnapshotOfALargerDiskShrinksThatOne() throws InterruptedException {
        Qcow2Snapshots snapshots = new Qcow2Snapshots(disk);
        assertEquals(BlockStatus.OK, model.resize(disk, 60 * TABLE));
        assertEquals(BlockStatus.OK, model.write(disk, random, 3 * TABLE, TABLE));
        assertEquals(BlockStatus.OK, model.write(disk, random, 59 * TABLE, TABLE));
        snapshots.create("large", Instant.EPOCH);
        DiskModel then = model.copy();
        assertEquals(BlockStatus.OK, model.resize(disk, CAPACITY));
        startIo();
        begin(() -> snapshots.apply("large"));
        // More than the disk has now, less than it has when it is this one's turn.
        begin(() -> assertEquals(BlockStatus.OK, disk.resize(4L * TABLE)));

        endIo();

        assertTrue(failures.isEmpty(), failures::toString);
        model.restore(then);
        assertEquals(BlockStatus.OK, model.resize(disk, 4 * TABLE));
    }

    @Test
    void snapshotKeepsWhatItHeldWhereApplyingItFailsHalfWay() {
        disk.close();
        disk = create(2);
        assertEquals(BlockStatus.OK, model.write(disk, random, 0, CAPACITY));
        DiskModel then = model.copy();
        new Qcow2Snapshots(disk).create("s", Instant.EPOCH);
        assertEquals(BlockStatus.OK, model.write(disk, random, 0, CAPACITY));
        disk.close();
        byte[] before = file.contents();
        int failed = 0;
        for (int operations = 0; operations < 200; operations++) {
            MemoryImageFile failing = new MemoryImageFile("failing", before, false);
            try (Qcow2Image image = Qcow2Image.open(failing, null, null)) {
                failing.failAfter(operations, BlockStatus.IO_ERROR);
                try {
                    new Qcow2Snapshots(image).apply("s");
                } catch (ImageException e) {
                    failed++;
                }
                failing.recover();
                assertEquals(BlockStatus.OK, model.copy().write(image, random, 0, CAPACITY));
                new Qcow2Snapshots(image).apply("s");
                then.checkAll(image);
            }
        }
        assertTrue(failed > 10, "only " + failed + " failures");
        disk = Qcow2Image.open(file, null, null);
    }

    @Test
    void snapshotThatIsNotThereIsRefused() {
        Qcow2Snapshots snapshots = new Qcow2Snapshots(disk);

        assertThrows(ImageException.class, () -> snapshots.apply("none"));
        assertThrows(ImageException.class, () -> snapshots.delete("none"));
    }
}

// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.block.qcow2;

import java.time.Instant;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.SplittableRandom;

import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

import dev.isthmus.block.BlockStatus;
import dev.isthmus.testing.block.CrashModel;
import dev.isthmus.testing.block.CrashPlan;
import dev.isthmus.testing.block.MemoryImageFile;
import dev.isthmus.testing.block.MemoryImageFile.Change;
import dev.isthmus.testing.block.MemoryImageFile.Kind;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

/**
 * Crashes at any point of random operations: of the process, which leaves what was written in its order, and of the host,
 * which leaves any part of what was not flushed, sector by sector. The image must be sound, have a size that it was given,
 * and hold for each sector what was flushed last or something that was written later; its snapshots must hold what the
 * disk held when they were taken.
 */
class Qcow2CrashTest {
    private static final int SECTOR = CrashModel.SECTOR_BYTES;
    private static final int CRASHES_AN_OPERATION = 2;
    private static final int OPERATIONS = 160;

    /** Of how many crashes one has the snapshots looked at, too. */
    private static final int CRASHES_A_SNAPSHOT = 4;

    private CrashModel model = new CrashModel(1, 1, 0);

    /** The file as it was at its last flush. */
    private byte[] flushed = {};

    private int flushedChanges;

    @ParameterizedTest
    @CsvSource({
        "1, 3, 512, 64, false, 96",
        "2, 3, 512, 1, false, 96",
        "3, 3, 4096, 16, false, 128",
        "4, 3, 4096, 16, true, 128",
        "5, 2, 1024, 16, false, 96",
        "6, 3, 16384, 8, false, 256",
        "7, 2, 512, 16, false, 64",
        "8, 2, 4096, 16, false, 128",
        "9, 3, 1024, 32, true, 64"
    })
    void imageIsSoundAndFlushedDataIsThere(
            int seed, int version, int clusterBytes, int refcountBits, boolean lazy, int sectors) {
        SplittableRandom random = new SplittableRandom(seed);
        MemoryImageFile file = new MemoryImageFile();
        Qcow2Creator.create(
                file,
                new Qcow2CreateOptions((long) sectors * SECTOR)
                        .version(version)
                        .clusterBytes(clusterBytes)
                        .refcountBits(refcountBits)
                        .lazyRefcounts(lazy),
                null);
        model = new CrashModel(2 * sectors, sectors, 0);
        CrashPlan plan = new CrashPlan(seed, model, refcountBits > 1, true, version > 2);
        flushed = file.contents();
        flushedChanges = file.changes().size();
        Qcow2Image disk = Qcow2Image.open(file, null, null);
        for (int i = 0; i < OPERATIONS; i++) {
            int before = file.changes().size();
            CrashModel.Contents mayHold = model.allowed().copy();
            CrashPlan.Operation operation = plan.next();
            assertEquals(BlockStatus.OK, operation.perform(disk), operation::toString);
            operation.tell(model, true);
            if (version == 2 && operation.changesSnapshots() && operation.kind() != CrashPlan.Kind.APPLY) {
                // Without a dirty bit, nothing can say that refcounts were being changed: as in QEMU, taking or deleting a
                // snapshot leaves wrong flags when it is interrupted. What comes after it must be safe.
                assertEquals(BlockStatus.OK, disk.flush());
                model.flushed();
            } else {
                crash(file, before, mayHold.or(model.allowed()), random);
            }
        }
        disk.close();
        assertTrue(Qcow2Checker.check(file, Qcow2Checker.Repair.NONE).clean());
    }

    @Test
    void versionTwoWithSnapshotsKeepsItsSize() {
        // Its snapshots can't say how large their disks are.
        MemoryImageFile file = new MemoryImageFile();
        Qcow2Creator.create(file, new Qcow2CreateOptions(64 * SECTOR).version(2), null);
        try (Qcow2Image disk = Qcow2Image.open(file, null, null)) {
            new Qcow2Snapshots(disk).create("s", Instant.EPOCH);

            assertEquals(BlockStatus.UNSUPPORTED, disk.resize(128 * SECTOR));
        }
    }

    private void crash(MemoryImageFile file, int before, CrashModel.Contents mayHold, SplittableRandom random) {
        List<Change> changes = file.changes();
        for (int i = 0; i < CRASHES_AN_OPERATION && changes.size() > before; i++) {
            int point = before + 1 + random.nextInt(changes.size() - before);
            verify(crashed(changes, point, i == 0, random), mayHold, random.nextInt(CRASHES_A_SNAPSHOT) == 0);
        }
    }

    /** Returns what a crash leaves: all changes before a point, or, of those after the last flush, any part. */
    private byte[] crashed(List<Change> changes, int point, boolean inOrder, SplittableRandom random) {
        int flush = flushedChanges;
        for (int i = flushedChanges; i < point; i++) {
            flush = changes.get(i).kind() == Kind.FLUSH ? i : flush;
        }
        for (; flushedChanges < flush; flushedChanges++) {
            flushed = apply(flushed, changes.get(flushedChanges), null);
        }
        byte[] bytes = flushed.clone();
        for (int i = flush; i < point; i++) {
            bytes = apply(bytes, changes.get(i), inOrder ? null : random);
        }
        return bytes;
    }

    /** Returns what a change makes of a file: all of it, or with a random, any of its sectors. */
    static byte[] apply(byte[] bytes, Change change, @Nullable SplittableRandom random) {
        int offset = Math.toIntExact(change.offset());
        byte[] result = bytes;
        if (change.kind() == Kind.SIZE) {
            return random != null && random.nextBoolean() ? bytes : Arrays.copyOf(bytes, offset);
        }
        for (int done = 0; done < change.bytes().length; ) {
            int count = Math.min(change.bytes().length - done, SECTOR - (offset + done) % SECTOR);
            if (random == null || random.nextBoolean()) {
                if (result.length < offset + done + count) {
                    result = Arrays.copyOf(result, offset + done + count);
                }
                System.arraycopy(change.bytes(), done, result, offset + done, count);
            }
            done += count;
        }
        return result;
    }

    private void verify(byte[] bytes, CrashModel.Contents mayHold, boolean withSnapshots) {
        MemoryImageFile file = new MemoryImageFile("crashed", bytes, false);
        if (!Qcow2Info.read(file).dirty()) {
            assertSound(file);
        }
        try (Qcow2Image disk = Qcow2Image.open(file, null, null)) {
            mayHold.assertHeldBy(disk);
            Qcow2Snapshots snapshots = new Qcow2Snapshots(disk);
            List<String> names = new ArrayList<>();
            for (Qcow2Snapshot snapshot : snapshots.list()) {
                names.add(snapshot.name());
                if (withSnapshots) {
                    snapshots.apply(snapshot.id());
                    model.snapshot(snapshot.name()).assertHeldBy(disk);
                }
            }
            model.assertStableSnapshotsAmong(names);
            int sectors = (int) (disk.capacityBytes() / SECTOR);
            assertEquals(BlockStatus.OK, CrashPlan.write(disk, 0, sectors, 1 << 30));
        }
        assertSound(file);
    }

    private static void assertSound(MemoryImageFile file) {
        Qcow2CheckResult result = Qcow2Checker.check(file, Qcow2Checker.Repair.NONE);
        assertEquals(0, result.corruptions() + result.checkErrors(), () -> result.findings().toString());
    }
}

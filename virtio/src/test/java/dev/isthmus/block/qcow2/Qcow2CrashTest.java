// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.block.qcow2;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.BitSet;
import java.util.List;
import java.util.SplittableRandom;

import org.jspecify.annotations.Nullable;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

import dev.isthmus.block.BlockStatus;
import dev.isthmus.memory.ScatterList;
import dev.isthmus.testing.block.MemoryImageFile;
import dev.isthmus.testing.block.MemoryImageFile.Change;
import dev.isthmus.testing.block.MemoryImageFile.Kind;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

/**
 * Crashes at any point of random operations: of the process, which leaves what was written in its order, and of the host,
 * which leaves any part of what was not flushed, sector by sector. The image must be sound, and hold for each sector what
 * was flushed last or something that was written later.
 */
class Qcow2CrashTest {
    private static final int SECTOR = 512;
    private static final int CRASHES_AN_OPERATION = 2;

    /** What each sector may hold after a crash: numbers of writes, 0 for zeroes. */
    private BitSet[] allowed = {};

    /** What each sector holds now; more than one number where it was discarded. */
    private BitSet[] current = {};

    private int writes;

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
        "6, 3, 16384, 8, false, 256"
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
        forgetPast(file, sectors);
        Qcow2Image disk = Qcow2Image.open(file, null, null);
        for (int i = 0; i < 160; i++) {
            int before = file.changes().size();
            BitSet[] allowedBefore = copy(allowed);
            operate(disk, random, sectors, version == 3 && refcountBits > 1);
            crash(file, before, union(allowedBefore, allowed), random, sectors);
        }
        disk.close();
        assertTrue(Qcow2Checker.check(file, Qcow2Checker.Repair.NONE).clean());
    }

    private void forgetPast(MemoryImageFile file, int sectors) {
        allowed = new BitSet[sectors];
        for (int i = 0; i < sectors; i++) {
            allowed[i] = new BitSet();
            allowed[i].set(0);
        }
        current = copy(allowed);
        flushed = file.contents();
        flushedChanges = file.changes().size();
    }

    private static BitSet[] copy(BitSet[] sets) {
        BitSet[] copy = new BitSet[sets.length];
        Arrays.setAll(copy, i -> (BitSet) sets[i].clone());
        return copy;
    }

    private static BitSet[] union(BitSet[] left, BitSet[] right) {
        BitSet[] union = copy(left);
        for (int i = 0; i < union.length; i++) {
            union[i].or(right[i]);
        }
        return union;
    }

    private void operate(Qcow2Image disk, SplittableRandom random, int sectors, boolean withSnapshots) {
        int first = random.nextInt(sectors);
        int count = 1 + random.nextInt(Math.min(sectors - first, 20));
        switch (random.nextInt(14)) {
            case 0, 1, 2 -> {
                assertEquals(BlockStatus.OK, disk.flush());
                allowed = copy(current);
            }
            case 3 -> {
                assertEquals(
                        BlockStatus.OK,
                        disk.writeZeroes((long) first * SECTOR, (long) count * SECTOR, random.nextBoolean()));
                written(first, count, 0);
            }
            case 4 -> {
                assertEquals(BlockStatus.OK, disk.discard((long) first * SECTOR, (long) count * SECTOR));
                for (int i = first; i < first + count; i++) {
                    current[i].set(0);
                    allowed[i].set(0);
                }
            }
            case 5 -> {
                if (withSnapshots) {
                    snapshot(disk, random);
                }
            }
            default -> {
                writes++;
                write(disk, first, count, writes);
                written(first, count, writes);
            }
        }
    }

    private void written(int first, int count, int number) {
        for (int i = first; i < first + count; i++) {
            current[i].clear();
            current[i].set(number);
            allowed[i].set(number);
        }
    }

    private static void write(Qcow2Image disk, int first, int count, int number) {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment data = arena.allocate((long) count * SECTOR, 8);
            for (long at = 0; at < data.byteSize(); at += 4) {
                data.set(ValueLayout.JAVA_INT, at, number);
            }
            ScatterList list = new ScatterList();
            list.add(data, 0, data.byteSize());
            assertEquals(BlockStatus.OK, disk.write((long) first * SECTOR, list));
        }
    }

    private static void snapshot(Qcow2Image disk, SplittableRandom random) {
        Qcow2Snapshots snapshots = new Qcow2Snapshots(disk);
        List<Qcow2Snapshot> there = snapshots.list();
        if (there.size() < 3) {
            snapshots.create("snapshot " + random.nextLong(), Instant.EPOCH);
        } else {
            snapshots.delete(there.get(random.nextInt(there.size())).id());
        }
    }

    private void crash(MemoryImageFile file, int before, BitSet[] mayHold, SplittableRandom random, int sectors) {
        List<Change> changes = file.changes();
        for (int i = 0; i < CRASHES_AN_OPERATION && changes.size() > before; i++) {
            int point = before + 1 + random.nextInt(changes.size() - before);
            verify(crashed(changes, point, i == 0, random), mayHold, sectors);
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

    private static byte[] apply(byte[] bytes, Change change, @Nullable SplittableRandom random) {
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

    private static void verify(byte[] bytes, BitSet[] mayHold, int sectors) {
        MemoryImageFile file = new MemoryImageFile("crashed", bytes, false);
        if (!Qcow2Info.read(file).dirty()) {
            Qcow2CheckResult result = Qcow2Checker.check(file, Qcow2Checker.Repair.NONE);
            assertEquals(0, result.corruptions() + result.checkErrors(), () -> result.findings().toString());
        }
        try (Qcow2Image disk = Qcow2Image.open(file, null, null);
                Arena arena = Arena.ofConfined()) {
            MemorySegment sector = arena.allocate((long) sectors * SECTOR, 8);
            ScatterList list = new ScatterList();
            list.add(sector, 0, sector.byteSize());
            assertEquals(BlockStatus.OK, disk.read(0, list));
            List<String> wrong = new ArrayList<>();
            for (int i = 0; i < sectors; i++) {
                int number = sector.get(ValueLayout.JAVA_INT, (long) i * SECTOR);
                int last = sector.get(ValueLayout.JAVA_INT, (long) i * SECTOR + SECTOR - 4);
                if (number != last || !mayHold[i].get(number)) {
                    wrong.add("sector " + i + " holds " + number + ", not one of " + mayHold[i]);
                }
            }
            assertEquals(List.of(), wrong);
            write(disk, 0, sectors, 1 << 30);
        }
        Qcow2CheckResult result = Qcow2Checker.check(file, Qcow2Checker.Repair.NONE);
        assertEquals(0, result.corruptions() + result.checkErrors(), () -> result.findings().toString());
    }
}

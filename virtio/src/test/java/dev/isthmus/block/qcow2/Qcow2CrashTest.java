// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.block.qcow2;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.BitSet;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
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
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

/**
 * Crashes at any point of random operations: of the process, which leaves what was written in its order, and of the host,
 * which leaves any part of what was not flushed, sector by sector. The image must be sound, have a size that it was given,
 * and hold for each sector what was flushed last or something that was written later; its snapshots must hold what the
 * disk held when they were taken.
 */
class Qcow2CrashTest {
    private static final int SECTOR = 512;
    private static final int CRASHES_AN_OPERATION = 2;
    private static final int OPERATIONS = 160;
    private static final int SNAPSHOTS_MAX = 3;

    /** Of how many crashes one has a snapshot looked at, too. */
    private static final int CRASHES_A_SNAPSHOT = 4;

    /** What may be in a disk: of each sector, the numbers of writes, 0 for zeroes, and the sizes in sectors. */
    private static final class Contents {
        final BitSet sizes = new BitSet();
        final BitSet[] numbers;

        Contents(int sectorsMax) {
            numbers = new BitSet[sectorsMax];
            Arrays.setAll(numbers, i -> new BitSet());
        }

        static Contents zeroes(int sectorsMax, int sectors) {
            Contents zeroes = new Contents(sectorsMax);
            zeroes.sizes.set(sectors);
            for (BitSet sector : zeroes.numbers) {
                sector.set(0);
            }
            return zeroes;
        }

        Contents copy() {
            return new Contents(numbers.length).or(this);
        }

        Contents or(Contents other) {
            sizes.or(other.sizes);
            for (int i = 0; i < numbers.length; i++) {
                numbers[i].or(other.numbers[i]);
            }
            return this;
        }
    }

    /** What a crash may leave. */
    private Contents allowed = new Contents(0);

    /** What is there now; more than one number where a sector was discarded. */
    private Contents current = new Contents(0);

    private int sectors;
    private int writes;

    /** By its name, what a snapshot holds; those that were deleted, too, which a crash may have back. */
    private final Map<String, Contents> snapshots = new HashMap<>();

    /** The snapshots that a flush has covered and nobody has deleted since: they must be there. */
    private final Set<String> stableSnapshots = new HashSet<>();

    private final Set<String> presentSnapshots = new HashSet<>();

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
            int seed, int version, int clusterBytes, int refcountBits, boolean lazy, int firstSectors) {
        SplittableRandom random = new SplittableRandom(seed);
        MemoryImageFile file = new MemoryImageFile();
        Qcow2Creator.create(
                file,
                new Qcow2CreateOptions((long) firstSectors * SECTOR)
                        .version(version)
                        .clusterBytes(clusterBytes)
                        .refcountBits(refcountBits)
                        .lazyRefcounts(lazy),
                null);
        sectors = firstSectors;
        current = Contents.zeroes(2 * firstSectors, firstSectors);
        allowed = current.copy();
        flushed = file.contents();
        flushedChanges = file.changes().size();
        Qcow2Image disk = Qcow2Image.open(file, null, null);
        for (int i = 0; i < OPERATIONS; i++) {
            int before = file.changes().size();
            Contents allowedBefore = allowed.copy();
            boolean maySuffer = operate(disk, random, refcountBits > 1, version);
            if (maySuffer) {
                crash(file, before, allowedBefore.or(allowed), random);
            }
        }
        disk.close();
        assertTrue(Qcow2Checker.check(file, Qcow2Checker.Repair.NONE).clean());
    }

    /** Returns whether the operation is one that a crash may interrupt. */
    private boolean operate(Qcow2Image disk, SplittableRandom random, boolean withSnapshots, int version) {
        int first = random.nextInt(sectors);
        int count = 1 + random.nextInt(Math.min(sectors - first, 20));
        switch (random.nextInt(15)) {
            case 0, 1, 2 -> flush(disk);
            case 3 -> {
                assertEquals(
                        BlockStatus.OK,
                        disk.writeZeroes((long) first * SECTOR, (long) count * SECTOR, random.nextBoolean()));
                written(first, count, 0);
            }
            case 4 -> {
                assertEquals(BlockStatus.OK, disk.discard((long) first * SECTOR, (long) count * SECTOR));
                for (int i = first; i < first + count; i++) {
                    current.numbers[i].set(0);
                    allowed.numbers[i].set(0);
                }
            }
            case 5 -> {
                if (!withSnapshots) {
                    return false;
                }
                snapshot(disk, random);
                if (version == 2) {
                    // Without a dirty bit, nothing can say that refcounts were being changed: as in QEMU, an interrupted
                    // change of snapshots leaves wrong ones. What comes after it must be safe.
                    flush(disk);
                    return false;
                }
            }
            case 6 -> resize(disk, random, version);
            default -> {
                writes++;
                write(disk, first, count, writes);
                written(first, count, writes);
            }
        }
        return true;
    }

    private void flush(Qcow2Image disk) {
        assertEquals(BlockStatus.OK, disk.flush());
        allowed = current.copy();
        stableSnapshots.addAll(presentSnapshots);
    }

    private void written(int first, int count, int number) {
        for (int i = first; i < first + count; i++) {
            current.numbers[i].clear();
            current.numbers[i].set(number);
            allowed.numbers[i].set(number);
        }
    }

    private void resize(Qcow2Image disk, SplittableRandom random, int version) {
        int newSectors = 1 + random.nextInt(current.numbers.length);
        BlockStatus status = disk.resize((long) newSectors * SECTOR);
        if (version == 2 && !presentSnapshots.isEmpty()) {
            // Its snapshots can't say how large their disks are.
            assertEquals(BlockStatus.UNSUPPORTED, status);
            return;
        }
        assertEquals(BlockStatus.OK, status);
        // What is beyond the end, or was, reads as zeroes when it comes back.
        int end = Math.min(sectors, newSectors);
        written(end, current.numbers.length - end, 0);
        setSize(newSectors);
    }

    private void setSize(int newSectors) {
        sectors = newSectors;
        current.sizes.clear();
        current.sizes.set(sectors);
        allowed.sizes.set(sectors);
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

    private void snapshot(Qcow2Image disk, SplittableRandom random) {
        Qcow2Snapshots of = new Qcow2Snapshots(disk);
        List<Qcow2Snapshot> there = of.list();
        if (there.size() < SNAPSHOTS_MAX && (there.isEmpty() || random.nextInt(3) != 0)) {
            String name = "snapshot " + snapshots.size();
            snapshots.put(name, current.copy());
            of.create(name, Instant.EPOCH);
            presentSnapshots.add(name);
            return;
        }
        Qcow2Snapshot one = there.get(random.nextInt(there.size()));
        if (random.nextBoolean()) {
            presentSnapshots.remove(one.name());
            stableSnapshots.remove(one.name());
            of.delete(one.id());
        } else {
            of.apply(one.id());
            Contents held = expected(one.name());
            current = held.copy();
            allowed.or(held);
            sectors = held.sizes.nextSetBit(0);
        }
    }

    private Contents expected(String snapshot) {
        Contents contents = snapshots.get(snapshot);
        assertNotNull(contents, snapshot);
        return contents;
    }

    private void crash(MemoryImageFile file, int before, Contents mayHold, SplittableRandom random) {
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

    private void verify(byte[] bytes, Contents mayHold, boolean withSnapshots) {
        MemoryImageFile file = new MemoryImageFile("crashed", bytes, false);
        if (!Qcow2Info.read(file).dirty()) {
            assertSound(file);
        }
        try (Qcow2Image disk = Qcow2Image.open(file, null, null)) {
            assertHolds(disk, mayHold);
            Qcow2Snapshots of = new Qcow2Snapshots(disk);
            Set<String> names = new HashSet<>();
            for (Qcow2Snapshot snapshot : of.list()) {
                names.add(snapshot.name());
                if (withSnapshots) {
                    of.apply(snapshot.id());
                    assertHolds(disk, expected(snapshot.name()));
                }
            }
            assertTrue(names.containsAll(stableSnapshots), () -> names + " lacks one of " + stableSnapshots);
            write(disk, 0, (int) (disk.capacityBytes() / SECTOR), 1 << 30);
        }
        assertSound(file);
    }

    private static void assertSound(MemoryImageFile file) {
        Qcow2CheckResult result = Qcow2Checker.check(file, Qcow2Checker.Repair.NONE);
        assertEquals(0, result.corruptions() + result.checkErrors(), () -> result.findings().toString());
    }

    private static void assertHolds(Qcow2Image disk, Contents mayHold) {
        int count = (int) (disk.capacityBytes() / SECTOR);
        assertTrue(mayHold.sizes.get(count), () -> count + " sectors, not one of " + mayHold.sizes);
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment sector = arena.allocate((long) count * SECTOR, 8);
            ScatterList list = new ScatterList();
            list.add(sector, 0, sector.byteSize());
            assertEquals(BlockStatus.OK, disk.read(0, list));
            List<String> wrong = new ArrayList<>();
            for (int i = 0; i < count; i++) {
                int number = sector.get(ValueLayout.JAVA_INT, (long) i * SECTOR);
                int last = sector.get(ValueLayout.JAVA_INT, (long) i * SECTOR + SECTOR - 4);
                if (number != last || !mayHold.numbers[i].get(number)) {
                    wrong.add("sector " + i + " holds " + number + ", not one of " + mayHold.numbers[i]);
                }
            }
            assertEquals(List.of(), wrong);
        }
    }
}

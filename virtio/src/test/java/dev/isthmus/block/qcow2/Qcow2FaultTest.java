// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.block.qcow2;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.BitSet;
import java.util.SplittableRandom;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

import dev.isthmus.block.BlockStatus;
import dev.isthmus.memory.ScatterList;
import dev.isthmus.testing.block.MemoryImageFile;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

/** The storage fails at every n-th operation: errors are answered, nothing else is harmed, and all works again later. */
class Qcow2FaultTest {
    private static final int SECTOR = 512;
    private static final int SECTORS = 256;
    private static final int OPERATIONS = 60;

    /** What each sector may hold: more than one number where a write has failed. */
    private final BitSet[] mayHold = new BitSet[SECTORS];

    @ParameterizedTest
    @CsvSource({"IO_ERROR, 512, 64", "NO_SPACE, 4096, 16", "IO_ERROR, 65536, 16"})
    void failingOperationHarmsNothingElse(BlockStatus failure, int clusterBytes, int refcountBits) {
        int errors = 0;
        for (int good = 0; good < 120; good++) {
            errors += run(failure, clusterBytes, refcountBits, good);
        }
        assertTrue(errors > 50, "only " + errors + " errors");
    }

    private int run(BlockStatus failure, int clusterBytes, int refcountBits, int good) {
        MemoryImageFile file = new MemoryImageFile();
        Qcow2Creator.create(
                file,
                new Qcow2CreateOptions((long) SECTORS * SECTOR).clusterBytes(clusterBytes).refcountBits(refcountBits),
                null);
        for (int i = 0; i < SECTORS; i++) {
            mayHold[i] = new BitSet();
            mayHold[i].set(0);
        }
        SplittableRandom random = new SplittableRandom(good);
        int errors = 0;
        try (Qcow2Image disk = Qcow2Image.open(file, null, null)) {
            for (int i = 0; i < OPERATIONS; i++) {
                if (i == 10) {
                    file.failAfter(good, failure);
                } else if (i == 45) {
                    file.recover();
                }
                BlockStatus status = operate(disk, random, i + 1);
                errors += status == BlockStatus.OK ? 0 : 1;
                assertTrue(status == BlockStatus.OK || status == failure, () -> "answered " + status);
                assertTrue(status == BlockStatus.OK || i < 45, "fails after recovery");
            }
            assertEquals(BlockStatus.OK, disk.flush());
            verify(disk);
        }
        Qcow2CheckResult result = Qcow2Checker.check(file, Qcow2Checker.Repair.NONE);
        assertEquals(0, result.corruptions() + result.checkErrors(), () -> result.findings().toString());
        try (Qcow2Image disk = Qcow2Image.open(file, null, null)) {
            verify(disk);
        }
        return errors;
    }

    private BlockStatus operate(Qcow2Image disk, SplittableRandom random, int number) {
        int first = random.nextInt(SECTORS);
        int count = 1 + random.nextInt(Math.min(SECTORS - first, 24));
        long offset = (long) first * SECTOR;
        long lengthBytes = (long) count * SECTOR;
        return switch (random.nextInt(8)) {
            case 0 -> disk.flush();
            case 1 -> changed(first, count, 0, disk.writeZeroes(offset, lengthBytes, random.nextBoolean()));
            case 2 -> {
                BlockStatus status = disk.discard(offset, lengthBytes);
                for (int i = first; i < first + count; i++) {
                    mayHold[i].set(0);
                }
                yield status;
            }
            case 3 -> transfer(disk, first, count, 0, false);
            default -> changed(first, count, number, transfer(disk, first, count, number, true));
        };
    }

    private BlockStatus changed(int first, int count, int number, BlockStatus status) {
        for (int i = first; i < first + count; i++) {
            if (status == BlockStatus.OK) {
                mayHold[i].clear();
            }
            mayHold[i].set(number);
        }
        return status;
    }

    private static BlockStatus transfer(Qcow2Image disk, int first, int count, int number, boolean write) {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment data = arena.allocate((long) count * SECTOR, 8);
            for (long at = 0; at < data.byteSize(); at += 4) {
                data.set(ValueLayout.JAVA_INT, at, number);
            }
            ScatterList list = new ScatterList();
            list.add(data, 0, data.byteSize());
            return write ? disk.write((long) first * SECTOR, list) : disk.read((long) first * SECTOR, list);
        }
    }

    private void verify(Qcow2Image disk) {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment data = arena.allocate((long) SECTORS * SECTOR, 8);
            ScatterList list = new ScatterList();
            list.add(data, 0, data.byteSize());
            assertEquals(BlockStatus.OK, disk.read(0, list));
            for (int i = 0; i < SECTORS; i++) {
                int sector = i;
                int number = data.get(ValueLayout.JAVA_INT, (long) i * SECTOR);
                assertTrue(mayHold[i].get(number), () -> "sector " + sector + " holds " + number + ", not " + mayHold[sector]);
            }
        }
    }

    @Test
    void fullStorageIsAnsweredAsNoSpaceAndReadsGoOn() {
        MemoryImageFile file = new MemoryImageFile();
        Qcow2Creator.create(file, new Qcow2CreateOptions(1 << 20).clusterBytes(4096), null);
        try (Qcow2Image disk = Qcow2Image.open(file, null, null)) {
            assertEquals(BlockStatus.OK, transfer(disk, 0, 8, 1, true));
            file.limitTo(file.sizeBytes());

            assertEquals(BlockStatus.NO_SPACE, transfer(disk, 512, 8, 2, true));

            assertEquals(BlockStatus.OK, transfer(disk, 0, 8, 0, false));
            file.limitTo(1 << 24);
            assertEquals(BlockStatus.OK, transfer(disk, 512, 8, 2, true));
        }
        assertTrue(Qcow2Checker.check(file, Qcow2Checker.Repair.NONE).clean());
    }
}

// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.testing.block;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.BitSet;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;

import dev.isthmus.block.BlockBackend;
import dev.isthmus.block.BlockStatus;
import dev.isthmus.memory.ScatterList;

/**
 * What a disk may hold after a crash: for each sector what was flushed last, or anything that was written to it since.
 *
 * <p>A write fills its sectors with its number; 0 is zeroes. The model is told of each operation that began: whether it
 * ended before the crash makes no difference until a flush has ended. One thread.
 */
public final class CrashModel {
    /** Size of a sector. */
    public static final int SECTOR_BYTES = 512;

    /** Contents as far as they are determined: of each sector the numbers that it may hold, and the sizes in sectors. */
    public static final class Contents {
        private final BitSet sizes = new BitSet();
        private final BitSet[] numbers;

        private Contents(int sectorsMax) {
            numbers = new BitSet[sectorsMax];
            Arrays.setAll(numbers, i -> new BitSet());
        }

        /** Returns an independent copy. */
        public Contents copy() {
            return new Contents(numbers.length).or(this);
        }

        /** Adds what another one has, and returns this one. */
        public Contents or(Contents other) {
            sizes.or(other.sizes);
            for (int i = 0; i < numbers.length; i++) {
                numbers[i].or(other.numbers[i]);
            }
            return this;
        }

        /** Reads a disk, all of it, and fails where it holds or is something else. */
        public void assertHeldBy(BlockBackend disk) {
            int count = (int) (disk.capacityBytes() / SECTOR_BYTES);
            List<String> wrong = new ArrayList<>();
            if (!sizes.get(count)) {
                wrong.add(count + " sectors, not one of " + sizes);
            }
            try (Arena arena = Arena.ofConfined()) {
                MemorySegment read = arena.allocate((long) count * SECTOR_BYTES, 8);
                ScatterList list = new ScatterList();
                list.add(read, 0, read.byteSize());
                if (disk.read(0, list) != BlockStatus.OK) {
                    wrong.add("can't be read");
                }
                for (int i = 0; i < Math.min(count, numbers.length); i++) {
                    int number = read.get(ValueLayout.JAVA_INT, (long) i * SECTOR_BYTES);
                    if (!isFilled(read, i, number) || number < 0 || !numbers[i].get(number)) {
                        wrong.add("sector " + i + " holds " + number + ", not one of " + numbers[i]);
                    }
                }
            }
            if (!wrong.isEmpty()) {
                throw new AssertionError(wrong);
            }
        }

        private static boolean isFilled(MemorySegment disk, int sector, int number) {
            for (long at = 0; at < SECTOR_BYTES; at += Integer.BYTES) {
                if (disk.get(ValueLayout.JAVA_INT, (long) sector * SECTOR_BYTES + at) != number) {
                    return false;
                }
            }
            return true;
        }
    }

    private final int baseNumber;
    private Contents allowed;
    private Contents current;
    private int sectors;
    private int writes;

    /** By its name, what a snapshot holds; those that were deleted, too, which a crash may have back. */
    private final Map<String, Contents> snapshots = new HashMap<>();

    private final Set<String> present = new TreeSet<>();
    private final Set<String> stable = new TreeSet<>();

    /**
     * Begins with a disk that is stable.
     *
     * @param sectorsMax the largest size that it will have, in sectors
     * @param sectors its size
     * @param baseNumber what all of it holds, and may hold again where it is discarded
     */
    public CrashModel(int sectorsMax, int sectors, int baseNumber) {
        this.sectors = sectors;
        this.baseNumber = baseNumber;
        this.writes = baseNumber;
        this.current = new Contents(sectorsMax);
        current.sizes.set(sectors);
        for (int i = 0; i < sectorsMax; i++) {
            current.numbers[i].set(i < sectors ? baseNumber : 0);
        }
        this.allowed = current.copy();
    }

    /** Returns the size in sectors, now. */
    public int sectors() {
        return sectors;
    }

    /** Returns the largest size that is expected, in sectors. */
    public int sectorsMax() {
        return current.numbers.length;
    }

    /** Returns what a crash may leave. */
    public Contents allowed() {
        return allowed;
    }

    /** Returns a number for the next write. */
    public int nextNumber() {
        return writes + 1;
    }

    /** Is told of a write, or of zeroes by their number 0. */
    public void written(int first, int count, int number) {
        writes = Math.max(writes, number);
        for (int i = first; i < first + count; i++) {
            current.numbers[i].clear();
            current.numbers[i].set(number);
            allowed.numbers[i].set(number);
        }
    }

    /** Is told of a discard: what was there, zeroes, or what was there at first. */
    public void discarded(int first, int count) {
        for (int i = first; i < first + count; i++) {
            current.numbers[i].set(0);
            current.numbers[i].set(baseNumber);
            allowed.numbers[i].or(current.numbers[i]);
        }
    }

    /** Is told of a flush that has ended. */
    public void flushed() {
        allowed = current.copy();
        stable.addAll(present);
    }

    /** Is told of a new size. What is beyond the end, or was, reads as zeroes when it comes back. */
    public void resized(int newSectors) {
        int end = Math.min(sectors, newSectors);
        written(end, current.numbers.length - end, 0);
        for (int i = newSectors; i < sectors; i++) {
            // Given up as by a discard, while the size is still the old one.
            allowed.numbers[i].set(baseNumber);
        }
        sectors = newSectors;
        current.sizes.clear();
        current.sizes.set(sectors);
        allowed.sizes.set(sectors);
    }

    // Snapshots.

    /** Returns the names of the snapshots that there are, sorted. */
    public List<String> snapshots() {
        return List.copyOf(present);
    }

    /** Returns a name for the next snapshot. */
    public String nextSnapshot() {
        return "snapshot " + snapshots.size();
    }

    /** Is told of a snapshot that was taken. */
    public void snapshotTaken(String name) {
        snapshots.put(name, current.copy());
        present.add(name);
    }

    /** Is told of a snapshot that was deleted. */
    public void snapshotDeleted(String name) {
        present.remove(name);
        stable.remove(name);
    }

    /** Is told of a snapshot that the disk became again. */
    public void snapshotApplied(String name) {
        Contents held = snapshot(name);
        current = held.copy();
        allowed.or(held);
        sectors = held.sizes.nextSetBit(0);
    }

    /** Returns what a snapshot holds, which may have been deleted. */
    public Contents snapshot(String name) {
        Contents held = snapshots.get(name);
        if (held == null) {
            throw new AssertionError("there never was a snapshot '" + name + "'");
        }
        return held;
    }

    /** Fails where a snapshot is missing that a flush has covered and nobody has deleted. */
    public void assertStableSnapshotsAmong(List<String> names) {
        if (!names.containsAll(stable)) {
            throw new AssertionError(names + " lacks one of " + stable);
        }
    }
}

// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.testing.block;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.time.Instant;
import java.util.List;
import java.util.SplittableRandom;

import dev.isthmus.block.BlockBackend;
import dev.isthmus.block.BlockStatus;
import dev.isthmus.block.qcow2.Qcow2Image;
import dev.isthmus.block.qcow2.Qcow2Snapshots;
import dev.isthmus.memory.ScatterList;

/**
 * Random operations on a disk that is going to crash: the same for the same seed and model, so that one process can carry
 * them out and another know what they were.
 */
public final class CrashPlan {
    private static final int WRITE_SECTORS_MAX = 20;
    private static final int SNAPSHOTS_MAX = 3;

    /** What an operation does. */
    public enum Kind {
        /** Writes {@link Operation#number}. */
        WRITE,
        /** Writes zeroes; with a number that is not 0, those may be unmapped. */
        ZERO,
        /** Gives a range up. */
        DISCARD,
        /** Makes all before stable. */
        FLUSH,
        /** Changes the size to {@link Operation#count} sectors. */
        RESIZE,
        /** Takes the snapshot {@link Operation#name}. */
        TAKE,
        /** Returns to it. */
        APPLY,
        /** Deletes it. */
        DELETE
    }

    /** An operation; the fields that its kind does not speak of are 0 and empty. */
    public record Operation(Kind kind, int first, int count, int number, String name) {
        /** Carries it out. */
        public BlockStatus perform(BlockBackend disk) {
            long offset = (long) first * CrashModel.SECTOR_BYTES;
            long length = (long) count * CrashModel.SECTOR_BYTES;
            return switch (kind) {
                case WRITE -> write(disk, first, count, number);
                case ZERO -> disk.writeZeroes(offset, length, number != 0);
                // Advice: one who can't follow it does nothing.
                case DISCARD -> disk.canDiscard() ? disk.discard(offset, length) : BlockStatus.OK;
                case FLUSH -> disk.flush();
                case RESIZE -> disk.resize(length);
                case TAKE, APPLY, DELETE -> {
                    changeSnapshots(new Qcow2Snapshots((Qcow2Image) disk));
                    yield BlockStatus.OK;
                }
            };
        }

        private void changeSnapshots(Qcow2Snapshots snapshots) {
            switch (kind) {
                case TAKE -> snapshots.create(name, Instant.EPOCH);
                case APPLY -> snapshots.apply(name);
                default -> snapshots.delete(name);
            }
        }

        /**
         * Tells a model of it.
         *
         * @param ended whether it has ended
         */
        public void tell(CrashModel model, boolean ended) {
            switch (kind) {
                case WRITE -> model.written(first, count, number);
                case ZERO -> model.written(first, count, 0);
                case DISCARD -> model.discarded(first, count);
                case FLUSH -> {
                    if (ended) {
                        model.flushed();
                    }
                }
                case RESIZE -> model.resized(count);
                case TAKE -> model.snapshotTaken(name);
                case APPLY -> model.snapshotApplied(name);
                case DELETE -> model.snapshotDeleted(name);
            }
        }

        /** Tells whether it changes snapshots. */
        public boolean changesSnapshots() {
            return kind == Kind.TAKE || kind == Kind.APPLY || kind == Kind.DELETE;
        }
    }

    private final SplittableRandom random;
    private final CrashModel model;
    private final boolean withSnapshots;
    private final boolean withResizes;
    private final boolean resizesSnapshots;

    /**
     * Begins a plan.
     *
     * @param model is told of each operation before the next one is asked for
     * @param withSnapshots whether snapshots are taken, applied and deleted
     * @param withResizes whether the size changes
     * @param resizesSnapshots whether it does so where there are snapshots, as qcow2 can from version 3 on
     */
    public CrashPlan(
            long seed, CrashModel model, boolean withSnapshots, boolean withResizes, boolean resizesSnapshots) {
        this.random = new SplittableRandom(seed);
        this.model = model;
        this.withSnapshots = withSnapshots;
        this.withResizes = withResizes;
        this.resizesSnapshots = resizesSnapshots;
    }

    /** Returns the next operation. */
    public Operation next() {
        int first = random.nextInt(model.sectors());
        int count = 1 + random.nextInt(Math.min(model.sectors() - first, WRITE_SECTORS_MAX));
        int choice = random.nextInt(15);
        if (choice < 3) {
            return new Operation(Kind.FLUSH, 0, 0, 0, "");
        }
        return switch (choice) {
            case 3 -> new Operation(Kind.ZERO, first, count, random.nextInt(2), "");
            case 4 -> new Operation(Kind.DISCARD, first, count, 0, "");
            case 5 -> withSnapshots ? snapshot() : write(first, count);
            case 6 -> {
                boolean possible = withResizes && (resizesSnapshots || model.snapshots().isEmpty());
                int sectors = 1 + random.nextInt(model.sectorsMax());
                yield possible ? new Operation(Kind.RESIZE, 0, sectors, 0, "") : write(first, count);
            }
            default -> write(first, count);
        };
    }

    private Operation write(int first, int count) {
        return new Operation(Kind.WRITE, first, count, model.nextNumber(), "");
    }

    private Operation snapshot() {
        List<String> there = model.snapshots();
        if (there.size() < SNAPSHOTS_MAX && (there.isEmpty() || random.nextInt(3) != 0)) {
            return new Operation(Kind.TAKE, 0, 0, 0, model.nextSnapshot());
        }
        String one = there.get(random.nextInt(there.size()));
        return new Operation(random.nextBoolean() ? Kind.DELETE : Kind.APPLY, 0, 0, 0, one);
    }

    /** Fills sectors with a number. */
    public static BlockStatus write(BlockBackend disk, int first, int count, int number) {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment data = arena.allocate((long) count * CrashModel.SECTOR_BYTES, 8);
            for (long at = 0; at < data.byteSize(); at += Integer.BYTES) {
                data.set(ValueLayout.JAVA_INT, at, number);
            }
            ScatterList list = new ScatterList();
            list.add(data, 0, data.byteSize());
            return disk.write((long) first * CrashModel.SECTOR_BYTES, list);
        }
    }
}

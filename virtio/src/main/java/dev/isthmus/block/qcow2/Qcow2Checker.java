// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.block.qcow2;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

import dev.isthmus.block.BlockStatus;
import dev.isthmus.block.ImageException;
import dev.isthmus.block.ImageFile;
import dev.isthmus.block.Progress;

/**
 * Checks an image that nobody uses, and repairs it: counts all references and compares them with the refcounts, as
 * 'qemu-img check' does, and comes to the same numbers.
 *
 * <p>Where refcounts are missing or contradict themselves they are rebuilt from the references. Data is never changed;
 * of the metadata, L2 entries that refer to impossible places are the only ones that are given up, and only where they
 * read as zeroes.
 */
public final class Qcow2Checker {
    /** What to repair. */
    public enum Repair {
        /** Nothing: the image is only read. */
        NONE,
        /** Clusters that take space for nothing. */
        LEAKS,
        /** Everything that can be. */
        ALL
    }

    private final ImageFile file;
    private final Repair repair;
    private final Qcow2Header header;
    private final Progress progress;
    private final CheckCounters counters = new CheckCounters();

    private Qcow2Checker(ImageFile file, Repair repair, Qcow2Header header, Progress progress) {
        this.progress = progress;
        this.file = file;
        this.repair = repair;
        this.header = header;
    }

    /**
     * Checks an image.
     *
     * @param file stays open
     * @throws ImageException where the header is none or of a kind that is not supported, the file is to be repaired
     *     but read-only, or counting its references takes more memory than there is
     */
    public static Qcow2CheckResult check(ImageFile file, Repair repair) {
        return check(file, repair, Progress.NONE);
    }

    /**
     * Checks an image, as the other method, and tells how much of its disk is looked at.
     *
     * @throws dev.isthmus.block.ImageCancelledException where the progress said so; what was repaired until then stays
     */
    public static Qcow2CheckResult check(ImageFile file, Repair repair, Progress progress) {
        if (repair != Repair.NONE && file.readOnly()) {
            throw new ImageException(file.name() + " is read-only and can't be repaired.", "Open it for writing.");
        }
        Qcow2Checker checker = new Qcow2Checker(file, repair, Qcow2Header.read(file, true), progress);
        checker.run();
        return checker.counters.result();
    }

    private void run() {
        SnapshotTable snapshots;
        counters.totalClusters = header.layout().clusters(header.capacityBytes());
        try (CheckState state = new CheckState(file, header, counters, progress)) {
            snapshots = readSnapshots(state);
            checkRefcounts(state);
            if (repair != Repair.NONE) {
                IoFailure.check(file.flush());
            }
        } catch (IoFailure e) {
            if (counters.checkErrors == 0) {
                counters.checkError("the check could not be finished: " + e.status());
            }
            return;
        }
        int incomplete = header.version >= 3 ? snapshots.incomplete() : 0;
        if (incomplete + snapshots.dropped() > 0) {
            repairSnapshots(snapshots, incomplete + snapshots.dropped());
        }
        if (repair != Repair.NONE && counters.checkErrors == 0 && counters.corruptions == 0) {
            markSound();
        }
    }

    private SnapshotTable readSnapshots(CheckState state) {
        if (repair == Repair.ALL) {
            // Those beyond are cut off: what they took is leaked, and repaired as that.
            header.snapshotCount = (int) Math.min(
                    Integer.toUnsignedLong(header.snapshotCount), Qcow2Format.MAX_SNAPSHOTS);
        }
        long end = Integer.toUnsignedLong(header.snapshotCount) * Qcow2Format.SNAPSHOT_HEADER_BYTES;
        if (Integer.toUnsignedLong(header.snapshotCount) > Qcow2Format.MAX_SNAPSHOTS
                || header.snapshotsOffset < 0
                || header.snapshotsOffset > Long.MAX_VALUE - end
                || !state.layout.aligned(header.snapshotsOffset)) {
            counters.checkError("the snapshot table is too large or lies where none can be");
            throw IoFailure.of(BlockStatus.IO_ERROR);
        }
        try {
            SnapshotTable table = SnapshotTable.read(file, header, repair == Repair.ALL);
            state.snapshots = table.snapshots();
            state.snapshotTableBytes = table.lengthBytes();
            return table;
        } catch (ImageException e) {
            counters.checkError(String.valueOf(e.getMessage()));
            throw IoFailure.of(BlockStatus.IO_ERROR);
        }
    }

    private void checkRefcounts(CheckState state) {
        new ReferenceCounter(state, repair == Repair.ALL).countAll();
        RefcountComparer comparer = new RefcountComparer(state);
        long corruptionsBefore = counters.corruptions;
        long checkErrorsBefore = counters.checkErrors;
        comparer.compare(false, false);
        if (state.needsRebuild && repair == Repair.ALL) {
            rebuild(state, comparer);
        } else if (repair != Repair.NONE) {
            if (state.needsRebuild) {
                counters.checkError("the refcounts must be rebuilt, which takes a repair of everything");
                throw IoFailure.of(BlockStatus.IO_ERROR);
            }
            counters.corruptions = corruptionsBefore;
            counters.checkErrors = checkErrorsBefore;
            counters.leaks = 0;
            comparer.compare(true, repair == Repair.ALL);
            state.blocks.writeAll();
        }
        boolean repairFlags = repair == Repair.ALL
                || (repair == Repair.LEAKS
                        && counters.checkErrors == 0
                        && counters.corruptions == 0
                        && counters.leaks == 0);
        new CopiedFlags(state).check(repairFlags);
    }

    private void rebuild(CheckState state, RefcountComparer comparer) {
        long corruptionsFound = counters.corruptions;
        long leaksFound = counters.leaks;
        new RefcountRebuilder(state).rebuild();
        counters.corruptions = 0;
        counters.leaks = 0;
        counters.checkErrors = 0;
        counters.allocatedClusters = 0;
        counters.compressedClusters = 0;
        counters.fragmentedClusters = 0;
        state.needsRebuild = false;
        state.counts.clear();
        new ReferenceCounter(state, false).countAll();
        // What the old refcounts took, and all else that nothing refers to, is free now.
        long leaksFixed = counters.leaksFixed;
        comparer.compare(true, true);
        state.blocks.writeAll();
        counters.leaksFixed = leaksFixed + Math.max(0, leaksFound - counters.leaks);
        counters.corruptionsFixed += Math.max(0, corruptionsFound - counters.corruptions);
    }

    /** Writes the snapshot table anew, once the refcounts are sound enough to find a place for it. */
    private void repairSnapshots(SnapshotTable snapshots, int damaged) {
        if (repair == Repair.ALL && counters.checkErrors == 0 && counters.corruptions == 0) {
            try (Qcow2Image image =
                    Qcow2Image.open(new BorrowedFile(file), null, NoCodec.INSTANCE, snapshots)) {
                ImageState state = image.state();
                // The bits are cleared when nothing is wrong any more.
                state.staysDirty = true;
                state.exclusively(() -> SnapshotTable.replace(state, state.snapshots));
                counters.corruptionsFixed += damaged;
                return;
            } catch (IoFailure | ImageException e) {
                counters.checkError("the snapshot table can't be written: " + e.getMessage());
            }
        }
        for (int i = 0; i < damaged; i++) {
            counters.corruption("a snapshot table entry is damaged");
        }
    }

    /** Clears the dirty and the corrupt bit. */
    private void markSound() {
        long features =
                header.incompatibleFeatures & ~(Qcow2Format.INCOMPAT_DIRTY | Qcow2Format.INCOMPAT_CORRUPT);
        if (features == header.incompatibleFeatures) {
            return;
        }
        MemorySegment bytes = MemorySegment.ofArray(new byte[8]);
        bytes.set(Qcow2Format.U64, 0, features);
        try {
            LongTables.write(file, Qcow2Format.INCOMPATIBLE_FEATURES, bytes.toArray(ValueLayout.JAVA_BYTE));
            IoFailure.check(file.flush());
            header.incompatibleFeatures = features;
        } catch (IoFailure e) {
            counters.checkError("the header can't be written: " + e.status());
        }
    }
}

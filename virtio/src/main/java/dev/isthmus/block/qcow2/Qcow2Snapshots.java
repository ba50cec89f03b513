// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.block.qcow2;

import java.time.Instant;
import java.util.ArrayList;
import java.util.List;

import org.jspecify.annotations.Nullable;

import dev.isthmus.block.ImageException;

/**
 * The internal snapshots of an open image. A guest may be using the image: its requests wait meanwhile.
 *
 * <p>Crash safety: refcounts are raised before, and lowered after, what they count is in the file, and the header changes
 * last. Only the COPIED flags can be wrong after a crash; so the image is marked dirty meanwhile, if it is of version 3,
 * and repaired when it is next opened for writing.
 *
 * <p>Any thread. Where the host fails, changes throw a {@link dev.isthmus.block.ImageIoException}.
 */
public final class Qcow2Snapshots {
    private static final int MAX_NAME_BYTES = 0xFFFF;

    private final Qcow2Image opened;
    private final ImageState image;

    /** Works on an image, which stays the caller's to close. */
    public Qcow2Snapshots(Qcow2Image opened) {
        this.opened = opened;
        this.image = opened.state();
    }

    /** Returns all snapshots, in the order in which the image has them. */
    public List<Qcow2Snapshot> list() {
        image.lock.lock();
        try {
            return List.copyOf(image.snapshots);
        } finally {
            image.lock.unlock();
        }
    }

    /** Returns a snapshot by its id, or else by its name; null where there is none. */
    public @Nullable Qcow2Snapshot find(String idOrName) {
        List<Qcow2Snapshot> all = list();
        for (Qcow2Snapshot snapshot : all) {
            if (snapshot.id().equals(idOrName)) {
                return snapshot;
            }
        }
        for (Qcow2Snapshot snapshot : all) {
            if (snapshot.name().equals(idOrName)) {
                return snapshot;
            }
        }
        return null;
    }

    /**
     * Takes a snapshot of the disk as it is now.
     *
     * @param name what to call it; the name of no other
     * @param when the time to give it
     * @throws ImageException where the image can't have it, or can't be written
     */
    public Qcow2Snapshot create(String name, Instant when) {
        refuseReadOnly();
        if (image.externalData()) {
            throw new ImageException(
                    image.file.name() + " has an external data file, so it can't have snapshots.",
                    "Take a copy, or convert it to an image without such a file.");
        }
        List<Qcow2Snapshot> made = new ArrayList<>();
        run(() -> made.add(createLocked(name, when)));
        return made.getFirst();
    }

    private Qcow2Snapshot createLocked(String name, Instant when) {
        if (name.isEmpty() || name.length() * 4 > MAX_NAME_BYTES || find(name) != null) {
            throw new ImageException(
                    "A snapshot can't be called '" + name + "': the name is taken, empty or too long.",
                    "Choose another name.");
        }
        if (image.snapshots.size() >= Qcow2Format.MAX_SNAPSHOTS) {
            throw new ImageException(image.file.name() + " has the largest number of snapshots already.", "Delete some.");
        }
        ReferenceTree tree = new ReferenceTree(image);
        long[] l1 = image.l1.copy();
        tree.checkRoom(l1);
        markDirty();
        tree.increment(l1);
        long l1Offset = l1.length == 0 ? 0 : image.allocator.allocateTable((long) l1.length * Qcow2Format.ENTRY_BYTES);
        if (l1.length > 0) {
            image.noteHighWater(l1Offset + (long) l1.length * Qcow2Format.ENTRY_BYTES);
            LongTables.write(image.file, l1Offset, l1, 0, l1.length);
        }
        tree.updateCopied();
        image.writeBack.settle();
        Qcow2Snapshot snapshot = new Qcow2Snapshot(
                newId(),
                name,
                l1Offset,
                l1.length,
                (int) when.getEpochSecond(),
                when.getNano(),
                0,
                0,
                image.capacityBytes,
                -1,
                new byte[0]);
        List<Qcow2Snapshot> snapshots = new ArrayList<>(image.snapshots);
        snapshots.add(snapshot);
        SnapshotTable.replace(image, snapshots);
        return snapshot;
    }

    private String newId() {
        long largest = 0;
        for (Qcow2Snapshot snapshot : image.snapshots) {
            if (snapshot.id().matches("[0-9]{1,18}")) {
                largest = Math.max(largest, Long.parseLong(snapshot.id()));
            }
        }
        return Long.toString(largest + 1);
    }

    /**
     * Has the disk be as it was when a snapshot was taken, its size included. What it is now is lost.
     *
     * @throws ImageException where there is none of that id or name, or the image can't be written
     */
    public void apply(String idOrName) {
        refuseReadOnly();
        // Looked up when nobody else can delete it any more.
        run(() -> applyLocked(existing(idOrName)));
    }

    private void applyLocked(Qcow2Snapshot snapshot) {
        long[] newL1 = ReferenceTree.l1Of(image, snapshot);
        if (snapshot.diskBytes() < 0 || image.layout.l1Entries(snapshot.diskBytes()) > newL1.length) {
            throw image.corrupted("the L1 table of " + snapshot + " is too small for its disk");
        }
        // The snapshot goes on referring to these tables: none may be changed in place, from the first moment on.
        for (int i = 0; i < newL1.length; i++) {
            newL1[i] &= ~Qcow2Format.COPIED;
        }
        ReferenceTree tree = new ReferenceTree(image);
        tree.checkRoom(newL1);
        markDirty();
        tree.increment(newL1);
        long lengthBytes = (long) newL1.length * Qcow2Format.ENTRY_BYTES;
        long l1Offset = image.allocator.allocateTable(lengthBytes);
        image.noteHighWater(l1Offset + lengthBytes);
        LongTables.write(image.file, l1Offset, newL1, 0, newL1.length);
        image.refcounts.writeBack();
        IoFailure.check(image.file.flush());
        long oldOffset = image.header.l1Offset;
        long[] oldL1 = image.l1.copy();
        image.headerFields.setDisk(snapshot.diskBytes(), l1Offset, newL1.length);
        image.capacityBytes = image.header.capacityBytes();
        image.l1.replace(newL1);
        ReferenceTree.remap(image, oldL1, image.snapshots);
        tree.decrement(oldL1);
        freeTable(oldOffset, oldL1.length);
        tree.updateCopied();
    }

    /**
     * Deletes a snapshot.
     *
     * @throws ImageException where there is none of that id or name, or the image can't be written
     */
    public void delete(String idOrName) {
        refuseReadOnly();
        run(() -> deleteLocked(existing(idOrName)));
    }

    private void deleteLocked(Qcow2Snapshot snapshot) {
        long[] l1 = ReferenceTree.l1Of(image, snapshot);
        List<Qcow2Snapshot> left = new ArrayList<>(image.snapshots);
        left.remove(snapshot);
        markDirty();
        SnapshotTable.replace(image, left);
        ReferenceTree tree = new ReferenceTree(image);
        tree.decrement(l1);
        freeTable(snapshot.l1Offset(), l1.length);
        tree.updateCopied();
    }

    private void markDirty() {
        image.staysDirty = true;
        image.headerFields.setDirty(true);
    }

    private void freeTable(long offset, int entries) {
        image.allocator.freeNow(
                offset >>> image.layout.clusterBits,
                image.layout.clusters((long) entries * Qcow2Format.ENTRY_BYTES));
    }

    private Qcow2Snapshot existing(String idOrName) {
        Qcow2Snapshot snapshot = find(idOrName);
        if (snapshot == null) {
            throw new ImageException(
                    image.file.name() + " has no snapshot '" + idOrName + "'.", "List them to see what there is.");
        }
        return snapshot;
    }

    private void refuseReadOnly() {
        if (opened.readOnly()) {
            throw new ImageException(image.file.name() + " is read-only.", "Open it for writing.");
        }
    }

    private void run(Runnable action) {
        try {
            image.exclusively(() -> {
                action.run();
                image.writeBack.settle();
                image.staysDirty = false;
                image.headerFields.setDirty(false);
            });
        } catch (IoFailure e) {
            throw image.failed(e, "change the snapshots of " + image.file.name());
        }
    }
}

// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.block.qcow2;

import java.util.Arrays;

import dev.isthmus.block.BlockBackend;
import dev.isthmus.block.BlockStatus;

/** Changes the size of an open image; guests may be using it. */
final class Resizer {
    private final Qcow2Image opened;
    private final ImageState image;

    Resizer(Qcow2Image opened) {
        this.opened = opened;
        this.image = opened.state();
    }

    /**
     * Changes the size.
     *
     * @throws IoFailure where that fails: {@link BlockStatus#OUT_OF_RANGE} where an L1 table can't be so large,
     *     {@link BlockStatus#UNSUPPORTED} where version 2 has snapshots, which can't tell their size there
     */
    void resize(long newBytes) {
        // What is decided at the beginning must be true at the end: no other resize and no snapshot in between.
        image.wholeChanges.lock();
        try {
            resizeAlone(newBytes);
        } finally {
            image.wholeChanges.unlock();
        }
    }

    private void resizeAlone(long newBytes) {
        if (newBytes < 0 || newBytes % Qcow2Format.SECTOR_BYTES != 0) {
            throw IoFailure.of(BlockStatus.UNSUPPORTED);
        }
        if (image.header.version < 3 && !image.snapshots.isEmpty()) {
            throw IoFailure.of(BlockStatus.UNSUPPORTED);
        }
        if (image.layout.l1Entries(newBytes) * Qcow2Format.ENTRY_BYTES > Qcow2Format.MAX_L1_BYTES) {
            throw IoFailure.of(BlockStatus.OUT_OF_RANGE);
        }
        long oldBytes = image.capacityBytes;
        Scratch scratch = opened.pool().take();
        try {
            if (newBytes > oldBytes) {
                grow(oldBytes, newBytes, scratch);
            } else if (newBytes < oldBytes) {
                shrink(oldBytes, newBytes);
            }
        } finally {
            opened.pool().giveBack(scratch);
        }
    }

    /** Gives a disk that has just been made, and is of size 0, its size: what its backing image has shows through. */
    void firstSize(long newBytes) {
        int entries = (int) image.layout.l1Entries(newBytes);
        image.exclusively(() -> {
            growL1(entries);
            setSize(newBytes);
        });
    }

    private void grow(long oldBytes, long newBytes, Scratch scratch) {
        int entries = (int) image.layout.l1Entries(newBytes);
        image.exclusively(() -> growL1(entries));
        if (image.header.dataFileRaw()) {
            IoFailure.check(image.data().setSize(newBytes));
            preallocate(oldBytes, newBytes);
        } else {
            // What may be left from a larger disk of the past, and what the backing image has there, must not appear.
            opened.zeroes().forget(oldBytes, newBytes);
            long clusterEnd = image.layout.clusters(oldBytes) << image.layout.clusterBits;
            BlockBackend backing = image.backing;
            long zeroEnd = Math.min(newBytes, backing == null ? clusterEnd : Math.max(clusterEnd, backing.capacityBytes()));
            if (zeroEnd > oldBytes) {
                opened.zeroes().writeZeroes(oldBytes, zeroEnd - oldBytes, true, scratch);
            }
        }
        image.exclusively(() -> setSize(newBytes));
    }

    /** A raw data file must be the disk, whatever is written to it directly, so all of it has its place. */
    private void preallocate(long oldBytes, long newBytes) {
        long guestCluster = image.layout.clusters(oldBytes);
        long end = image.layout.clusters(newBytes);
        while (guestCluster < end) {
            guestCluster += Qcow2Creator.preallocateSome(image, guestCluster, end - guestCluster);
        }
    }

    private void shrink(long oldBytes, long newBytes) {
        // Requests beyond the new end are refused from here on.
        image.capacityBytes = newBytes;
        boolean done = false;
        try {
            if (image.header.dataFileRaw()) {
                IoFailure.check(image.data().setSize(newBytes));
            } else {
                // Before the header changes, so that nothing old appears when the disk grows again.
                opened.zeroes().forget(newBytes, oldBytes);
            }
            image.exclusively(() -> setSize(newBytes));
            done = true;
        } finally {
            if (!done) {
                image.capacityBytes = oldBytes;
            }
        }
    }

    private void setSize(long newBytes) {
        image.headerFields.setDisk(newBytes, image.header.l1Offset, image.header.l1Entries);
        image.capacityBytes = newBytes;
    }

    private void growL1(int entries) {
        if (entries <= image.l1.size()) {
            return;
        }
        long lengthBytes = (long) entries * Qcow2Format.ENTRY_BYTES;
        long offset = image.allocator.allocateTable(lengthBytes);
        image.noteHighWater(offset + lengthBytes);
        long[] oldL1 = image.l1.copy();
        long[] newL1 = Arrays.copyOf(oldL1, entries);
        LongTables.write(image.file, offset, newL1, 0, entries);
        image.refcounts.writeBack();
        IoFailure.check(image.file.flush());
        long oldOffset = image.header.l1Offset;
        image.headerFields.setDisk(image.header.sizeBytes, offset, entries);
        image.l1.replace(newL1);
        image.map.setL1(offset, lengthBytes);
        image.allocator.freeNow(
                oldOffset >>> image.layout.clusterBits,
                image.layout.clusters((long) oldL1.length * Qcow2Format.ENTRY_BYTES));
    }
}

// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.block.qcow2;

import java.util.List;

import dev.isthmus.block.ImageException;

/**
 * The clusters that an L1 table leads to: its L2 tables and what these refer to. For changes of the image as a whole, in
 * {@link ImageState#exclusively}.
 */
final class ReferenceTree {
    private final ImageState image;
    private final ClusterLayout layout;

    /** Host clusters that have become free, not punched yet. */
    private long freedFirst;

    private long freedEnd;

    ReferenceTree(ImageState image) {
        this.image = image;
        this.layout = image.layout;
    }

    /** Reads the L1 table of a snapshot. */
    static long[] l1Of(ImageState image, Qcow2Snapshot snapshot) {
        long lengthBytes = Integer.toUnsignedLong(snapshot.l1Entries()) * Qcow2Format.ENTRY_BYTES;
        if (!image.layout.aligned(snapshot.l1Offset())
                || snapshot.l1Offset() < 0
                || snapshot.l1Offset() >= Qcow2Format.MAX_HOST_BYTES
                || lengthBytes > Qcow2Format.MAX_L1_BYTES) {
            throw image.corrupted("the L1 table of " + snapshot + " is damaged");
        }
        return LongTables.read(image.file, snapshot.l1Offset(), snapshot.l1Entries());
    }

    /** What is done with a host cluster. */
    private interface Visitor {
        void visit(long cluster);
    }

    /** Sees to it that all refcounts have room for one more reference. */
    void checkRoom(long[] l1) {
        visit(l1, this::checkRoom);
    }

    private void checkRoom(long cluster) {
        if (image.refcounts.get(cluster) == layout.maxRefcount) {
            throw new ImageException(
                    "The refcounts of " + image.file.name() + " are too narrow for one more snapshot.",
                    "Convert it with 'qemu-img convert -o refcount_bits=16'.");
        }
    }

    /** Counts one more reference to each cluster. */
    void increment(long[] l1) {
        visit(l1, this::increment);
    }

    private void increment(long cluster) {
        if (!image.refcounts.increment(cluster)) {
            throw image.corrupted("the refcount of cluster " + cluster + " overflows");
        }
    }

    /** Counts one reference less to each cluster, and gives back the storage of those that are free then. */
    void decrement(long[] l1) {
        visit(l1, this::decrement);
        punch();
    }

    private void decrement(long cluster) {
        image.allocator.freeNow(cluster, 1);
        if (image.refcounts.get(cluster) == 0) {
            if (cluster != freedEnd) {
                punch();
                freedFirst = cluster;
            }
            freedEnd = cluster + 1;
        }
    }

    private void punch() {
        if (freedEnd > freedFirst) {
            image.file.punchHole(
                    freedFirst << layout.clusterBits, (freedEnd - freedFirst) << layout.clusterBits);
        }
        freedFirst = 0;
        freedEnd = 0;
    }

    private void visit(long[] l1, Visitor visitor) {
        for (long l1Entry : l1) {
            long tableOffset = checkedTableOffset(l1Entry);
            if (tableOffset == 0) {
                continue;
            }
            CachedTable table = image.l2Tables.load(tableOffset);
            for (int i = 0; i < layout.l2Entries; i++) {
                visitEntry(table.get(i), visitor);
            }
            // Last, because the table is lost with its last reference.
            visitor.visit(tableOffset >>> layout.clusterBits);
            if (image.refcounts.get(tableOffset >>> layout.clusterBits) == 0) {
                image.l2Tables.drop(tableOffset);
            }
        }
    }

    private long checkedTableOffset(long l1Entry) {
        long offset = l1Entry & Qcow2Format.OFFSET_MASK;
        if (!layout.aligned(offset)) {
            throw image.corrupted("an L2 table lies at 0x" + Long.toHexString(offset));
        }
        return offset;
    }

    private void visitEntry(long entry, Visitor visitor) {
        switch (layout.type(entry, false)) {
            case DATA, ZERO_ALLOCATED -> {
                long offset = entry & Qcow2Format.OFFSET_MASK;
                if (!layout.aligned(offset)) {
                    throw image.corrupted("an L2 entry refers to 0x" + Long.toHexString(offset));
                }
                visitor.visit(offset >>> layout.clusterBits);
            }
            case COMPRESSED -> {
                long offset = layout.compressedOffset(entry);
                long end = layout.clusters(offset + layout.compressedBytes(entry));
                for (long cluster = offset >>> layout.clusterBits; cluster < end; cluster++) {
                    visitor.visit(cluster);
                }
            }
            case UNALLOCATED, ZERO_PLAIN -> {}
        }
    }

    /**
     * Has the COPIED flags of the disk's L1 and L2 tables say whether refcounts are 1. With a table of a snapshot's, too,
     * its flags are cleared for both, where they mean nothing.
     */
    void updateCopied() {
        for (int index = 0; index < image.l1.size(); index++) {
            long l1Entry = image.l1.get(index);
            long tableOffset = checkedTableOffset(l1Entry);
            if (tableOffset == 0) {
                continue;
            }
            long newEntry = withCopied(l1Entry, tableOffset);
            if (newEntry != l1Entry) {
                image.l1.set(index, newEntry);
            }
            CachedTable table = image.l2Tables.load(tableOffset);
            for (int i = 0; i < layout.l2Entries; i++) {
                long entry = table.get(i);
                ClusterType type = layout.type(entry, false);
                if (type == ClusterType.DATA || type == ClusterType.ZERO_ALLOCATED) {
                    long changed = withCopied(entry, entry & Qcow2Format.OFFSET_MASK);
                    if (changed != entry) {
                        table.set(i, changed);
                    }
                }
            }
            if (image.l2Tables.tooDirty()) {
                image.writeBack.flush();
            }
        }
    }

    private long withCopied(long entry, long offset) {
        boolean copied = image.refcounts.get(offset >>> layout.clusterBits) == 1;
        return copied ? entry | Qcow2Format.COPIED : entry & ~Qcow2Format.COPIED;
    }

    /** Tells the map where the disk's L2 tables are now. */
    static void remap(ImageState image, long[] oldL1, List<Qcow2Snapshot> snapshots) {
        for (long entry : oldL1) {
            image.map.removeL2Table(entry & Qcow2Format.OFFSET_MASK);
        }
        image.l1.addTablesTo(image.map);
        image.map.setL1(image.header.l1Offset, (long) image.header.l1Entries * Qcow2Format.ENTRY_BYTES);
        image.map.setSnapshots(image.header.snapshotsOffset, image.snapshotTableBytes, snapshots);
    }
}

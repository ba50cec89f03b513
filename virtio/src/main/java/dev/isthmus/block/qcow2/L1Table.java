// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.block.qcow2;

import java.util.Arrays;
import java.util.BitSet;

import org.jspecify.annotations.Nullable;

/**
 * The L1 table of the disk, all of it in memory, and the way to L2 tables.
 *
 * <p>Under the metadata lock only.
 */
final class L1Table {
    private final ImageState image;
    private final ClusterLayout layout;
    private long[] entries;
    private final BitSet dirty = new BitSet();

    L1Table(ImageState image, long[] entries) {
        this.image = image;
        this.layout = image.layout;
        this.entries = entries;
    }

    void addTablesTo(MetadataMap map) {
        for (long entry : entries) {
            long offset = entry & Qcow2Format.OFFSET_MASK;
            if (offset != 0) {
                map.addL2Table(offset);
            }
        }
    }

    int size() {
        return entries.length;
    }

    long get(int index) {
        return entries[index];
    }

    /** Changes an entry; {@link WriteBack} writes it when the L2 table is stable. */
    void set(int index, long entry) {
        entries[index] = entry;
        dirty.set(index);
    }

    /** Replaces all entries by those that are in the file. */
    void replace(long[] newEntries) {
        entries = newEntries;
        dirty.clear();
    }

    /** Returns a copy of all entries. */
    long[] copy() {
        return Arrays.copyOf(entries, entries.length);
    }

    BitSet dirty() {
        return dirty;
    }

    /** Returns where a guest cluster's L2 table is, or 0. */
    long tableOffset(long guestCluster) {
        long l1Index = guestCluster >>> layout.l2Bits;
        if (l1Index >= entries.length) {
            return 0;
        }
        long offset = entries[(int) l1Index] & Qcow2Format.OFFSET_MASK;
        if (!layout.aligned(offset)) {
            throw image.corrupted("an L2 table lies at 0x" + Long.toHexString(offset));
        }
        return offset;
    }

    /** Returns a guest cluster's L2 table, or null where there is none. */
    @Nullable CachedTable table(long guestCluster) {
        long offset = tableOffset(guestCluster);
        return offset == 0 ? null : image.l2Tables.load(offset);
    }

    /**
     * Returns a guest cluster's L2 table, to be changed: a new one where there is none, a copy where a snapshot has it,
     * too.
     */
    CachedTable tableToChange(long guestCluster) {
        int l1Index = layout.l1Index(guestCluster);
        long offset = tableOffset(guestCluster);
        if (offset != 0 && (entries[l1Index] & Qcow2Format.COPIED) != 0) {
            return image.l2Tables.load(offset);
        }
        image.writeBack.beforeAllocation();
        // Loaded before anything changes, so that a failure leaves everything as it was.
        CachedTable old = offset == 0 ? null : image.l2Tables.load(offset);
        long newOffset = image.allocator.allocate(1) << layout.clusterBits;
        image.noteHighWater(newOffset + layout.clusterBytes);
        CachedTable table;
        try {
            table = image.l2Tables.create(newOffset);
        } catch (IoFailure e) {
            image.allocator.freeNow(newOffset >>> layout.clusterBits, 1);
            throw e;
        }
        if (old != null) {
            table.bytes.copyFrom(old.bytes);
            image.map.removeL2Table(offset);
            image.frees.drop(offset >>> layout.clusterBits, 1);
        }
        image.map.addL2Table(newOffset);
        set(l1Index, newOffset | Qcow2Format.COPIED);
        return table;
    }
}

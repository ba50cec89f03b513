// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.block.qcow2;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/**
 * Changes the header of an open image, in memory and then in the file. Each method is one write within the first sector,
 * which a crash leaves old or new, followed by a flush.
 *
 * <p>Under the metadata lock only.
 */
final class HeaderFields {
    private final ImageState image;

    HeaderFields(ImageState image) {
        this.image = image;
    }

    void setRefcountTable(long offset, int clusters) {
        MemorySegment bytes = MemorySegment.ofArray(new byte[12]);
        bytes.set(Qcow2Format.U64, 0, offset);
        bytes.set(Qcow2Format.U32, 8, clusters);
        write(Qcow2Format.REFCOUNT_TABLE_OFFSET, bytes);
        image.header.refcountTableOffset = offset;
        image.header.refcountTableClusters = clusters;
    }

    /** Changes the size of the disk and its L1 table, both at once. */
    void setDisk(long sizeBytes, long l1Offset, int l1Entries) {
        MemorySegment bytes = MemorySegment.ofArray(new byte[24]);
        bytes.set(Qcow2Format.U64, 0, sizeBytes);
        bytes.set(Qcow2Format.U32, 8, image.header.cryptMethod);
        bytes.set(Qcow2Format.U32, 12, l1Entries);
        bytes.set(Qcow2Format.U64, 16, l1Offset);
        write(Qcow2Format.SIZE, bytes);
        image.header.sizeBytes = sizeBytes;
        image.header.l1Offset = l1Offset;
        image.header.l1Entries = l1Entries;
    }

    void setSnapshots(long offset, int count) {
        MemorySegment bytes = MemorySegment.ofArray(new byte[12]);
        bytes.set(Qcow2Format.U32, 0, count);
        bytes.set(Qcow2Format.U64, 4, offset);
        write(Qcow2Format.NB_SNAPSHOTS, bytes);
        image.header.snapshotsOffset = offset;
        image.header.snapshotCount = count;
    }

    /** Sets or clears the dirty bit; nothing where the version has none. */
    void setDirty(boolean dirty) {
        setIncompatible(Qcow2Format.INCOMPAT_DIRTY, dirty);
    }

    /** Sets or clears the corrupt bit; nothing where the version has none. */
    void setCorrupt(boolean corrupt) {
        setIncompatible(Qcow2Format.INCOMPAT_CORRUPT, corrupt);
    }

    private void setIncompatible(long bit, boolean on) {
        Qcow2Header header = image.header;
        long features = on ? header.incompatibleFeatures | bit : header.incompatibleFeatures & ~bit;
        if (header.version >= 3 && features != header.incompatibleFeatures) {
            MemorySegment bytes = MemorySegment.ofArray(new byte[8]);
            bytes.set(Qcow2Format.U64, 0, features);
            write(Qcow2Format.INCOMPATIBLE_FEATURES, bytes);
            header.incompatibleFeatures = features;
        }
    }

    /** Clears the bits of what a writer that does not know or keep it must clear. */
    void clearAutoclear() {
        Qcow2Header header = image.header;
        long features = header.autoclearFeatures & Qcow2Format.AUTOCLEAR_DATA_FILE_RAW;
        if (header.version >= 3 && features != header.autoclearFeatures) {
            MemorySegment bytes = MemorySegment.ofArray(new byte[8]);
            bytes.set(Qcow2Format.U64, 0, features);
            write(Qcow2Format.AUTOCLEAR_FEATURES, bytes);
            header.autoclearFeatures = features;
        }
    }

    private void write(long offset, MemorySegment bytes) {
        LongTables.write(image.file, offset, bytes.toArray(ValueLayout.JAVA_BYTE));
        IoFailure.check(image.file.flush());
    }
}

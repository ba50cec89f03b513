// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.block;

/** What a piece of a disk is, as {@link SparseDisk#find} answers. Reusable; one thread at a time. */
public final class DiskExtent {
    /** Where the bytes come from. */
    public enum Kind {
        /** From the disk's own storage: to be read. */
        DATA,
        /** From nowhere: all zeroes. */
        ZERO,
        /** From the disk that it is based on; beyond the end of that, all zeroes. */
        BASE
    }

    private Kind kind = Kind.DATA;
    private long lengthBytes;

    /** Makes one of no length. */
    public DiskExtent() {}

    /** Returns what it is. */
    public Kind kind() {
        return kind;
    }

    /** Returns how far it goes at least, in bytes. */
    public long lengthBytes() {
        return lengthBytes;
    }

    /** Sets both. */
    public void set(Kind newKind, long newLengthBytes) {
        kind = newKind;
        lengthBytes = newLengthBytes;
    }
}

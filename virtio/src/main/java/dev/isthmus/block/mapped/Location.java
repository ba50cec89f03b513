// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.block.mapped;

import org.jspecify.annotations.Nullable;

import dev.isthmus.block.ImageFile;

/**
 * Where the bytes of a disk from some offset on are, and how far that goes: what a format's map answers. Reusable, so
 * that a lookup allocates nothing.
 *
 * <p>Not thread-safe.
 */
public final class Location {
    /** What kind of place it is. */
    public enum Kind {
        /** Bytes of a file as they are, which anyone may read from it. */
        PLAIN,
        /** Nothing but zeroes. */
        ZEROES,
        /** What only the image itself can read: packed, or changed by a log. */
        INDIRECT,
        /** Not known without I/O, which was not allowed. */
        UNKNOWN,
        /** Nowhere: the image is damaged, or the host can't read its tables. */
        DAMAGED
    }

    private Kind kind = Kind.UNKNOWN;
    private @Nullable ImageFile file;
    private long offsetBytes;
    private long lengthBytes;
    private String cause = "";

    /** Makes one that is {@link Kind#UNKNOWN}. */
    public Location() {}

    /**
     * Sets it to bytes of a file. What would lie beyond the file's end is cut off, and is damage where nothing is left.
     *
     * @param newFile the file
     * @param fileBytes its size
     * @param newOffsetBytes where in it, not negative
     * @param newLengthBytes how much, more than 0
     */
    public void plain(ImageFile newFile, long fileBytes, long newOffsetBytes, long newLengthBytes) {
        if (newOffsetBytes >= fileBytes) {
            damaged("its data lie beyond the end of " + newFile.name());
            return;
        }
        set(Kind.PLAIN, newFile, newOffsetBytes, Math.min(newLengthBytes, fileBytes - newOffsetBytes));
    }

    /** Sets it to zeroes, more than none. */
    public void zeroes(long newLengthBytes) {
        set(Kind.ZEROES, null, 0, newLengthBytes);
    }

    /**
     * Sets it to what only the image can read.
     *
     * @param newOffsetBytes whatever the image needs to find it
     * @param newLengthBytes how much, more than 0
     */
    public void indirect(long newOffsetBytes, long newLengthBytes) {
        set(Kind.INDIRECT, null, newOffsetBytes, newLengthBytes);
    }

    /**
     * Sets it by what {@link TableCache} answers instead of an entry.
     *
     * @param answer {@link TableCache#NOT_CACHED} or {@link TableCache#UNREADABLE}
     */
    public void noEntry(long answer) {
        if (answer == TableCache.NOT_CACHED) {
            set(Kind.UNKNOWN, null, 0, 1);
        } else {
            damaged("the table that maps it is damaged or can't be read");
        }
    }

    /** Sets it to damage, with the cause in words that go on from "Byte n can't be read: ". */
    public void damaged(String newCause) {
        set(Kind.DAMAGED, null, 0, 1);
        cause = newCause;
    }

    private void set(Kind newKind, @Nullable ImageFile newFile, long newOffsetBytes, long newLengthBytes) {
        if (newOffsetBytes < 0 || newLengthBytes <= 0) {
            throw new IllegalArgumentException("Range of a location");
        }
        kind = newKind;
        file = newFile;
        offsetBytes = newOffsetBytes;
        lengthBytes = newLengthBytes;
        cause = "";
    }

    /** Shortens it to a length of more than 0, where it is longer. */
    public void limit(long maxLengthBytes) {
        set(kind, file, offsetBytes, Math.min(lengthBytes, maxLengthBytes), cause);
    }

    private void set(
            Kind newKind, @Nullable ImageFile newFile, long newOffsetBytes, long newLengthBytes, String newCause) {
        set(newKind, newFile, newOffsetBytes, newLengthBytes);
        cause = newCause;
    }

    /** Becomes a copy of another one. */
    void copyOf(Location other) {
        set(other.kind, other.file, other.offsetBytes, other.lengthBytes, other.cause);
    }

    /** Makes this longer by another one that begins where this ends, where both are one read. */
    @SuppressWarnings("ReferenceEquality") // A file is itself: another one of the same name may be another file.
    boolean extendBy(Location next) {
        boolean goesOn = kind == next.kind
                && (kind == Kind.ZEROES
                        || (kind == Kind.PLAIN && file == next.file && offsetBytes + lengthBytes == next.offsetBytes));
        if (goesOn) {
            lengthBytes += next.lengthBytes;
        }
        return goesOn;
    }

    /** Returns the kind. */
    public Kind kind() {
        return kind;
    }

    /** Returns the file of a plain place, or null. */
    public @Nullable ImageFile file() {
        return file;
    }

    /** Returns where in the file, in bytes, or what the image itself set. */
    public long offsetBytes() {
        return offsetBytes;
    }

    /** Returns how much, in bytes; more than 0. */
    public long lengthBytes() {
        return lengthBytes;
    }

    /** Returns why it is damaged. */
    String cause() {
        return cause;
    }
}

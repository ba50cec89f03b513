// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.block;

import java.util.Arrays;
import java.util.Objects;

import org.jspecify.annotations.Nullable;

/**
 * Where the bytes of a range of a disk are: pieces of files and of nothing but zeroes, in the order of the range.
 * Reusable; refilling allocates only when it grows beyond what it ever held.
 *
 * <p>Not thread-safe: owned by one thread at a time and handed over with a happens-before edge.
 */
public final class ExtentList {
    private static final int INITIAL_EXTENTS = 4;

    private @Nullable ImageFile[] files = new @Nullable ImageFile[INITIAL_EXTENTS];
    private long[] offsets = new long[INITIAL_EXTENTS];
    private long[] lengthsBytes = new long[INITIAL_EXTENTS];
    private int count;
    private int ticket;

    /** Makes an empty list. */
    public ExtentList() {}

    /** Removes all extents and keeps the capacity. */
    public void clear() {
        Arrays.fill(files, 0, count, null);
        count = 0;
        ticket = 0;
    }

    /** Leaves a note for {@link DirectAccess#unmap}; its maker's own, 0 after {@link #clear}. */
    public void setTicket(int newTicket) {
        ticket = newTicket;
    }

    /** Returns the note that {@link #setTicket} left. */
    public int ticket() {
        return ticket;
    }

    /**
     * Appends a piece of a file; becomes one with the last extent where it goes on there.
     *
     * @param file the file, or null for zeroes
     * @param offsetBytes where in the file; 0 for zeroes
     * @param lengthBytes how much, more than 0
     */
    public void add(@Nullable ImageFile file, long offsetBytes, long lengthBytes) {
        if (lengthBytes <= 0) {
            throw new IllegalArgumentException("Length of an extent");
        }
        int last = count - 1;
        if (count > 0 && goesOn(last, file, offsetBytes)) {
            lengthsBytes[last] += lengthBytes;
            return;
        }
        if (count == files.length) {
            int capacity = count * 2;
            files = Arrays.copyOf(files, capacity);
            offsets = Arrays.copyOf(offsets, capacity);
            lengthsBytes = Arrays.copyOf(lengthsBytes, capacity);
        }
        files[count] = file;
        offsets[count] = offsetBytes;
        lengthsBytes[count] = lengthBytes;
        count++;
    }

    @SuppressWarnings("ReferenceEquality") // A file is itself: another one of the same name may be another file.
    private boolean goesOn(int last, @Nullable ImageFile file, long offsetBytes) {
        return files[last] == file && (file == null || offsets[last] + lengthsBytes[last] == offsetBytes);
    }

    /** Returns the number of extents. */
    public int count() {
        return count;
    }

    /** Returns the file of an extent, or null where it is all zeroes. */
    public @Nullable ImageFile file(int index) {
        return files[Objects.checkIndex(index, count)];
    }

    /** Returns where in its file an extent starts, in bytes. */
    public long offsetBytes(int index) {
        return offsets[Objects.checkIndex(index, count)];
    }

    /** Returns the size of an extent in bytes. */
    public long lengthBytes(int index) {
        return lengthsBytes[Objects.checkIndex(index, count)];
    }
}

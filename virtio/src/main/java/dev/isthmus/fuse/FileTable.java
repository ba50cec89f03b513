// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.fuse;

import org.jspecify.annotations.Nullable;

/** The files and directories that the client has open, by number and bounded. Any thread. */
final class FileTable {
    private final SharedFolder folder;
    private final SlotTable<OpenFile> files;

    /** Makes an empty table for so many files at most. */
    FileTable(SharedFolder folder, int limit) {
        this.folder = folder;
        this.files = new SlotTable<>(limit);
    }

    /** Returns how many are open. */
    synchronized int count() {
        return files.count();
    }

    /** Tells whether {@link #enter} would refuse now. */
    synchronized boolean full() {
        return files.full();
    }

    /**
     * Takes a file in.
     *
     * @param handle the folder's, which the table keeps or closes
     * @return its number, or 0 where there are too many
     */
    long enter(long handle, boolean directory) {
        long id = add(handle, directory);
        if (id == 0) {
            folder.closeFile(handle);
        }
        return id;
    }

    private synchronized long add(long handle, boolean directory) {
        long id = files.nextId();
        if (id < 0) {
            return 0;
        }
        files.add(new OpenFile(id, handle, directory));
        return id;
    }

    /** Finds a file for a request, which must {@link #unpin} it; null where the client has none of that number. */
    synchronized @Nullable OpenFile acquire(long id) {
        OpenFile file = files.get(id);
        if (file == null || file.released) {
            return null;
        }
        file.pins++;
        return file;
    }

    /** A request has ended that {@link #acquire}d the file. */
    void unpin(OpenFile file) {
        if (dropPin(file)) {
            folder.closeFile(file.handle);
        }
    }

    private synchronized boolean dropPin(OpenFile file) {
        file.pins--;
        return removeIfUnused(file);
    }

    /** The client closes a file, which it names by any value; tells whether there is one. */
    boolean release(long id) {
        OpenFile file = find(id);
        if (file == null) {
            return false;
        }
        if (drop(file)) {
            folder.closeFile(file.handle);
        }
        return true;
    }

    private synchronized @Nullable OpenFile find(long id) {
        OpenFile file = files.get(id);
        return file == null || file.released ? null : file;
    }

    private synchronized boolean drop(OpenFile file) {
        // Another request may have been faster with the same number.
        if (file.released) {
            return false;
        }
        file.released = true;
        return removeIfUnused(file);
    }

    private boolean removeIfUnused(OpenFile file) {
        if (!file.released || file.pins > 0) {
            return false;
        }
        files.remove(file.id);
        return true;
    }

    /** Closes all files. */
    void clear() {
        int end = slotsEnd();
        for (int slot = 0; slot < end; slot++) {
            OpenFile file = inSlot(slot);
            if (file != null && drop(file)) {
                folder.closeFile(file.handle);
            }
        }
    }

    private synchronized int slotsEnd() {
        return files.slotsEnd();
    }

    private synchronized @Nullable OpenFile inSlot(int slot) {
        return files.inSlot(slot);
    }
}

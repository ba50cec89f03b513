// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.fuse;

/** A file or directory that the client has open. What changes is guarded by its {@link FileTable}. */
final class OpenFile {
    final long id;

    /** The folder's. */
    final long handle;

    final boolean directory;

    /** Requests that use it now: it is not closed meanwhile. */
    int pins;

    /** The client has closed it. */
    boolean released;

    /** Held while entries are listed, because there is one position. */
    final Object listing = new Object();

    OpenFile(long id, long handle, boolean directory) {
        this.id = id;
        this.handle = handle;
        this.directory = directory;
    }
}

// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.fuse;

/** How long a client may rely on what it knows of the folder, which others may change. */
public enum CachePolicy {
    /** Not at all: everything is asked for each time, and data is not cached. */
    NEVER(0, FuseProtocol.FOPEN_DIRECT_IO, 0),
    /** Names and attributes for a second; data while a file's time of change stays the same. */
    AUTO(1, 0, 0),
    /** For a day, data too: for folders that nobody else changes. */
    ALWAYS(86_400, FuseProtocol.FOPEN_KEEP_CACHE, FuseProtocol.FOPEN_CACHE_DIR);

    private final int validSeconds;
    private final int fileFlags;
    private final int directoryFlags;

    CachePolicy(int validSeconds, int fileFlags, int directoryFlags) {
        this.validSeconds = validSeconds;
        this.fileFlags = fileFlags;
        this.directoryFlags = directoryFlags;
    }

    /** Returns how long names and attributes are valid. */
    int validSeconds() {
        return validSeconds;
    }

    /** Returns how long it is valid that a name does not exist. */
    int absentSeconds() {
        // Within the second of AUTO, a program of the guest would miss what the host has just put there for it.
        return this == ALWAYS ? validSeconds : 0;
    }

    /** Returns the {@code FOPEN_…} bits of open files. */
    int fileFlags() {
        return fileFlags;
    }

    /** Returns the {@code FOPEN_…} bits of open directories. */
    int directoryFlags() {
        return directoryFlags | (this == ALWAYS ? FuseProtocol.FOPEN_KEEP_CACHE : 0);
    }
}

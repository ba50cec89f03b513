// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.machine.fs;

import org.jspecify.annotations.Nullable;

import dev.isthmus.fuse.Caller;
import dev.isthmus.kvm.linux.Errno;
import dev.isthmus.kvm.linux.FileCalls;
import dev.isthmus.kvm.linux.FileData;
import dev.isthmus.kvm.linux.HostFile;
import dev.isthmus.kvm.linux.Statx;

/** Opens files of a folder for good: regular ones alone, since others may wait or act when they are opened. Any thread. */
final class RegularFiles {
    private static final int O_ACCMODE = 3;

    /** The flags of open that mean something for a file of the host's. */
    static final int FLAGS = O_ACCMODE | HostFile.O_TRUNC | FileCalls.O_SYNC | FileCalls.O_DSYNC;

    private final int descriptors;

    /**
     * Makes one.
     *
     * @param descriptors /proc/self/fd
     */
    RegularFiles(int descriptors) {
        this.descriptors = descriptors;
    }

    /**
     * Opens the file of a node.
     *
     * @param flags of open, any value
     * @return the descriptor, or a negated error number
     */
    long reopen(int node, int flags) {
        FolderWorker worker = FolderWorker.current();
        long result = worker.stat(node);
        if (result < 0) {
            return result;
        }
        Statx stat = worker.statx();
        if (!stat.isRegularFile()) {
            return stat.isDirectory() ? -Errno.EISDIR : -Errno.ENXIO;
        }
        return FileCalls.reopen(descriptors, node, flags & FLAGS);
    }

    /**
     * Changes the size of a node's file.
     *
     * @param file an open file of it, or -1
     * @param stripFor null, or whoever does it without the privilege to keep the set-user-ID bit
     */
    long truncate(int node, int file, long sizeBytes, @Nullable Caller stripFor) {
        if (file >= 0) {
            return truncateOpen(file, sizeBytes, stripFor);
        }
        long opened = reopen(node, HostFile.O_WRONLY);
        if (opened < 0) {
            return opened;
        }
        try {
            return truncateOpen((int) opened, sizeBytes, stripFor);
        } finally {
            FileCalls.close((int) opened);
        }
    }

    private static long truncateOpen(int file, long sizeBytes, @Nullable Caller stripFor) {
        FolderWorker worker = FolderWorker.current();
        try {
            return worker.strip(stripFor) ? FileData.truncate(file, sizeBytes) : -Errno.EPERM;
        } finally {
            worker.restore();
        }
    }
}

// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.machine.fs;

import org.jspecify.annotations.Nullable;

import dev.isthmus.fuse.AttributeChange;
import dev.isthmus.fuse.Caller;
import dev.isthmus.fuse.FuseProtocol;
import dev.isthmus.kvm.linux.Errno;
import dev.isthmus.kvm.linux.FileCalls;

/** Changes attributes of a folder's files. Any thread. */
final class AttributeChanges {
    private static final int OWNER = FuseProtocol.FATTR_UID | FuseProtocol.FATTR_GID;
    private static final int TIMES = FuseProtocol.FATTR_ATIME
            | FuseProtocol.FATTR_MTIME
            | FuseProtocol.FATTR_ATIME_NOW
            | FuseProtocol.FATTR_MTIME_NOW;

    private final int descriptors;
    private final FolderOwnership.@Nullable Squashed squashed;
    private final RegularFiles regularFiles;

    /**
     * Makes one.
     *
     * @param descriptors /proc/self/fd
     * @param squashed who owns everything; null where that is as the guest says
     */
    AttributeChanges(int descriptors, FolderOwnership.@Nullable Squashed squashed, RegularFiles regularFiles) {
        this.descriptors = descriptors;
        this.squashed = squashed;
        this.regularFiles = regularFiles;
    }

    /**
     * Makes a change: mode, owner, size, times; ends at the first that fails.
     *
     * @param file an open file of the node's, or -1
     * @param caller who asks
     * @return 0, or a negated error number
     */
    long apply(int node, int file, AttributeChange change, Caller caller) {
        long result = 0;
        if (change.has(FuseProtocol.FATTR_MODE)) {
            result = changeMode(node, change.mode() & HostFolder.PERMISSIONS);
        }
        if (result >= 0 && change.has(OWNER)) {
            result = changeOwner(node, change);
        }
        if (result >= 0 && change.has(FuseProtocol.FATTR_SIZE)) {
            Caller stripFor = change.has(FuseProtocol.FATTR_KILL_SUIDGID) ? caller : null;
            result = regularFiles.truncate(node, file, change.sizeBytes(), stripFor);
        }
        if (result >= 0 && change.has(TIMES)) {
            result = changeTimes(node, change);
        }
        return result;
    }

    private long changeMode(int node, int mode) {
        int allowed = mode;
        if (squashed != null && (mode & HostFolder.SET_ID) != 0) {
            FolderWorker worker = FolderWorker.current();
            long result = worker.stat(node);
            if (result < 0) {
                return result;
            }
            // Of directories, they are no privileges.
            allowed = worker.statx().isDirectory() ? mode : mode & ~HostFolder.SET_ID;
        }
        return FileCalls.changeMode(descriptors, node, allowed);
    }

    private long changeOwner(int node, AttributeChange change) {
        boolean user = change.has(FuseProtocol.FATTR_UID);
        boolean group = change.has(FuseProtocol.FATTR_GID);
        FolderOwnership.Squashed owner = squashed;
        if (owner != null) {
            boolean asItIs = (!user || change.uid() == owner.uid()) && (!group || change.gid() == owner.gid());
            return asItIs ? 0 : -Errno.EPERM;
        }
        return FileCalls.changeOwner(node, user ? change.uid() : -1, group ? change.gid() : -1);
    }

    private long changeTimes(int node, AttributeChange change) {
        return FileCalls.changeTimes(
                descriptors,
                node,
                change.accessSeconds(),
                nanos(change, FuseProtocol.FATTR_ATIME, FuseProtocol.FATTR_ATIME_NOW, change.accessNanos()),
                change.modifySeconds(),
                nanos(change, FuseProtocol.FATTR_MTIME, FuseProtocol.FATTR_MTIME_NOW, change.modifyNanos()));
    }

    private static long nanos(AttributeChange change, int given, int now, long nanos) {
        if (change.has(now)) {
            return FileCalls.UTIME_NOW;
        }
        if (!change.has(given)) {
            return FileCalls.UTIME_OMIT;
        }
        // The kernel gives some values beyond a second a meaning, which is not the guest's to use: it refuses this one.
        return nanos >= NANOS_PER_SECOND ? NANOS_PER_SECOND : nanos;
    }

    private static final long NANOS_PER_SECOND = 1_000_000_000;
}

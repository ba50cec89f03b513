// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.machine.fs;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;

import org.jspecify.annotations.Nullable;

import dev.isthmus.device.FaultLog;
import dev.isthmus.fuse.Caller;
import dev.isthmus.fuse.FileAttributes;
import dev.isthmus.kvm.linux.Errno;
import dev.isthmus.kvm.linux.FileCalls;
import dev.isthmus.kvm.linux.FileCredentials;
import dev.isthmus.kvm.linux.IoVectors;
import dev.isthmus.kvm.linux.Statfs;
import dev.isthmus.kvm.linux.Statx;

/** What a thread needs to work on a shared folder, so that its calls allocate nothing. That thread alone. */
final class FolderWorker {
    /** More pieces than guests make of a request as a rule; longer ones take several calls. */
    static final int VECTORS = 256;

    /** The most that the names of a file's extended attributes take, in bytes (linux/limits.h). */
    private static final int XATTR_LIST_MAX = 1 << 16;

    private static final WorkersOfThread WORKERS = new WorkersOfThread();

    /** A class and not {@code ThreadLocal.withInitial}, whose lambda would be spun while a VM starts. */
    private static final class WorkersOfThread extends ThreadLocal<FolderWorker> {
        @Override
        protected FolderWorker initialValue() {
            return new FolderWorker();
        }
    }

    private boolean maskDropped;
    private final FileCredentials credentials = new FileCredentials();
    private final Statx statx = new Statx();
    private final Statfs statfs = new Statfs();
    private final IoVectors vectors = new IoVectors(VECTORS);

    /** Made when a guest asks for the first time, which many never do. */
    private @Nullable MemorySegment names;

    private FolderWorker() {}

    /** Returns the calling thread's. */
    static FolderWorker current() {
        return WORKERS.get();
    }

    Statx statx() {
        return statx;
    }

    Statfs statfs() {
        return statfs;
    }

    IoVectors vectors() {
        return vectors;
    }

    /** Returns memory for the names of all extended attributes that a file can have. */
    MemorySegment names() {
        MemorySegment memory = names;
        if (memory == null) {
            memory = Arena.ofAuto().allocate(XATTR_LIST_MAX);
            names = memory;
        }
        return memory;
    }

    /** Has {@link #statx} tell of a file. */
    long stat(int fd) {
        return FileCalls.statx(fd, statx);
    }

    /**
     * Tells a file's attributes as the guest is to see them.
     *
     * @param owner who owns everything, or null where that is as on the host
     */
    long attributes(int fd, FolderOwnership.@Nullable Squashed owner, FileAttributes attributes) {
        long result = stat(fd);
        if (result < 0) {
            return result;
        }
        attributes.inode = statx.inode();
        attributes.device = statx.device();
        attributes.mount = statx.mount();
        attributes.sizeBytes = statx.sizeBytes();
        attributes.blocks = statx.blocks();
        attributes.accessSeconds = statx.accessSeconds();
        attributes.accessNanos = statx.accessNanos();
        attributes.modifySeconds = statx.modifySeconds();
        attributes.modifyNanos = statx.modifyNanos();
        attributes.changeSeconds = statx.changeSeconds();
        attributes.changeNanos = statx.changeNanos();
        attributes.mode = statx.mode();
        attributes.links = statx.links();
        attributes.deviceNumbers = packed(statx.deviceMajor(), statx.deviceMinor());
        attributes.blockBytes = statx.blockBytes();
        attributes.uid = owner == null ? statx.uid() : owner.uid();
        attributes.gid = owner == null ? statx.gid() : owner.gid();
        return 0;
    }

    /** Packs device numbers as the kernel does (new_encode_dev in linux/kdev_t.h). */
    private static int packed(int major, int minor) {
        return (minor & 0xff) | major << 8 | (minor & ~0xff) << 12;
    }

    /**
     * Makes files for the caller from now on, until {@link #restore}, with the modes that are asked for; tells whether that
     * could be done. Workers alone make files: the thread keeps a file mode mask of its own, 0.
     *
     * @param owner who owns everything, or null where that is the caller
     * @param faults where it is noted that the mask stays
     */
    boolean assume(Caller caller, FolderOwnership.@Nullable Squashed owner, FaultLog faults) {
        if (!maskDropped) {
            maskDropped = true;
            long dropped = FileCredentials.dropFileModeMask();
            if (dropped < 0) {
                faults.report("the umask of this process cuts the modes of new files: unshare "
                        + Errno.text((int) -dropped));
            }
        }
        return owner != null || credentials.assume(caller.uid(), caller.gid());
    }

    /**
     * Has writes clear set-user-ID bits from now on, until {@link #restore}. Whoever runs without privileges needs nothing
     * for that, and root of a squashed folder becomes somebody else for it.
     *
     * @param caller null where they are to stay
     * @return whether that could be done
     */
    boolean strip(@Nullable Caller caller) {
        if (caller == null || credentials.uid() != 0) {
            return true;
        }
        return credentials.assumeUnprivileged(NOBODY, NOBODY);
    }

    /** Is whom the process runs as again. */
    void restore() {
        credentials.restore();
    }

    /** The user and group of no file (the kernel's overflow IDs). */
    private static final int NOBODY = 65_534;
}

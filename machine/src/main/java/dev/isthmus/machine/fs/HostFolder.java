// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.machine.fs;

import java.lang.foreign.MemorySegment;
import java.nio.file.Path;
import java.util.concurrent.atomic.AtomicInteger;

import org.jspecify.annotations.Nullable;

import dev.isthmus.device.FaultLog;
import dev.isthmus.fuse.AttributeChange;
import dev.isthmus.fuse.CachePolicy;
import dev.isthmus.fuse.Caller;
import dev.isthmus.fuse.DirectoryEntries;
import dev.isthmus.fuse.FileAttributes;
import dev.isthmus.fuse.FileName;
import dev.isthmus.fuse.FolderSpace;
import dev.isthmus.fuse.FuseOptions;
import dev.isthmus.fuse.SharedFolder;
import dev.isthmus.kvm.linux.Errno;
import dev.isthmus.kvm.linux.ErrnoException;
import dev.isthmus.kvm.linux.FileCalls;
import dev.isthmus.kvm.linux.FileCredentials;
import dev.isthmus.kvm.linux.FileData;
import dev.isthmus.kvm.linux.HostFile;
import dev.isthmus.kvm.linux.IoVectors;
import dev.isthmus.kvm.linux.Statfs;
import dev.isthmus.machine.VmException;
import dev.isthmus.memory.ScatterView;

/**
 * A folder of the host that a guest uses.
 *
 * <p>A node is an {@code O_PATH} descriptor, which names one file whatever becomes of its names. Every step is one
 * component, relative to a descriptor, by openat2 with RESOLVE_BENEATH, and follows no link: so nothing outside the folder
 * is reachable, whatever the guest asks for, and whatever others do in the folder meanwhile. What somebody on the host
 * moves out of the folder stays reachable for a guest that has found it before, but nothing above or beside it. Only
 * regular files and directories are ever opened, by the descriptor that was looked at and not by name.
 *
 * <p>Role FOLDER_WORKER, several at once. A thread that works here gets a file mode mask of its own (0), and where
 * {@link FolderOwnership.Guest} asks for it, works with files as the guest's user for as long as a call takes.
 */
public final class HostFolder implements SharedFolder, AutoCloseable {
    private static final int NODE_FLAGS = FileCalls.O_PATH | FileCalls.O_NOFOLLOW;
    private static final int RENAME_FLAGS =
            FileCalls.RENAME_NOREPLACE | FileCalls.RENAME_EXCHANGE | FileCalls.RENAME_WHITEOUT;
    private static final int ALLOCATE_FLAGS = FileData.FALLOC_FL_KEEP_SIZE
            | FileData.FALLOC_FL_PUNCH_HOLE
            | FileData.FALLOC_FL_ZERO_RANGE;

    /** The mode bits that can be asked for. */
    static final int PERMISSIONS = 07777;

    /** Of {@link #PERMISSIONS}: set-user-ID and set-group-ID. */
    static final int SET_ID = 06000;

    private final Path path;
    private final int root;

    /** /proc/self/fd, through which descriptors are opened anew. */
    private final int descriptors;

    /** The folder itself, open, to have its file system synchronised. */
    private final int syncFile;

    private final boolean readOnly;

    /** Who owns everything; null where that is as the guest says. */
    private final FolderOwnership.@Nullable Squashed squashed;

    private final FaultLog faults;
    private final XattrPolicy xattrs;
    private final RegularFiles regularFiles;
    private final AttributeChanges changes;

    /** Descriptors that the server has and not closed. */
    private final AtomicInteger handles = new AtomicInteger();

    private HostFolder(
            Path path, int root, int descriptors, int syncFile, boolean readOnly, FolderOwnership ownership, String name) {
        this.path = path;
        this.root = root;
        this.descriptors = descriptors;
        this.syncFile = syncFile;
        this.readOnly = readOnly;
        this.squashed = ownership instanceof FolderOwnership.Squashed owner ? owner : null;
        this.faults = new FaultLog(name);
        this.xattrs = new XattrPolicy(ownership);
        this.regularFiles = new RegularFiles(descriptors);
        this.changes = new AttributeChanges(descriptors, squashed, regularFiles);
    }

    /**
     * Opens a folder.
     *
     * @param path a directory; symbolic links on the way to it are followed, once
     * @param readOnly whether the guest can't change anything in it
     * @param ownership who owns what is in it
     * @param name what log messages call it
     * @throws VmException.Configuration if it can't be opened, or the ownership takes privileges that there are not
     * @throws VmException.HostFault if the host lacks what it takes: Linux 5.6, or /proc
     */
    public static HostFolder open(Path path, boolean readOnly, FolderOwnership ownership, String name) {
        if (ownership instanceof FolderOwnership.Guest && !readOnly && !FileCredentials.mayActAsAnybody()) {
            throw new VmException.Configuration(
                    "To give files of folder " + path + " the guest's owners takes root.",
                    "Run as root, or let all files belong to one user of the guest.");
        }
        int root = (int) checked(FileCalls.openFolder(path.toString()), path);
        int descriptors = -1;
        int syncFile = -1;
        try {
            long procfs = FileCalls.openFolder("/proc/self/fd");
            if (procfs < 0) {
                throw new VmException.HostFault(
                        "Shared folders need /proc: " + Errno.text((int) -procfs), "Mount it.");
            }
            descriptors = (int) procfs;
            syncFile = (int) checked(
                    FileCalls.reopen(descriptors, root, HostFile.O_RDONLY | FileCalls.O_DIRECTORY), path);
            checkBeneath(root);
            return new HostFolder(path, root, descriptors, syncFile, readOnly, ownership, name);
        } catch (RuntimeException e) {
            closeAll(root, descriptors, syncFile);
            throw e;
        }
    }

    /** Looks for something that is hardly there, to know that the host has openat2 and does not forbid it. */
    private static void checkBeneath(int root) {
        long result = FileCalls.openEntry(root, new FileName().zeroTerminated(), NODE_FLAGS, 0);
        if (result >= 0) {
            FileCalls.close((int) result);
        } else if (result == -Errno.ENOSYS || result == -Errno.EPERM) {
            throw new VmException.HostFault(
                    "Shared folders need openat2, which the host does not have or forbids.",
                    "Use Linux 5.6 or later, and a sandbox that allows it.");
        }
    }

    private static long checked(long result, Path path) {
        if (result >= 0) {
            return result;
        }
        int errno = (int) -result;
        throw switch (errno) {
            case Errno.ENOENT -> new VmException.Configuration(
                    "Folder " + path + " does not exist.", "Check the path, or make the folder first.");
            case Errno.ENOTDIR -> new VmException.Configuration(path + " is no folder.", "Share a directory.");
            case Errno.EACCES, Errno.EPERM -> new VmException.Configuration(
                    "No permission to read folder " + path + ".", "Give this user the right to read it.");
            default -> new VmException.HostFault(
                    "Can't open folder " + path + ": " + Errno.text(errno),
                    "",
                    new ErrnoException("open", path.toString(), errno));
        };
    }

    /**
     * Returns server options that fit the host: the usual ones, but no more descriptors than half of what this process may
     * have, so that enough are left for everything else.
     */
    public static FuseOptions optionsFor(CachePolicy cache) {
        long half = FolderDescriptors.LIMIT;
        int files = Math.clamp(half / 4, 1, FuseOptions.DEFAULT_FILES);
        int nodes = Math.clamp(half - files, 2, FuseOptions.DEFAULT_NODES);
        return new FuseOptions(cache, nodes, files);
    }

    /** Returns where the folder is. */
    public Path path() {
        return path;
    }

    /** Returns how many descriptors the server has and has not closed. Any thread. */
    public int openHandles() {
        return handles.get();
    }

    @Override
    public boolean readOnly() {
        return readOnly;
    }

    @Override
    public long root() {
        return root;
    }

    // Every descriptor that the server gets is counted.

    private long counted(long fd) {
        if (fd >= 0) {
            if (!FolderDescriptors.take()) {
                FileCalls.close((int) fd);
                return -Errno.ENFILE;
            }
            handles.incrementAndGet();
        }
        return fd == -Errno.EMFILE ? -Errno.ENFILE : fd;
    }

    @Override
    public void closeNode(long node) {
        closeFile(node);
    }

    @Override
    public void closeFile(long file) {
        FileCalls.close((int) file);
        handles.decrementAndGet();
        FolderDescriptors.giveBack();
    }

    @Override
    public long attributes(long node, FileAttributes attributes) {
        return FolderWorker.current().attributes((int) node, squashed, attributes);
    }

    @Override
    public long lookup(long directory, FileName name, FileAttributes attributes) {
        long fd = FileCalls.openEntry((int) directory, name.zeroTerminated(), NODE_FLAGS, 0);
        long result = fd < 0 ? fd : attributes(fd, attributes);
        if (result < 0 && fd >= 0) {
            FileCalls.close((int) fd);
        }
        return counted(result < 0 ? result : fd);
    }

    @Override
    public long nodeOf(long file) {
        return counted(FileCalls.reopen(descriptors, (int) file, FileCalls.O_PATH));
    }

    @Override
    public long readLink(long node, MemorySegment target) {
        return FileCalls.readLink((int) node, target);
    }

    @Override
    public long change(long node, long file, AttributeChange change, Caller caller) {
        return changes.apply((int) node, (int) file, change, caller);
    }

    // What makes files does it as the caller.

    @Override
    public long makeNode(Caller caller, long directory, FileName name, int mode, int device) {
        FolderWorker worker = FolderWorker.current();
        try {
            return worker.assume(caller, squashed, faults)
                    ? FileCalls.makeNode((int) directory, name.zeroTerminated(), ofFile(mode), device)
                    : -Errno.EPERM;
        } finally {
            worker.restore();
        }
    }

    @Override
    public long makeDirectory(Caller caller, long directory, FileName name, int mode) {
        FolderWorker worker = FolderWorker.current();
        try {
            return worker.assume(caller, squashed, faults)
                    ? FileCalls.makeDirectory((int) directory, name.zeroTerminated(), mode & PERMISSIONS)
                    : -Errno.EPERM;
        } finally {
            worker.restore();
        }
    }

    @Override
    public long makeSymbolicLink(Caller caller, MemorySegment target, long directory, FileName name) {
        FolderWorker worker = FolderWorker.current();
        try {
            return worker.assume(caller, squashed, faults)
                    ? FileCalls.makeSymbolicLink(target, (int) directory, name.zeroTerminated())
                    : -Errno.EPERM;
        } finally {
            worker.restore();
        }
    }

    @Override
    public long create(Caller caller, long directory, FileName name, int flags, int mode) {
        FolderWorker worker = FolderWorker.current();
        int exclusive = (flags & RegularFiles.FLAGS) | HostFile.O_CREAT | HostFile.O_EXCL;
        long created;
        try {
            if (!worker.assume(caller, squashed, faults)) {
                return -Errno.EPERM;
            }
            created = FileCalls.openEntry(
                    (int) directory, name.zeroTerminated(), exclusive, ofFile(mode & PERMISSIONS));
        } finally {
            worker.restore();
        }
        if (created != -Errno.EEXIST || (flags & HostFile.O_EXCL) != 0) {
            return counted(created);
        }
        // There is something, which must be looked at before it is opened.
        long node = FileCalls.openEntry((int) directory, name.zeroTerminated(), NODE_FLAGS, 0);
        if (node < 0) {
            return counted(node);
        }
        try {
            return open(node, flags, caller);
        } finally {
            FileCalls.close((int) node);
        }
    }

    /** Returns the mode that a file gets which is to have one: privileges are not the guest's to give to whoever runs it. */
    private int ofFile(int mode) {
        return squashed != null ? mode & ~SET_ID : mode;
    }

    @Override
    public long createUnnamed(Caller caller, long directory, int flags, int mode) {
        FolderWorker worker = FolderWorker.current();
        int allowed = flags & ((RegularFiles.FLAGS & ~HostFile.O_TRUNC) | HostFile.O_EXCL);
        long created;
        try {
            created = worker.assume(caller, squashed, faults)
                    ? FileCalls.createUnnamed(descriptors, (int) directory, allowed, ofFile(mode & PERMISSIONS))
                    : -Errno.EPERM;
        } finally {
            worker.restore();
        }
        return counted(created);
    }

    @Override
    public long open(long node, int flags, @Nullable Caller stripFor) {
        boolean truncated = stripFor != null && (flags & HostFile.O_TRUNC) != 0;
        int openFlags = truncated ? flags & ~HostFile.O_TRUNC : flags;
        long file = regularFiles.reopen((int) node, openFlags);
        if (!truncated || file < 0) {
            return counted(file);
        }
        long result = regularFiles.truncate((int) node, (int) file, 0, stripFor);
        if (result < 0) {
            FileCalls.close((int) file);
            return result;
        }
        return counted(file);
    }

    @Override
    public long openDirectory(long node) {
        return counted(FileCalls.reopen(descriptors, (int) node, HostFile.O_RDONLY | FileCalls.O_DIRECTORY));
    }

    @Override
    public long link(long node, long directory, FileName name) {
        return FileCalls.link(descriptors, (int) node, (int) directory, name.zeroTerminated());
    }

    @Override
    public long unlink(long directory, FileName name) {
        return FileCalls.unlink((int) directory, name.zeroTerminated());
    }

    @Override
    public long removeDirectory(long directory, FileName name) {
        return FileCalls.removeDirectory((int) directory, name.zeroTerminated());
    }

    @Override
    public long rename(long directory, FileName name, long newDirectory, FileName newName, int flags) {
        if ((flags & ~RENAME_FLAGS) != 0) {
            return -Errno.EINVAL;
        }
        return FileCalls.rename(
                (int) directory, name.zeroTerminated(), (int) newDirectory, newName.zeroTerminated(), flags);
    }

    @Override
    public long read(long file, long offset, ScatterView target) {
        return transfer((int) file, offset, target, false);
    }

    @Override
    public long write(long file, long offset, ScatterView source, @Nullable Caller stripFor) {
        if (stripFor == null) {
            return transfer((int) file, offset, source, true);
        }
        FolderWorker worker = FolderWorker.current();
        try {
            return worker.strip(stripFor) ? transfer((int) file, offset, source, true) : -Errno.EPERM;
        } finally {
            worker.restore();
        }
    }

    /** Reads or writes a whole list, or as much as can be; writes at the end where the offset is negative. */
    private long transfer(int fd, long offset, ScatterView view, boolean write) {
        IoVectors vectors = FolderWorker.current().vectors();
        long done = 0;
        int element = 0;
        try {
            while (element < view.count()) {
                vectors.clear();
                int end = Math.min(element + FolderWorker.VECTORS, view.count());
                for (; element < end; element++) {
                    vectors.add(view.segment(element), view.offset(element), view.lengthBytes(element));
                }
                long wanted = vectors.remainingBytes();
                long result;
                if (!write) {
                    result = FileData.preadv(fd, vectors, offset + done);
                } else if (offset < 0) {
                    result = FileData.append(fd, vectors);
                } else {
                    result = FileData.pwritev(fd, vectors, offset + done);
                }
                if (result < 0) {
                    return done > 0 ? done : result;
                }
                done += result;
                if (result < wanted) {
                    break;
                }
            }
        } finally {
            vectors.clear();
        }
        return done;
    }

    @Override
    public long flush(long file) {
        return FileData.flush((int) file);
    }

    @Override
    public long sync(long file, boolean dataOnly) {
        return FileData.sync((int) file, dataOnly);
    }

    @Override
    public long syncAll() {
        return FileData.syncAll(syncFile);
    }

    @Override
    public long list(long file, long offset, DirectoryEntries entries) {
        return FileData.readDirectory((int) file, offset, entries.memory(), entries.limitBytes());
    }

    @Override
    public long allocate(long file, int mode, long offset, long lengthBytes) {
        return (mode & ~ALLOCATE_FLAGS) != 0
                ? -Errno.EOPNOTSUPP
                : FileData.allocate((int) file, mode, offset, lengthBytes);
    }

    @Override
    public long seek(long file, long offset, int whence) {
        return whence == FileData.SEEK_DATA || whence == FileData.SEEK_HOLE
                ? FileData.seek((int) file, offset, whence)
                : -Errno.EINVAL;
    }

    @Override
    public long copy(long source, long sourceOffset, long target, long targetOffset, long lengthBytes) {
        return FileData.copyRange((int) source, sourceOffset, (int) target, targetOffset, lengthBytes);
    }

    @Override
    public long space(long node, FolderSpace space) {
        Statfs stat = FolderWorker.current().statfs();
        long result = FileCalls.statfs((int) node, stat);
        if (result < 0) {
            return result;
        }
        space.blocks = stat.blocks();
        space.freeBlocks = stat.freeBlocks();
        space.availableBlocks = stat.availableBlocks();
        space.files = stat.files();
        space.freeFiles = stat.freeFiles();
        space.transferBytes = stat.transferBytes();
        space.blockBytes = stat.blockBytes();
        space.nameBytes = Math.min(stat.nameBytes(), FileName.BYTES_MAX);
        return 0;
    }

    @Override
    public long getXattr(long node, MemorySegment name, MemorySegment value) {
        return xattrs.allows(name) ? FileCalls.getXattr((int) node, name, value) : -Errno.EOPNOTSUPP;
    }

    @Override
    public long setXattr(long node, MemorySegment name, MemorySegment value, int flags) {
        return xattrs.allows(name)
                ? FileCalls.setXattr((int) node, name, value, flags)
                : -Errno.EOPNOTSUPP;
    }

    @Override
    public long listXattr(long node, MemorySegment names) {
        return xattrs.list((int) node, names);
    }

    @Override
    public long removeXattr(long node, MemorySegment name) {
        return xattrs.allows(name) ? FileCalls.removeXattr((int) node, name) : -Errno.EOPNOTSUPP;
    }

    /** Closes the folder. The server must have ended its session, and no thread may be in a call. */
    @Override
    public void close() {
        closeAll(root, descriptors, syncFile);
    }

    private static void closeAll(int... fds) {
        for (int fd : fds) {
            if (fd >= 0) {
                FileCalls.close(fd);
            }
        }
    }
}

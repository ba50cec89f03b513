// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.machine.block;

import java.util.concurrent.atomic.AtomicBoolean;

import org.slf4j.LoggerFactory;

import dev.isthmus.kvm.linux.Errno;
import dev.isthmus.kvm.linux.ErrnoException;
import dev.isthmus.kvm.linux.HostFile;
import dev.isthmus.machine.VmException;

/**
 * Locks image files as QEMU does (block/file-posix.c), so that neither opens what the other is writing.
 *
 * <p>Each permission has two bytes, far behind which no header ends; nothing is read or written there. A read lock on
 * the first says "I use this permission", one on the second "nobody else may use it". Read locks never exclude each
 * other: everybody takes theirs first and then looks whether another one's contradict them, so that of two that come at
 * the same time at least one gives up.
 *
 * <pre>
 *   100 + p   permission p is used          p: 0 CONSISTENT_READ, 1 WRITE,
 *   200 + p   permission p is not shared       2 WRITE_UNCHANGED, 3 RESIZE
 * </pre>
 *
 * <p>Whoever opens an image for writing uses 0, 1 and 3, whoever reads it (a read-only disk, a base, a tool) 0; neither
 * shares 1 and 3. The locks go with the file's last descriptor, also when the process is killed.
 */
final class ImageLock {
    private static final int RAW_LOCK_PERM_BASE = 100;
    private static final int RAW_LOCK_SHARED_BASE = 200;

    private static final int BLK_PERM_CONSISTENT_READ = 0;
    private static final int BLK_PERM_WRITE = 1;
    private static final int BLK_PERM_RESIZE = 3;

    private static final int[] READER = {BLK_PERM_CONSISTENT_READ};
    private static final int[] WRITER = {BLK_PERM_CONSISTENT_READ, BLK_PERM_WRITE, BLK_PERM_RESIZE};
    private static final int[] NOT_SHARED = {BLK_PERM_WRITE, BLK_PERM_RESIZE};

    private static final String REMEDY =
            "Stop that process first; locking=off for a disk, and --force-share for a tool, go without this check.";

    /** Said once, not for each image. */
    private static final AtomicBoolean WARNED = new AtomicBoolean();

    private ImageLock() {}

    /**
     * Takes the locks of a file that was just opened.
     *
     * @throws VmException.Configuration if another opening of the file contradicts
     */
    static void take(HostFile file, boolean readOnly) {
        int[] used = readOnly ? READER : WRITER;
        try {
            for (int permission : used) {
                lock(file, RAW_LOCK_PERM_BASE + permission);
            }
            for (int permission : NOT_SHARED) {
                lock(file, RAW_LOCK_SHARED_BASE + permission);
            }
            for (int permission : used) {
                if (file.isLockedByOthers(RAW_LOCK_SHARED_BASE + permission)) {
                    throw inUse(file, permission == BLK_PERM_CONSISTENT_READ ? "keeps it to itself" : "uses it");
                }
            }
            for (int permission : NOT_SHARED) {
                if (file.isLockedByOthers(RAW_LOCK_PERM_BASE + permission)) {
                    throw inUse(file, "may write to it");
                }
            }
        } catch (ErrnoException e) {
            if (!unsupported(e.errno())) {
                throw new VmException.HostFault("Can't lock " + file.path() + ": " + e.getMessage() + ".", "", e);
            }
            if (WARNED.compareAndSet(false, true)) {
                LoggerFactory.getLogger(ImageLock.class)
                        .warn(
                                "{} is on a file system without locks: nothing keeps others from writing to it meanwhile",
                                file.path());
            }
        }
    }

    private static void lock(HostFile file, long offset) {
        if (!file.lockByte(offset)) {
            // Nobody of QEMU's kind takes write locks.
            throw inUse(file, "has locked it");
        }
    }

    private static boolean unsupported(int errno) {
        return errno == Errno.ENOLCK || errno == Errno.EOPNOTSUPP || errno == Errno.EINVAL || errno == Errno.ENOSYS;
    }

    private static VmException.Configuration inUse(HostFile file, String how) {
        return new VmException.Configuration(
                file.path() + " is in use: another process, or another disk of this one, " + how + ".", REMEDY);
    }
}

// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.kvm.linux;

import java.nio.ByteBuffer;

import dev.isthmus.kvm.ffi.Syscall;
import dev.isthmus.kvm.ffi.ThreadMemory;
import dev.isthmus.kvm.generated.Linux;

/**
 * Whom the calling thread is taken for when it works with files, apart from the rest of the process: the kernel keeps
 * credentials for each thread, and only libc keeps those of all threads equal.
 *
 * <p>One thread alone, the one that made it. Allocates nothing after its construction.
 *
 * @see <a href="https://man7.org/linux/man-pages/man2/setfsuid.2.html">setfsuid(2)</a>
 */
public final class FileCredentials {
    /** What it takes to work with files as anybody. */
    private static final int NEEDED = 1 << Linux.CAP_CHOWN()
            | 1 << Linux.CAP_DAC_OVERRIDE()
            | 1 << Linux.CAP_FOWNER()
            | 1 << Linux.CAP_FSETID()
            | 1 << Linux.CAP_SETUID()
            | 1 << Linux.CAP_SETGID();

    private static final int DATA_OFFSET = 16;

    private final int uid;
    private final int gid;
    private boolean other;

    /** Takes note of who the thread is now. */
    public FileCredentials() {
        uid = (int) Syscall.call(Linux.__NR_geteuid());
        gid = (int) Syscall.call(Linux.__NR_getegid());
    }

    /** Tells whether the calling thread may work with files as anybody: user 0, with the privileges that belong to it. */
    public static boolean mayActAsAnybody() {
        ThreadMemory memory = ThreadMemory.current();
        if (Syscall.call(Linux.__NR_geteuid()) != 0 || capabilities(Linux.__NR_capget(), memory) < 0) {
            return false;
        }
        int effective = memory.scratch().getInt(DATA_OFFSET + Linux.OFFSETOF_cap_data_effective());
        return (effective & NEEDED) == NEEDED;
    }

    /** The user that the process runs as. */
    public int uid() {
        return uid;
    }

    /** The group that the process runs as. */
    public int gid() {
        return gid;
    }

    /**
     * Lets the calling thread have a working directory and a file mode mask of its own from now on, and the mask 0: files
     * that it makes have the modes that are asked for.
     *
     * @return a negated error number where the host forbids it (unshare(2)): the mask of the process holds on
     */
    public static long dropFileModeMask() {
        long result = Syscall.call(Linux.__NR_unshare(), Linux.CLONE_FS());
        return result < 0 ? result : Math.min(0, Syscall.call(Linux.__NR_umask(), 0));
    }

    /**
     * Has the thread make files for somebody else, who becomes their owner. Permissions of the directories are not
     * looked at: whoever asks has done that, and knows of groups which this thread does not. For threads that
     * {@linkplain #mayActAsAnybody may act as anybody}; until {@link #restore}.
     *
     * @return whether it could be done; where not, nothing has changed
     */
    public boolean assume(int newUid, int newGid) {
        if (!assumeUnprivileged(newUid, newGid)) {
            return false;
        }
        if (newUid == 0) {
            return true;
        }
        // The kernel took all that root may do with files away with the user; this much is given back.
        ThreadMemory memory = ThreadMemory.current();
        boolean done = capabilities(Linux.__NR_capget(), memory) == 0;
        if (done) {
            int at = DATA_OFFSET + Linux.OFFSETOF_cap_data_effective();
            int effective = memory.scratch().getInt(at);
            memory.scratch().putInt(at, effective | 1 << Linux.CAP_DAC_OVERRIDE());
            done = capabilities(Linux.__NR_capset(), memory) == 0;
        }
        if (!done) {
            restore();
        }
        return done;
    }

    /**
     * As {@link #assume}, without any privilege unless the user is root: what is written to a file clears its set-user-ID
     * and set-group-ID bits.
     */
    public boolean assumeUnprivileged(int newUid, int newGid) {
        Syscall.call(Linux.__NR_setfsgid(), Integer.toUnsignedLong(newGid));
        Syscall.call(Linux.__NR_setfsuid(), Integer.toUnsignedLong(newUid));
        other = true;
        // The calls do not tell whether they failed, but for what they leave: -1 is nobody, and changes nothing.
        boolean done = (int) Syscall.call(Linux.__NR_setfsuid(), -1) == newUid
                && (int) Syscall.call(Linux.__NR_setfsgid(), -1) == newGid;
        if (!done) {
            restore();
        }
        return done;
    }

    /** Is whom the process runs as again. */
    public void restore() {
        if (other) {
            // With user 0 comes back all that root may do with files.
            Syscall.call(Linux.__NR_setfsuid(), uid);
            Syscall.call(Linux.__NR_setfsgid(), gid);
            other = false;
        }
    }

    /** capget or capset of the calling thread, in its scratch memory. */
    private static long capabilities(int number, ThreadMemory memory) {
        ByteBuffer scratch = memory.scratch();
        scratch.putInt(Linux.OFFSETOF_cap_header_version(), Linux._LINUX_CAPABILITY_VERSION_3());
        scratch.putInt(Linux.OFFSETOF_cap_header_pid(), 0);
        return Syscall.call(number, memory.scratchAddress(), memory.scratchAddress() + DATA_OFFSET);
    }
}

// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.kvm.linux;

import dev.isthmus.kvm.ffi.Syscall;
import dev.isthmus.kvm.ffi.ThreadMemory;
import dev.isthmus.kvm.generated.Linux;

/**
 * Signals to single threads, without handlers: how a thread is kicked out of KVM_RUN.
 *
 * <p>The thread blocks the signal for good and asks KVM, by KVM_SET_SIGNAL_MASK, to unblock it inside
 * KVM_RUN. A signal sent at any time then stays pending and makes KVM_RUN return EINTR at once, now or the
 * next time, so that none can be lost between a check and the call. The thread takes it with {@link #consume}
 * before it runs the guest again. No handler ever runs, so no signal disposition of the process is touched.
 *
 * @see <a href="https://man7.org/linux/man-pages/man7/signal.7.html">signal(7)</a>
 */
public final class Signals {
    /**
     * The signal for kicks, SIGURG. By default the kernel discards it, so one that comes to a thread that
     * does not expect it does nothing; it does not queue, so many kicks are one; and neither the JVM nor libc
     * uses it.
     */
    public static final int KICK_SIGNAL = 23;

    /** sizeof(sigset_t) as the kernel sees it. */
    private static final int SIGSET_BYTES = Long.BYTES;

    private static final int TIMEOUT_OFFSET = SIGSET_BYTES;

    private Signals() {}

    /** The kernel's id of the calling thread, for {@link #sendToThread}. */
    public static int currentThreadId() {
        return (int) Syscall.call(Linux.__NR_gettid());
    }

    /** The bit of a signal in a set of signals. */
    public static long bit(int signal) {
        if (signal < 1 || signal > Long.SIZE) {
            throw new IllegalArgumentException("not a signal: " + signal);
        }
        return 1L << (signal - 1);
    }

    /**
     * Blocks signals in the calling thread, which must be a platform thread.
     *
     * @param signals a set of {@link #bit}s
     * @return the set that was blocked before
     */
    public static long block(long signals) {
        return changeMask(Linux.SIG_BLOCK(), signals);
    }

    /**
     * Unblocks signals in the calling thread.
     *
     * @param signals a set of {@link #bit}s
     * @return the set that was blocked before
     */
    public static long unblock(long signals) {
        return changeMask(Linux.SIG_UNBLOCK(), signals);
    }

    private static long changeMask(int how, long signals) {
        ThreadMemory memory = ThreadMemory.current();
        memory.scratch().putLong(0, signals);
        long oldAddress = memory.scratchAddress() + SIGSET_BYTES;
        long result =
                Syscall.call(
                        Linux.__NR_rt_sigprocmask(), how, memory.scratchAddress(), oldAddress, SIGSET_BYTES);
        if (result < 0) {
            throw ErrnoException.of("rt_sigprocmask", Long.toHexString(signals), result);
        }
        return memory.scratch().getLong(SIGSET_BYTES);
    }

    /**
     * Sends a signal to one thread of this process.
     *
     * @param threadId its {@link #currentThreadId}
     * @return whether there is such a thread
     */
    public static boolean sendToThread(int threadId, int signal) {
        long result =
                Syscall.call(Linux.__NR_tgkill(), Syscall.call(Linux.__NR_getpid()), threadId, signal);
        if (result == -Errno.ESRCH) {
            return false;
        }
        if (result < 0) {
            throw ErrnoException.of("tgkill", "thread " + threadId + ", signal " + signal, result);
        }
        return true;
    }

    /**
     * Takes one pending signal off the calling thread, which blocks it. Does not wait.
     *
     * @return whether it was pending
     */
    public static boolean consume(int signal) {
        ThreadMemory memory = ThreadMemory.current();
        memory.clearScratch(TIMEOUT_OFFSET + Linux.SIZEOF_timespec()).putLong(0, bit(signal));
        long result =
                Syscall.call(
                        Linux.__NR_rt_sigtimedwait(),
                        memory.scratchAddress(),
                        0,
                        memory.scratchAddress() + TIMEOUT_OFFSET,
                        SIGSET_BYTES);
        if (result == -Errno.EAGAIN || result == -Errno.EINTR) {
            return false;
        }
        if (result < 0) {
            throw ErrnoException.of("rt_sigtimedwait", "signal " + signal, result);
        }
        return true;
    }
}

// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.kvm.linux;

import java.nio.ByteBuffer;

import dev.isthmus.kvm.ffi.Syscall;
import dev.isthmus.kvm.ffi.ThreadMemory;
import dev.isthmus.kvm.generated.Linux;

/**
 * A timer on CLOCK_MONOTONIC, the clock of {@link System#nanoTime}, whose expiry makes its descriptor
 * readable.
 *
 * <p>Never blocks. Any thread may set it; draining is the part of the one thread that waits for it.
 *
 * @see <a href="https://man7.org/linux/man-pages/man2/timerfd_create.2.html">timerfd_create(2)</a>
 */
public final class TimerFd implements AutoCloseable {
    private static final long NANOS_PER_SECOND = 1_000_000_000L;

    private final Fd fd;

    private TimerFd(Fd fd) {
        this.fd = fd;
    }

    /** A new timer, not set, non-blocking and close-on-exec. */
    public static TimerFd create() {
        long result =
                Syscall.call(
                        Linux.__NR_timerfd_create(),
                        Linux.CLOCK_MONOTONIC(),
                        Linux.TFD_CLOEXEC() | Linux.TFD_NONBLOCK());
        if (result < 0) {
            throw ErrnoException.of("timerfd_create", "CLOCK_MONOTONIC", result);
        }
        return new TimerFd(Fd.owning((int) result));
    }

    /** Its descriptor, which it keeps. */
    public Fd fd() {
        return fd;
    }

    /**
     * Expires once, at a time of {@link System#nanoTime}; at once if that is past. Replaces what was set
     * before.
     *
     * @param deadlineNanos nanoseconds, positive
     */
    public void setDeadline(long deadlineNanos) {
        if (deadlineNanos <= 0) {
            throw new IllegalArgumentException("deadlineNanos " + deadlineNanos + " is not positive");
        }
        set(Linux.TFD_TIMER_ABSTIME(), deadlineNanos, 0);
    }

    /**
     * Expires again and again, first one period from now. Replaces what was set before.
     *
     * @param periodNanos nanoseconds, positive
     */
    public void setPeriod(long periodNanos) {
        if (periodNanos <= 0) {
            throw new IllegalArgumentException("periodNanos " + periodNanos + " is not positive");
        }
        set(0, periodNanos, periodNanos);
    }

    /** Expires no more until it is set again. */
    public void cancel() {
        set(0, 0, 0);
    }

    private void set(int flags, long valueNanos, long intervalNanos) {
        ThreadMemory memory = ThreadMemory.current();
        ByteBuffer timer = memory.scratch();
        putTimespec(timer, Linux.OFFSETOF_itimerspec_it_interval(), intervalNanos);
        putTimespec(timer, Linux.OFFSETOF_itimerspec_it_value(), valueNanos);
        long result =
                Syscall.call(
                        Linux.__NR_timerfd_settime(), fd.number(), flags, memory.scratchAddress(), 0);
        if (result < 0) {
            throw ErrnoException.of("timerfd_settime", fd + ", " + valueNanos + " ns", result);
        }
    }

    private static void putTimespec(ByteBuffer to, int offset, long nanos) {
        to.putLong(offset + Linux.OFFSETOF_timespec_tv_sec(), nanos / NANOS_PER_SECOND);
        to.putLong(offset + Linux.OFFSETOF_timespec_tv_nsec(), nanos % NANOS_PER_SECOND);
    }

    /**
     * How often it expired since it was last asked or set; makes the descriptor unreadable again.
     *
     * @return 0 if it did not
     */
    public long drain() {
        return CounterFd.drain(fd, "timerfd");
    }

    /** Closes the descriptor; does nothing the second time. */
    @Override
    public void close() {
        fd.close();
    }
}

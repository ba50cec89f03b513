// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.kvm.linux;

import dev.isthmus.kvm.ffi.Syscall;
import dev.isthmus.kvm.ffi.ThreadMemory;
import dev.isthmus.kvm.generated.Linux;

/**
 * An eventfd: a 64-bit counter that wakes who waits for it. KVM signals it for ioeventfds and waits for it
 * for irqfds.
 *
 * <p>Never blocks. Any thread may signal it; draining is the part of the one thread that waits for it.
 *
 * @see <a href="https://man7.org/linux/man-pages/man2/eventfd.2.html">eventfd(2)</a>
 */
public final class EventFd implements AutoCloseable {
    private final Fd fd;

    private EventFd(Fd fd) {
        this.fd = fd;
    }

    /** A new eventfd with a counter of zero, non-blocking and close-on-exec. */
    public static EventFd create() {
        long result = Syscall.call(Linux.__NR_eventfd2(), 0, Linux.EFD_CLOEXEC() | Linux.EFD_NONBLOCK());
        if (result < 0) {
            throw ErrnoException.of("eventfd2", "", result);
        }
        return new EventFd(Fd.owning((int) result));
    }

    /** Its descriptor, which it keeps. */
    public Fd fd() {
        return fd;
    }

    /**
     * Adds one to the counter. Does nothing if the counter is at its limit, since its waiter is woken then
     * anyway.
     */
    public void signal() {
        ThreadMemory memory = ThreadMemory.current();
        memory.scratch().putLong(0, 1);
        long result;
        do {
            result = Syscall.call(Linux.__NR_write(), fd.number(), memory.scratchAddress(), Long.BYTES);
        } while (result == -Errno.EINTR);
        if (result < 0 && result != -Errno.EAGAIN) {
            throw ErrnoException.of("write", "eventfd, " + fd, result);
        }
    }

    /**
     * Sets the counter to zero.
     *
     * @return what it was, as an unsigned number; zero if nobody signalled since the last call
     */
    public long drain() {
        return CounterFd.drain(fd, "eventfd");
    }

    /** Closes the descriptor; does nothing the second time. */
    @Override
    public void close() {
        fd.close();
    }
}

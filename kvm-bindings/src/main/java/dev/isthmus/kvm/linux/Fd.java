// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.kvm.linux;

import java.util.concurrent.atomic.AtomicInteger;

import dev.isthmus.kvm.ffi.Syscall;
import dev.isthmus.kvm.generated.Linux;

/**
 * An owned file descriptor, closed once.
 *
 * <p>Any thread may call it, but closing while another thread is in a call on the descriptor is the owner's
 * mistake: the kernel may give the number to another file at once.
 */
public final class Fd implements AutoCloseable {
    private static final int CLOSED = -1;

    private final AtomicInteger number;

    private Fd(int number) {
        this.number = new AtomicInteger(number);
    }

    /**
     * Takes the ownership of an open descriptor.
     *
     * @throws IllegalArgumentException if {@code number} is negative
     */
    public static Fd owning(int number) {
        if (number < 0) {
            throw new IllegalArgumentException("not a file descriptor: " + number);
        }
        return new Fd(number);
    }

    /**
     * The descriptor's number, for one call.
     *
     * @throws IllegalStateException if it is closed
     */
    public int number() {
        int open = number.get();
        if (open == CLOSED) {
            throw new IllegalStateException("the file descriptor is closed");
        }
        return open;
    }

    /** Whether it was not closed yet. */
    public boolean isOpen() {
        return number.get() != CLOSED;
    }

    /** Duplicates the descriptor (close-on-exec): both name the same open file. */
    public Fd duplicate() {
        return duplicateOf(number());
    }

    /**
     * Duplicates a descriptor that somebody else owns (close-on-exec), such as standard input: both name the
     * same open file, and closing the duplicate leaves the other open.
     */
    public static Fd duplicateOf(int number) {
        long result = Syscall.call(Linux.__NR_fcntl(), number, Linux.F_DUPFD_CLOEXEC(), 0);
        if (result < 0) {
            throw ErrnoException.of("fcntl", "F_DUPFD_CLOEXEC, fd " + number, result);
        }
        return new Fd((int) result);
    }

    /** Closes the descriptor; does nothing the second time. */
    @Override
    public void close() {
        int open = number.getAndSet(CLOSED);
        if (open != CLOSED) {
            // The descriptor is gone whatever close(2) returns; what it can report is an earlier write's
            // failure, and what must reach the disk is fsynced.
            Syscall.call(Linux.__NR_close(), open);
        }
    }

    @Override
    public String toString() {
        int open = number.get();
        return open == CLOSED ? "fd (closed)" : "fd " + open;
    }
}

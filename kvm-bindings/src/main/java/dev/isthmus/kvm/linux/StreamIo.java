// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.kvm.linux;

import java.lang.foreign.MemorySegment;
import java.lang.ref.Reference;

import dev.isthmus.kvm.ffi.Syscall;
import dev.isthmus.kvm.generated.Linux;

/**
 * Reads and writes of pipes, terminals and sockets, at most once each: no more than what is there, or fits,
 * now.
 *
 * <p>Any thread; whether a call waits depends on the descriptor ({@link #setNonBlocking}). Allocates nothing.
 */
public final class StreamIo {
    /** There is nothing to read, or no room to write, and the descriptor does not wait. */
    public static final int WOULD_BLOCK = -1;

    /** The peer has gone: nothing more will be read or taken. */
    public static final int END_OF_STREAM = -2;

    private StreamIo() {}

    /**
     * Reads what is there.
     *
     * @param target native memory, not empty
     * @return how many bytes were read, at least 1; {@link #WOULD_BLOCK} or {@link #END_OF_STREAM}
     */
    public static int read(Fd fd, MemorySegment target) {
        long result = transfer(Linux.__NR_read(), fd, target);
        // EIO is how a pseudo-terminal says that its other side is closed.
        if (result == 0 || result == -Errno.ECONNRESET || result == -Errno.EIO) {
            return END_OF_STREAM;
        }
        return countOrThrow("read", fd, result);
    }

    /**
     * Writes what fits.
     *
     * @param source native memory, not empty
     * @return how many bytes were written, at least 1; {@link #WOULD_BLOCK} or {@link #END_OF_STREAM}
     */
    public static int write(Fd fd, MemorySegment source) {
        long result = transfer(Linux.__NR_write(), fd, source);
        // The JVM ignores SIGPIPE.
        if (result == -Errno.EPIPE || result == -Errno.ECONNRESET) {
            return END_OF_STREAM;
        }
        return countOrThrow("write", fd, result);
    }

    private static long transfer(int number, Fd fd, MemorySegment memory) {
        if (memory.byteSize() == 0) {
            throw new IllegalArgumentException("nothing to transfer");
        }
        long address = NativeMemory.addressOf(memory);
        int length = (int) Math.min(memory.byteSize(), Integer.MAX_VALUE);
        try {
            long result;
            do {
                result = Syscall.call(number, fd.number(), address, length);
            } while (result == -Errno.EINTR);
            return result;
        } finally {
            Reference.reachabilityFence(memory);
        }
    }

    private static int countOrThrow(String call, Fd fd, long result) {
        if (result == -Errno.EAGAIN) {
            return WOULD_BLOCK;
        }
        if (result < 0) {
            throw ErrnoException.of(call, fd.toString(), result);
        }
        return (int) result;
    }

    /**
     * Makes calls return {@link #WOULD_BLOCK} instead of waiting, or not. The setting is the open file's: it
     * holds for everybody who shares it, other processes included, so standard streams are set back at the
     * end.
     *
     * @return what the setting was before
     */
    public static boolean setNonBlocking(Fd fd, boolean nonBlocking) {
        long flags = Syscall.call(Linux.__NR_fcntl(), fd.number(), Linux.F_GETFL());
        if (flags < 0) {
            throw ErrnoException.of("fcntl", "F_GETFL, " + fd, flags);
        }
        boolean before = (flags & Linux.O_NONBLOCK()) != 0;
        if (before != nonBlocking) {
            long result =
                    Syscall.call(
                            Linux.__NR_fcntl(),
                            fd.number(),
                            Linux.F_SETFL(),
                            flags ^ Linux.O_NONBLOCK());
            if (result < 0) {
                throw ErrnoException.of("fcntl", "F_SETFL, " + fd, result);
            }
        }
        return before;
    }
}

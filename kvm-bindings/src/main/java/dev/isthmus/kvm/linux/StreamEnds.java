// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.kvm.linux;

import java.nio.ByteBuffer;

import dev.isthmus.kvm.ffi.Syscall;
import dev.isthmus.kvm.ffi.ThreadMemory;
import dev.isthmus.kvm.generated.Linux;

/**
 * The ends of a stream socket's two directions. Any thread; nothing waits. Allocates nothing.
 *
 * @see <a href="https://man7.org/linux/man-pages/man2/shutdown.2.html">shutdown(2)</a>
 */
public final class StreamEnds {
    private StreamEnds() {}

    /** Ends the sending: the peer finds the end of the stream behind what was sent. Nothing where the peer has gone. */
    public static void endSending(Fd socket) {
        shutdown(socket, Linux.SHUT_WR());
    }

    /** Ends the receiving: the peer cannot send any more. Nothing where the peer has gone. */
    public static void endReceiving(Fd socket) {
        shutdown(socket, Linux.SHUT_RD());
    }

    private static void shutdown(Fd socket, int how) {
        long result = Syscall.call(Linux.__NR_shutdown(), socket.number(), how);
        if (result < 0 && result != -Errno.ENOTCONN) {
            throw ErrnoException.of("shutdown", socket.toString(), result);
        }
    }

    /** Tells whether both directions have ended, or the socket has failed. There may be something to read yet. */
    public static boolean hungUp(Fd socket) {
        ThreadMemory memory = ThreadMemory.current();
        ByteBuffer poll = memory.clearScratch(Linux.SIZEOF_pollfd());
        poll.putInt(Linux.OFFSETOF_pollfd_fd(), socket.number());
        long result;
        do {
            result = Syscall.call(Linux.__NR_poll(), memory.scratchAddress(), 1, 0);
        } while (result == -Errno.EINTR);
        if (result < 0) {
            throw ErrnoException.of("poll", socket.toString(), result);
        }
        int found = memory.scratch().getShort(Linux.OFFSETOF_pollfd_revents());
        return (found & (Linux.POLLHUP() | Linux.POLLERR())) != 0;
    }
}

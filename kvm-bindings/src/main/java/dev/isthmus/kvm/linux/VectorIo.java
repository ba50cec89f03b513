// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.kvm.linux;

import java.lang.ref.Reference;

import dev.isthmus.kvm.ffi.Syscall;
import dev.isthmus.kvm.generated.Linux;

/**
 * Reads and writes of sockets, taps and their like from and to several pieces of memory, one system call each, for
 * somebody who is to be told of errors by their number: a result from 0, or a negated error number of {@link Errno}.
 *
 * <p>Any thread; whether a call waits depends on the descriptor ({@link StreamIo#setNonBlocking}). Allocates nothing.
 */
public final class VectorIo {
    private VectorIo() {}

    /**
     * Reads what is there: of a tap, one packet.
     *
     * @param vectors the pieces, left as they are
     * @return how many bytes were read, 0 at the end of a stream
     */
    public static long readv(Fd fd, IoVectors vectors) {
        return transfer(Linux.__NR_readv(), fd, vectors);
    }

    /**
     * Writes what fits: to a tap, one packet.
     *
     * @param vectors the pieces, left as they are
     * @return how many bytes were written
     */
    public static long writev(Fd fd, IoVectors vectors) {
        return transfer(Linux.__NR_writev(), fd, vectors);
    }

    private static long transfer(int number, Fd fd, IoVectors vectors) {
        try {
            long result;
            do {
                result = Syscall.call(number, fd.number(), vectors.address(), vectors.count());
            } while (result == -Errno.EINTR);
            return result;
        } finally {
            Reference.reachabilityFence(vectors);
        }
    }
}

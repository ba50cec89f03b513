// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.kvm.linux;

import dev.isthmus.kvm.ffi.Syscall;
import dev.isthmus.kvm.ffi.ThreadMemory;
import dev.isthmus.kvm.generated.Linux;

/** What eventfd(2) and timerfd have in common: a read gives a counter of eight bytes and sets it to zero. */
final class CounterFd {
    private CounterFd() {}

    /**
     * Reads the counter. Any thread; allocates nothing.
     *
     * @param kind what errors call the descriptor
     * @return the counter, as an unsigned number; zero where a read would block
     */
    static long drain(Fd fd, String kind) {
        ThreadMemory memory = ThreadMemory.current();
        long result;
        do {
            result = Syscall.call(Linux.__NR_read(), fd.number(), memory.scratchAddress(), Long.BYTES);
        } while (result == -Errno.EINTR);
        if (result == -Errno.EAGAIN) {
            return 0;
        }
        if (result < 0) {
            throw ErrnoException.of("read", kind + ", " + fd, result);
        }
        return memory.scratch().getLong(0);
    }
}

// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.kvm.linux;

import java.lang.foreign.MemorySegment;
import java.lang.ref.Reference;
import java.util.Objects;

import dev.isthmus.kvm.ffi.Syscall;
import dev.isthmus.kvm.generated.Linux;

/**
 * Pages of memory that is shared by a descriptor, for somebody who is to be told of errors by their number.
 *
 * <p>Any thread. Allocates nothing.
 */
public final class SharedPages {
    private SharedPages() {}

    /**
     * Gives pages back to the host, as {@link HostMapping#discard} does: they read as zeroes afterwards, for everybody who
     * maps them.
     *
     * @param memory a part of a mapping that is shared and writable
     * @param offset where in it; a multiple of the page size as an address
     * @param lengthBytes a multiple of the page size
     * @return 0, or a negated error number of {@link Errno}: EOPNOTSUPP where what is mapped can't have holes
     */
    public static long remove(MemorySegment memory, long offset, long lengthBytes) {
        Objects.checkFromIndexSize(offset, lengthBytes, memory.byteSize());
        long address = NativeMemory.addressOf(memory) + offset;
        long result;
        try {
            do {
                result = Syscall.call(Linux.__NR_madvise(), address, lengthBytes, Linux.MADV_REMOVE());
            } while (result == -Errno.EINTR || result == -Errno.EAGAIN);
        } finally {
            Reference.reachabilityFence(memory);
        }
        return result;
    }
}

// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.kvm.linux;

import java.lang.foreign.MemorySegment;
import java.lang.ref.Reference;
import java.util.Objects;

import dev.isthmus.kvm.ffi.Syscall;
import dev.isthmus.kvm.generated.Linux;

/**
 * The kernel's random bytes, fit for cryptography.
 *
 * <p>Any thread. Allocates nothing.
 *
 * @see <a href="https://man7.org/linux/man-pages/man2/getrandom.2.html">getrandom(2)</a>
 */
public final class RandomBytes {
    private RandomBytes() {}

    /**
     * Fills memory, without waiting for the kernel to have gathered enough after its start.
     *
     * @param target native memory
     * @param offset where in it
     * @param lengthBytes how much, from 0
     * @return how many bytes were filled, or a negated error number of {@link Errno} where none were: EAGAIN before the
     *     kernel has gathered enough
     */
    public static long fill(MemorySegment target, long offset, int lengthBytes) {
        Objects.checkFromIndexSize(offset, lengthBytes, target.byteSize());
        long address = NativeMemory.addressOf(target) + offset;
        int done = 0;
        try {
            while (done < lengthBytes) {
                long result =
                        Syscall.call(Linux.__NR_getrandom(), address + done, lengthBytes - done, Linux.GRND_NONBLOCK());
                if (result >= 0) {
                    // A signal may cut long calls short.
                    done += (int) result;
                } else if (result != -Errno.EINTR) {
                    return done == 0 ? result : done;
                }
            }
        } finally {
            Reference.reachabilityFence(target);
        }
        return done;
    }
}

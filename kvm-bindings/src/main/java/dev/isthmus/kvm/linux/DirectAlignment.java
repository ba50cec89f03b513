// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.kvm.linux;

import org.jspecify.annotations.Nullable;

import dev.isthmus.kvm.ffi.Syscall;
import dev.isthmus.kvm.ffi.ThreadMemory;
import dev.isthmus.kvm.generated.Linux;

/**
 * What memory and offsets must be multiples of with {@link HostFile#O_DIRECT}.
 *
 * @param memoryBytes of addresses
 * @param offsetBytes of offsets and lengths; 0 where the file has no direct I/O at all
 * @see <a href="https://man7.org/linux/man-pages/man2/statx.2.html">statx(2)</a>
 */
public record DirectAlignment(int memoryBytes, int offsetBytes) {
    /**
     * Asks the kernel.
     *
     * @return null where the kernel or the file system does not tell
     */
    public static @Nullable DirectAlignment of(HostFile file) {
        ThreadMemory memory = ThreadMemory.current();
        // The result comes first in the scratch; the empty path, a zero byte, is behind it.
        int emptyPath = ThreadMemory.SCRATCH_BYTES - Long.BYTES;
        memory.scratch().putLong(emptyPath, 0);
        long result = Syscall.call(
                Linux.__NR_statx(),
                file.fd().number(),
                memory.scratchAddress() + emptyPath,
                Linux.AT_EMPTY_PATH(),
                Linux.STATX_DIOALIGN(),
                memory.scratchAddress(),
                0);
        if (result < 0 || (memory.scratch().getInt(Linux.OFFSETOF_statx_stx_mask()) & Linux.STATX_DIOALIGN()) == 0) {
            return null;
        }
        return new DirectAlignment(
                memory.scratch().getInt(Linux.OFFSETOF_statx_stx_dio_mem_align()),
                memory.scratch().getInt(Linux.OFFSETOF_statx_stx_dio_offset_align()));
    }
}

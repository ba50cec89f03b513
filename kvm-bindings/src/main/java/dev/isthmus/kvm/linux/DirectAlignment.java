// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.kvm.linux;

import org.jspecify.annotations.Nullable;

import dev.isthmus.kvm.ffi.Syscall;
import dev.isthmus.kvm.ffi.ThreadMemory;

/**
 * What memory and offsets must be multiples of with {@link HostFile#O_DIRECT}.
 *
 * @param memoryBytes of addresses
 * @param offsetBytes of offsets and lengths; 0 where the file has no direct I/O at all
 * @see <a href="https://man7.org/linux/man-pages/man2/statx.2.html">statx(2)</a>
 */
public record DirectAlignment(int memoryBytes, int offsetBytes) {
    /** statx(2) on x86-64. */
    private static final int NR_STATX = 332;

    /** {@code stx_dio_mem_align} and {@code stx_dio_offset_align} are wanted (linux/stat.h, since Linux 6.1). */
    private static final int STATX_DIOALIGN = 0x2000;

    private static final int OFFSETOF_STATX_MASK = 0;
    private static final int OFFSETOF_STATX_DIO_MEM_ALIGN = 0x98;
    private static final int OFFSETOF_STATX_DIO_OFFSET_ALIGN = 0x9c;

    /** The path given is empty: the descriptor itself is meant (fcntl.h). */
    private static final int AT_EMPTY_PATH = 0x1000;

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
                NR_STATX,
                file.fd().number(),
                memory.scratchAddress() + emptyPath,
                AT_EMPTY_PATH,
                STATX_DIOALIGN,
                memory.scratchAddress(),
                0);
        if (result < 0 || (memory.scratch().getInt(OFFSETOF_STATX_MASK) & STATX_DIOALIGN) == 0) {
            return null;
        }
        return new DirectAlignment(
                memory.scratch().getInt(OFFSETOF_STATX_DIO_MEM_ALIGN),
                memory.scratch().getInt(OFFSETOF_STATX_DIO_OFFSET_ALIGN));
    }
}

// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.kvm.linux;

import dev.isthmus.kvm.ffi.Syscall;
import dev.isthmus.kvm.ffi.ThreadMemory;
import dev.isthmus.kvm.generated.Linux;

/** What the host lets this process have. */
public final class ResourceLimits {
    private ResourceLimits() {}

    /** How many descriptors it may have open now (RLIMIT_NOFILE); Long.MAX_VALUE where there is no limit. */
    public static long openFiles() {
        ThreadMemory memory = ThreadMemory.current();
        long result = Syscall.call(
                Linux.__NR_prlimit64(), 0, Linux.RLIMIT_NOFILE(), 0, memory.scratchAddress());
        if (result < 0) {
            throw ErrnoException.of("prlimit64", "RLIMIT_NOFILE", result);
        }
        long limit = memory.scratch().getLong(Linux.OFFSETOF_rlimit_rlim_cur());
        return limit < 0 ? Long.MAX_VALUE : limit;
    }
}

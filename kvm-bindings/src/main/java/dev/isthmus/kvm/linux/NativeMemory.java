// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.kvm.linux;

import java.lang.foreign.MemorySegment;

/** Addresses for system calls. */
final class NativeMemory {
    private NativeMemory() {}

    /**
     * A segment's address.
     *
     * @throws IllegalArgumentException if it is not native memory
     * @throws IllegalStateException if it was freed
     */
    static long addressOf(MemorySegment segment) {
        if (!segment.isNative()) {
            throw new IllegalArgumentException("not native memory");
        }
        if (!segment.scope().isAlive()) {
            throw new IllegalStateException("the memory was freed");
        }
        return segment.address();
    }
}

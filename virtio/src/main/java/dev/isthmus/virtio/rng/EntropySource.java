// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.virtio.rng;

import java.lang.foreign.MemorySegment;

/** Where an entropy device has its random bytes from. Called on the loop thread of the device. */
@FunctionalInterface
public interface EntropySource {
    /**
     * Writes random bytes fit for cryptography. Never blocks, never throws for want of them, and allocates nothing.
     *
     * @param target the guest's memory
     * @param offset where in it
     * @param lengthBytes how many are wanted, 1 to {@link VirtioRng#REQUEST_BYTES_MAX}
     * @return how many were written, from {@code offset} on; fewer than wanted, or none, where the host has no more for now
     */
    int fill(MemorySegment target, long offset, int lengthBytes);
}

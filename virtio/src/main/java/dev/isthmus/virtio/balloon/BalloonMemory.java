// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.virtio.balloon;

import java.lang.foreign.MemorySegment;

/** The host's side of guest RAM, as a balloon needs it. Called on the loop thread of the device. */
public interface BalloonMemory {
    /** Returns the size of the host's pages, of which nothing less can be released: a power of 2, 4096 or more. */
    long pageBytes();

    /**
     * Gives memory truly back to the host: it takes up none until it is touched again, and then it is zero. Allocates
     * nothing, and does not wait for anything but the kernel's own work, which is a fraction of a
     * millisecond for {@link VirtioBalloon#RELEASE_BYTES_MAX}, the most that is asked for at once.
     *
     * @param segment guest RAM
     * @param offset where in it; the memory's address is a multiple of {@link #pageBytes}
     * @param lengthBytes how much: a multiple of {@link #pageBytes}
     * @return whether the host took it; where not, the contents may be lost all the same
     */
    boolean release(MemorySegment segment, long offset, long lengthBytes);
}

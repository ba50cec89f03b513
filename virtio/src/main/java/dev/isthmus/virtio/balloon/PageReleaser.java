// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.virtio.balloon;

import java.lang.foreign.MemorySegment;

/**
 * Gives ranges of guest RAM back to the host, in whole pages of the host's, and keeps to what a round may cost.
 *
 * <p>Loop thread only; allocates nothing.
 */
final class PageReleaser {
    /** Steps of a round: each is a call to the kernel at most, of a few microseconds and what the pages cost. */
    static final int ROUND_STEPS = 64;

    /** Bytes of a round: what is released costs some 150 µs a MiB, page by page. */
    static final long ROUND_BYTES = 2 * VirtioBalloon.RELEASE_BYTES_MAX;

    private final BalloonMemory memory;
    private final BalloonCounters counters;
    private final long pageMask;
    private int steps;
    private long bytes;

    PageReleaser(BalloonMemory memory, BalloonCounters counters) {
        this.memory = memory;
        this.counters = counters;
        this.pageMask = memory.pageBytes() - 1;
    }

    /** Allows another round's work. */
    void beginRound() {
        steps = ROUND_STEPS;
        bytes = ROUND_BYTES;
    }

    /** Takes a step of the round's; tells whether there was one. */
    boolean step() {
        if (steps == 0 || bytes <= 0) {
            return false;
        }
        steps--;
        return true;
    }

    /**
     * Releases a range, but for what is no whole page of the host's at its ends.
     *
     * @return how many bytes are done with: fewer than all where the round is at its end, to be gone on with in the next
     */
    long release(MemorySegment segment, long offset, long lengthBytes) {
        long baseHva = segment.address();
        long end = offset + lengthBytes;
        long firstWhole = ((baseHva + offset + pageMask) & ~pageMask) - baseHva;
        long endWhole = ((baseHva + end) & ~pageMask) - baseHva;
        if (firstWhole >= endWhole) {
            if (!step()) {
                return 0;
            }
            counters.keptBytes.add(lengthBytes);
            return lengthBytes;
        }
        long position = firstWhole;
        while (position < endWhole) {
            if (!step()) {
                return position == firstWhole ? 0 : position - offset;
            }
            long part = Math.min(endWhole - position, VirtioBalloon.RELEASE_BYTES_MAX);
            if (memory.release(segment, position, part)) {
                counters.releasedBytes.add(part);
            } else {
                counters.failedBytes.add(part);
            }
            bytes -= part;
            if (position == firstWhole) {
                counters.keptBytes.add(firstWhole - offset);
            }
            position += part;
        }
        counters.keptBytes.add(end - endWhole);
        return lengthBytes;
    }
}

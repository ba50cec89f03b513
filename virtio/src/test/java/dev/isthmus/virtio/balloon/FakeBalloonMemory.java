// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.virtio.balloon;

import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;

import dev.isthmus.memory.GuestMemory;
import dev.isthmus.memory.MemoryRegion;
import dev.isthmus.memory.Scatters;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

/** Notes what is released, and makes it zero as the host would. Checks the promises of {@link BalloonMemory}. */
final class FakeBalloonMemory implements BalloonMemory {
    /**
     * A range.
     *
     * @param gpa where
     * @param lengthBytes how much
     */
    record Range(long gpa, long lengthBytes) {}

    private final GuestMemory memory;
    private final long pageBytes;

    /** What was released, in order; not noted where null. */
    List<Range> released = new ArrayList<>();

    /** Whether the host refuses. */
    boolean refusing;

    /** Whether nothing is noted or changed, for tests that count what is allocated. */
    boolean idle;

    int calls;

    FakeBalloonMemory(GuestMemory memory, long pageBytes) {
        this.memory = memory;
        this.pageBytes = pageBytes;
    }

    @Override
    public long pageBytes() {
        return pageBytes;
    }

    @Override
    public boolean release(MemorySegment segment, long offset, long lengthBytes) {
        calls++;
        if (idle) {
            return true;
        }
        assertTrue(lengthBytes > 0 && lengthBytes <= VirtioBalloon.RELEASE_BYTES_MAX);
        assertEquals(0, lengthBytes % pageBytes);
        assertEquals(0, (segment.address() + offset) % pageBytes);
        if (refusing) {
            return false;
        }
        Scatters.zero(segment, offset, lengthBytes);
        released.add(new Range(gpa(segment, offset, lengthBytes), lengthBytes));
        return true;
    }

    private long gpa(MemorySegment segment, long offset, long lengthBytes) {
        for (MemoryRegion region : memory.regions()) {
            long start = segment.address() + offset - region.segment().address();
            if (start >= 0 && start + lengthBytes <= region.lengthBytes()) {
                return region.startGpa() + start;
            }
        }
        throw new AssertionError("not guest RAM");
    }

    /** Returns what was released since the last call. */
    List<Range> take() {
        List<Range> taken = released;
        released = new ArrayList<>();
        return taken;
    }
}

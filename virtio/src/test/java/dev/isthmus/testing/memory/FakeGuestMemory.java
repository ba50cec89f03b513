// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.testing.memory;

import java.lang.foreign.Arena;

import dev.isthmus.memory.GuestMemory;
import dev.isthmus.memory.MemoryRegion;

/** Guest memory for tests: native, zeroed, with holes, freed by the garbage collector. */
public final class FakeGuestMemory {
    private static final long PAGE_BYTES = 4096;

    private FakeGuestMemory() {}

    /** Makes one region from address 0. */
    public static GuestMemory ofBytes(long lengthBytes) {
        return GuestMemory.of(region(0, lengthBytes));
    }

    /** Makes two regions with a hole between them. */
    public static GuestMemory withHole(long lowBytes, long highStartGpa, long highBytes) {
        return GuestMemory.of(region(0, lowBytes), region(highStartGpa, highBytes));
    }

    private static MemoryRegion region(long startGpa, long lengthBytes) {
        return new MemoryRegion(startGpa, Arena.ofAuto().allocate(lengthBytes, PAGE_BYTES));
    }
}

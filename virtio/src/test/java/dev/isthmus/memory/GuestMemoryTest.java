// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.memory;

import org.junit.jupiter.api.Test;

import dev.isthmus.testing.memory.FakeGuestMemory;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

class GuestMemoryTest {
    private final GuestMemory memory = FakeGuestMemory.withHole(0x2000, 0x1_0000_0000L, 0x1000);

    @Test
    void rangeThatEndsWithItsRegionIsContained() {
        assertTrue(memory.contains(0x1ff0, 0x10));
        assertTrue(memory.contains(0x1_0000_0fffL, 1));
    }

    @Test
    void rangeThatCrossesIntoTheHoleIsNotContained() {
        assertFalse(memory.contains(0x1ff0, 0x11));
        assertFalse(memory.contains(0x2000, 1));
    }

    @Test
    void hugeAndNegativeRangesAreNotContained() {
        assertFalse(memory.contains(0x1000, Long.MAX_VALUE));
        assertFalse(memory.contains(-1, 1));
        assertFalse(memory.contains(Long.MIN_VALUE, Long.MIN_VALUE));
        assertFalse(memory.contains(0x1000, -1));
        assertFalse(memory.contains(Long.MAX_VALUE, Long.MAX_VALUE));
    }

    @Test
    void valuesAreLittleEndianAndZeroExtended() {
        memory.writeU64(0x11, 0xfedc_ba98_8765_4321L);

        assertEquals(0x21, memory.readU8(0x11));
        assertEquals(0x8765, memory.readU16(0x13));
        assertEquals(0xfedc_ba98L, memory.readU32(0x15));
        assertEquals(0xfedc_ba98_8765_4321L, memory.readU64(0x11));
    }

    @Test
    void accessOutsideThrows() {
        assertThrows(IndexOutOfBoundsException.class, () -> memory.readU32(0x1ffd));
        assertThrows(IndexOutOfBoundsException.class, () -> memory.write(0x1fff, new byte[2], 0, 2));
    }

    @Test
    void overlappingRegionsAreRefused() {
        MemoryRegion low = memory.regions().get(0);

        assertThrows(IllegalArgumentException.class, () -> GuestMemory.of(low, new MemoryRegion(0x1fff, low.segment())));
    }
}

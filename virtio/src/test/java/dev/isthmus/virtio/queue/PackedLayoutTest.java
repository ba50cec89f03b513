// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.virtio.queue;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

import dev.isthmus.memory.GuestMemory;
import dev.isthmus.testing.memory.FakeGuestMemory;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;

/** The table of sizes and alignments in virtio 1.2, section 2.8.10.1. */
class PackedLayoutTest {
    private static final long RAM_BYTES = 0x2000;

    private final GuestMemory memory = FakeGuestMemory.ofBytes(RAM_BYTES);

    private LayoutOutcome check(long size, long ringGpa, long driverEventGpa, long deviceEventGpa) {
        return PackedLayout.check(memory, size, 128, ringGpa, driverEventGpa, deviceEventGpa);
    }

    private static void assertFault(QueueFault expected, LayoutOutcome outcome) {
        assertEquals(expected, assertInstanceOf(Malformed.class, outcome).reason());
    }

    @ParameterizedTest
    @ValueSource(longs = {1, 2, 3, 7, 100, 127, 128})
    void anySizeUpToTheMaximumIsSound(long size) {
        PackedLayout layout = assertInstanceOf(PackedLayout.class, check(size, 0, 0x1000, 0x1004));

        assertEquals(size, layout.queueSize());
    }

    @ParameterizedTest
    @ValueSource(longs = {0, 129, 0xffff_ffffL, -1, Long.MIN_VALUE, 1L << 32})
    void otherSizesAreMalformed(long size) {
        assertFault(QueueFault.QUEUE_SIZE, check(size, 0, 0x1000, 0x1004));
    }

    @Test
    void partsMustBeAligned() {
        assertFault(QueueFault.RING_ALIGNMENT, check(8, 8, 0x1000, 0x1004));
        assertFault(QueueFault.RING_ALIGNMENT, check(8, 0, 0x1002, 0x1004));
        assertFault(QueueFault.RING_ALIGNMENT, check(8, 0, 0x1000, 0x1006));
    }

    @Test
    void partsMustLieInRamToTheirLastByte() {
        long ring = RAM_BYTES - 16 * 7;

        assertInstanceOf(PackedLayout.class, check(7, ring, 0, 4));
        assertFault(QueueFault.RING_OUTSIDE_RAM, check(7, ring + 16, 0, 4));
        assertInstanceOf(PackedLayout.class, check(7, 0, RAM_BYTES - 4, RAM_BYTES - 4));
        assertFault(QueueFault.RING_OUTSIDE_RAM, check(7, 0, RAM_BYTES, 0x1000));
        assertFault(QueueFault.RING_OUTSIDE_RAM, check(7, 0, 0x1000, RAM_BYTES));
    }

    @ParameterizedTest
    @ValueSource(longs = {0x7fff_ffff_ffff_fff0L, 0xffff_ffff_ffff_fff0L, 0x8000_0000_0000_0000L, 0x1_0000_0000L})
    void addressesThatOverflowAreOutsideRam(long gpa) {
        assertFault(QueueFault.RING_OUTSIDE_RAM, check(8, gpa, 0x1000, 0x1004));
        assertFault(QueueFault.RING_OUTSIDE_RAM, check(8, 0, gpa, 0x1004));
        assertFault(QueueFault.RING_OUTSIDE_RAM, check(8, 0, 0x1000, gpa));
    }
}

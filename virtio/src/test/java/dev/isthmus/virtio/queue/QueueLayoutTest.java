// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.virtio.queue;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

import dev.isthmus.memory.GuestMemory;
import dev.isthmus.testing.memory.FakeGuestMemory;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;

/** The table of sizes and alignments in virtio 1.2, section 2.7. */
class QueueLayoutTest {
    private static final long RAM_BYTES = 0x2000;

    private final GuestMemory memory = FakeGuestMemory.ofBytes(RAM_BYTES);

    private LayoutOutcome check(long size, long descriptorGpa, long availableGpa, long usedGpa) {
        return QueueLayout.check(memory, size, 128, descriptorGpa, availableGpa, usedGpa);
    }

    private static void assertFault(QueueFault expected, LayoutOutcome outcome) {
        assertEquals(expected, assertInstanceOf(Malformed.class, outcome).reason());
    }

    @Test
    void sizesFollowTheFormulas() {
        assertEquals(16 * 256, QueueLayout.descriptorTableBytes(256));
        assertEquals(6 + 2 * 256, QueueLayout.availableRingBytes(256));
        assertEquals(6 + 8 * 256, QueueLayout.usedRingBytes(256));
        assertEquals(6 + 8L * 32768, QueueLayout.usedRingBytes(QueueLayout.QUEUE_SIZE_LIMIT));
    }

    @ParameterizedTest
    @ValueSource(longs = {1, 2, 64, 128})
    void powersOfTwoUpToTheMaximumAreSound(long size) {
        QueueLayout layout = assertInstanceOf(QueueLayout.class, check(size, 0, 0x1000, 0x1800));

        assertEquals(size, layout.queueSize());
    }

    @ParameterizedTest
    @ValueSource(longs = {0, 3, 127, 256, 0xffff_ffffL, -1, Long.MIN_VALUE, 1L << 32})
    void otherSizesAreMalformed(long size) {
        assertFault(QueueFault.QUEUE_SIZE, check(size, 0, 0x1000, 0x1800));
    }

    @Test
    void partsMustBeAligned() {
        assertFault(QueueFault.RING_ALIGNMENT, check(8, 8, 0x1000, 0x1800));
        assertFault(QueueFault.RING_ALIGNMENT, check(8, 0, 0x1001, 0x1800));
        assertFault(QueueFault.RING_ALIGNMENT, check(8, 0, 0x1000, 0x1802));
    }

    @Test
    void minimumAlignmentsSuffice() {
        assertInstanceOf(QueueLayout.class, check(8, 0x10, 0x1002, 0x1804));
    }

    @Test
    void partsMustLieInRamToTheirLastByte() {
        long descriptors = RAM_BYTES - QueueLayout.descriptorTableBytes(8);
        long available = RAM_BYTES - QueueLayout.availableRingBytes(8);
        long used = RAM_BYTES - QueueLayout.usedRingBytes(8) - 2;

        assertInstanceOf(QueueLayout.class, check(8, descriptors, 0x1000, 0x1800));
        assertFault(QueueFault.RING_OUTSIDE_RAM, check(8, descriptors + 16, 0x1000, 0x1800));
        assertInstanceOf(QueueLayout.class, check(8, 0, available, 0x1800));
        assertFault(QueueFault.RING_OUTSIDE_RAM, check(8, 0, available + 2, 0x1800));
        assertInstanceOf(QueueLayout.class, check(8, 0, 0x1000, used));
        assertFault(QueueFault.RING_OUTSIDE_RAM, check(8, 0, 0x1000, used + 4));
    }

    @ParameterizedTest
    @ValueSource(longs = {0x7fff_ffff_ffff_fff0L, 0xffff_ffff_ffff_fff0L, 0x8000_0000_0000_0000L, 0x1_0000_0000L})
    void addressesThatOverflowAreOutsideRam(long gpa) {
        assertFault(QueueFault.RING_OUTSIDE_RAM, check(8, gpa, 0x1000, 0x1800));
        assertFault(QueueFault.RING_OUTSIDE_RAM, check(8, 0, gpa, 0x1800));
        assertFault(QueueFault.RING_OUTSIDE_RAM, check(8, 0, 0x1000, gpa));
    }
}

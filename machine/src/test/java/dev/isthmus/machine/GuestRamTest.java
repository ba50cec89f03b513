// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.machine;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

import dev.isthmus.memory.GuestMemory;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

class GuestRamTest {
    private static final long GIB = 1L << 30;

    @Test
    void ramUpToTheHoleIsOneRegion() {
        try (GuestRam ram = GuestRam.allocate("test", 3 * GIB, MemoryConfig.DEFAULT)) {
            assertEquals(1, ram.memory().regions().size());
            assertTrue(ram.memory().contains(3 * GIB - 8, 8));
        }
    }

    @Test
    void ramBeyondTheHoleGoesOnAt4Gib() {
        try (GuestRam ram = GuestRam.allocate("test", 5 * GIB, MemoryConfig.DEFAULT)) {
            GuestMemory memory = ram.memory();

            assertEquals(2, memory.regions().size());
            assertFalse(memory.contains(3 * GIB, 1));
            assertTrue(memory.contains(4 * GIB, 2 * GIB));
            memory.writeU64(6 * GIB - 8, 42);
            assertEquals(42, memory.readU64(6 * GIB - 8));
        }
    }

    @Test
    void ramFarBeyondTheHostsIsHadUntilItIsTouched() {
        try (GuestRam ram = GuestRam.allocate("test", 512 * GIB, MemoryConfig.DEFAULT)) {
            ram.memory().writeU8(512 * GIB, 1);

            assertEquals(1, ram.memory().readU8(512 * GIB));
        }
    }

    @Test
    void zeroingClearsAllOfIt() {
        try (GuestRam ram = GuestRam.allocate("test", 2 << 20, new MemoryConfig(false, true))) {
            ram.memory().writeU64(0, -1);
            ram.memory().writeU64((2 << 20) - 8, -1);

            ram.zero();

            assertEquals(0, ram.memory().readU64(0));
            assertEquals(0, ram.memory().readU64((2 << 20) - 8));
        }
    }

    @Test
    void sizesAreRoundedUpToPages() {
        try (GuestRam ram = GuestRam.allocate("test", (1 << 20) + 1, MemoryConfig.DEFAULT)) {
            assertEquals((1 << 20) + 4096, ram.memory().regions().get(0).lengthBytes());
        }
    }

    @ParameterizedTest
    @ValueSource(longs = {Long.MIN_VALUE, -1, 0, 4096, (1 << 20) - 1, Long.MAX_VALUE})
    void sizeThatMakesNoSenseIsRefused(long lengthBytes) {
        VmException.Configuration e = assertThrows(
                VmException.Configuration.class,
                () -> GuestRam.allocate("test", lengthBytes, MemoryConfig.DEFAULT).close());

        assertFalse(e.remedy().isEmpty());
    }

    @Test
    void hugePagesThatTheHostDoesNotHaveAreNamed() {
        long moreThanAnyHostReserves = 1L << 45;

        VmException e = assertThrows(
                VmException.class,
                () -> GuestRam.allocate("test", moreThanAnyHostReserves, new MemoryConfig(true, false)).close());

        assertTrue(String.valueOf(e.getMessage()).contains("huge pages"), e.getMessage());
        assertTrue(e.remedy().contains("vm.nr_hugepages"), e.remedy());
    }
}

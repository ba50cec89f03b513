// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.machine.boot;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

import dev.isthmus.testing.memory.FakeGuestMemory;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

class E820MapTest {
    private static final long MIB = 1L << 20;
    private static final long GIB = 1L << 30;

    @Test
    void smallMachineHasAllItsRamBelowTheHole() {
        E820Map map = E820Map.of(16 * MIB, 0, true);

        assertEquals(
                """
                0 9fc00 1
                9fc00 400 2
                e0000 1e000 3
                fe000 2000 2
                100000 f00000 1
                e0000000 100000 2
                fffbc000 4000 2
                """,
                text(map));
    }

    @Test
    void machineOfThreeGibibytesReachesTheHole() {
        E820Map map = E820Map.of(3 * GIB, 0, true);

        assertTrue(text(map).contains("100000 bff00000 1\n"));
        assertEquals(7, map.size());
    }

    @Test
    void onePageMoreThanThreeGibibytesGoesAboveTheHole() {
        E820Map map = E820Map.of(3 * GIB, 4096, true);

        assertTrue(text(map).endsWith("fffbc000 4000 2\n100000000 1000 1\n"));
    }

    @Test
    void machineOfHundredsOfGibibytesGoesOnAboveTheHole() {
        E820Map map = E820Map.of(3 * GIB, 509 * GIB, true);

        assertTrue(text(map).endsWith("100000000 7f40000000 1\n"));
    }

    @Test
    void tablesAreaIsReservedWithoutAcpi() {
        assertTrue(text(E820Map.of(16 * MIB, 0, false)).contains("e0000 1e000 2\n"));
    }

    @ParameterizedTest
    @CsvSource({"0x100000, 0", "0x1000000, 0", "0xc0000000, 0", "0xc0000000, 4096", "0xc0000000, 0x10000000000"})
    void entriesAscendDoNotOverlapAndHoldAllRamButTheFirstMebibytesHoles(String low, String high) {
        long lowBytes = Long.decode(low);
        long highBytes = Long.decode(high);

        E820Map map = E820Map.of(lowBytes, highBytes, true);

        long ramBytes = 0;
        long end = 0;
        for (int i = 0; i < map.size(); i++) {
            assertTrue(map.startGpa(i) >= end);
            end = map.startGpa(i) + map.lengthBytes(i);
            ramBytes += map.type(i) == E820Map.TYPE_RAM ? map.lengthBytes(i) : 0;
        }
        assertEquals(lowBytes + highBytes - (0x10_0000 - 0x9_fc00), ramBytes);
    }

    @Test
    void mapOfGuestMemoryIsThatOfItsSizes() {
        E820Map map = E820Map.of(FakeGuestMemory.withHole(4 * MIB, 4 * GIB, 2 * MIB), 4 * MIB, true);

        assertEquals(text(E820Map.of(4 * MIB, 2 * MIB, true)), text(map));
    }

    @Test
    void sizesOutOfRangeAreRefused() {
        assertThrows(IllegalArgumentException.class, () -> E820Map.of(MIB - 1, 0, true));
        assertThrows(IllegalArgumentException.class, () -> E820Map.of(3 * GIB + 1, 0, true));
        assertThrows(IllegalArgumentException.class, () -> E820Map.of(3 * GIB, -1, true));
        assertThrows(IllegalArgumentException.class, () -> E820Map.of(3 * GIB, Long.MAX_VALUE, true));
    }

    private static String text(E820Map map) {
        StringBuilder text = new StringBuilder();
        for (int i = 0; i < map.size(); i++) {
            text.append(Long.toHexString(map.startGpa(i)))
                    .append(' ')
                    .append(Long.toHexString(map.lengthBytes(i)))
                    .append(' ')
                    .append(map.type(i))
                    .append('\n');
        }
        return text.toString();
    }
}

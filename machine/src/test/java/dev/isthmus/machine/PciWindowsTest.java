// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.machine;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

class PciWindowsTest {
    private static final long GIB = 1L << 30;

    @ParameterizedTest
    @CsvSource({
        // End of RAM, address bits, window above RAM, all in GiB but the bits.
        "1, 46, 16", "16, 46, 16", "17, 46, 32", "48, 36, 48", "49, 36, 0", "63, 36, 0", "1, 32, 0", "1, 63, 0"
    })
    void windowAboveRamIsAtTheNextMultipleOfItsSizeWhereTheProcessorReachesIt(
            long ramEndGib, int addressBits, long windowGib) {
        PciWindows windows = PciWindows.of(ramEndGib * GIB, addressBits);

        assertEquals(windowGib * GIB, windows.gpa64());
        assertEquals(windowGib == 0 ? 0 : 16 * GIB, windows.length64Bytes());
    }

    @Test
    void rangesAreContainedWholeOrNot() {
        PciWindows windows = new PciWindows(16 * GIB, 16 * GIB);

        assertTrue(windows.contains(0xc000_0000L, 0x2000_0000L));
        assertTrue(windows.contains(16 * GIB, 16 * GIB));
        assertTrue(windows.contains(32 * GIB - 1, 1));
        assertFalse(windows.contains(0xc000_0000L - 1, 2));
        assertFalse(windows.contains(0xe000_0000L - 1, 2));
        assertFalse(windows.contains(16 * GIB, 16 * GIB + 1));
        assertFalse(windows.contains(32 * GIB - 1, 2));
        assertFalse(windows.contains(Long.MAX_VALUE, Long.MAX_VALUE));
        assertFalse(new PciWindows(0, 0).contains(0, 1));
    }
}

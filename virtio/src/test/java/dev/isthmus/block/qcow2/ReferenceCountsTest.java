// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.block.qcow2;

import org.junit.jupiter.api.Test;

import dev.isthmus.block.ImageException;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

class ReferenceCountsTest {
    private static final int MAX_BYTES = 1 << 20;
    private static final long CLUSTERS = 1L << 31;

    private final ReferenceCounts counts = new ReferenceCounts("disk", CLUSTERS, MAX_BYTES);

    @Test
    void countsAreKeptWhereSomethingIsReferredTo() {
        counts.set(7, 3);
        counts.set(CLUSTERS - 1, 2);

        assertEquals(3, counts.get(7));
        assertEquals(0, counts.get(8));
        assertEquals(2, counts.get(CLUSTERS - 1));
        assertTrue(counts.skipEmpty(1 << 20) > CLUSTERS - 4096);
    }

    @Test
    void memoryIsUsedUpByCountsAllOverTheFileAndNotBefore() {
        fill(MAX_BYTES / 4 / 256);
        ImageException e = assertThrows(ImageException.class, () -> counts.set(CLUSTERS - 1, 1));

        assertTrue(String.valueOf(e.getMessage()).contains("disk"), e.getMessage());
        assertTrue(e.remedy().contains("-Xmx"), e.remedy());
    }

    @Test
    void clearedCountsTakeNoMemory() {
        fill(1000);
        counts.clear();

        fill(1000);

        assertEquals(0, counts.get(1));
    }

    /** Touches so many places that are far from each other. */
    private void fill(int places) {
        for (int i = 0; i < places; i++) {
            counts.set((long) i * 4096, 1);
        }
    }
}

// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.virtio.queue;

import dev.isthmus.memory.GuestMemory;
import dev.isthmus.memory.MemoryRegion;
import dev.isthmus.memory.ScatterView;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

/** What every {@link DescriptorChain} promises its device, whatever the driver wrote. */
final class ChainPromises {
    private ChainPromises() {}

    /**
     * Expects a chain to keep them.
     *
     * @param queueSize how many heads there are
     * @param descriptorsMax of how many parts a chain may be
     */
    static void assertKept(DescriptorChain chain, GuestMemory memory, int queueSize, int descriptorsMax) {
        long total = assertInRam(chain.readable(), memory) + assertInRam(chain.writable(), memory);
        assertTrue(total <= 1L << 32);
        assertTrue(chain.readable().count() + chain.writable().count() <= descriptorsMax);
        assertTrue(chain.head() >= 0 && chain.head() < queueSize);
    }

    private static long assertInRam(ScatterView view, GuestMemory memory) {
        long total = 0;
        for (int i = 0; i < view.count(); i++) {
            long length = view.lengthBytes(i);
            boolean found = false;
            for (MemoryRegion region : memory.regions()) {
                found |= region.segment().equals(view.segment(i))
                        && region.contains(region.startGpa() + view.offset(i), length);
            }
            assertTrue(found && length > 0);
            total += length;
        }
        assertEquals(total, view.totalBytes());
        return total;
    }
}

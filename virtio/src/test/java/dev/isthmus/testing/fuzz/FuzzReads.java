// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.testing.fuzz;

import java.lang.foreign.MemorySegment;

import dev.isthmus.block.BlockBackend;
import dev.isthmus.block.DirectAccess;
import dev.isthmus.block.ExtentList;
import dev.isthmus.block.ImageException;
import dev.isthmus.memory.ScatterList;

import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

/** What the targets of image formats have in common: reading a disk, and what its refusals must be. */
public final class FuzzReads {
    private static final int SECTOR_BYTES = 512;

    /** From the start and the end of a disk. */
    private static final int EDGE_SECTORS = 128;

    private static final int PLACES = 8;

    private FuzzReads() {}

    /** Reads a disk at its start, its end and some places that the input names, as far as it goes. */
    public static void some(BlockBackend disk, FuzzInput input) {
        long sectors = disk.capacityBytes() / SECTOR_BYTES;
        assertTrue(sectors >= 0);
        if (sectors == 0) {
            return;
        }
        read(disk, 0, Math.min(EDGE_SECTORS, sectors));
        read(disk, Math.max(0, sectors - EDGE_SECTORS), Math.min(EDGE_SECTORS, sectors));
        for (int i = 0; i < PLACES && input.hasMore(); i++) {
            long sector = Long.remainderUnsigned(input.u64(), sectors);
            read(disk, sector, Math.min(1 + input.below(256), sectors - sector));
        }
    }

    private static void read(BlockBackend disk, long sector, long count) {
        int lengthBytes = (int) count * SECTOR_BYTES;
        ScatterList target = new ScatterList();
        target.add(MemorySegment.ofArray(new byte[lengthBytes]), 0, lengthBytes);
        disk.read(sector * SECTOR_BYTES, target);
        if (disk instanceof DirectAccess direct) {
            ExtentList extents = new ExtentList();
            if (direct.map(false, sector * SECTOR_BYTES, lengthBytes, extents)) {
                direct.unmap(false, extents);
            }
        }
    }

    /** Expects a refusal to be what a user can read: a sentence and a remedy, without what a terminal would obey. */
    public static void assertForUsers(ImageException refusal) {
        String message = String.valueOf(refusal.getMessage());
        assertTrue(message.endsWith("."), message);
        assertFalse(message.chars().anyMatch(Character::isISOControl), message);
        assertFalse(refusal.remedy().chars().anyMatch(Character::isISOControl), refusal.remedy());
    }
}

// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.kvm.linux;

import java.lang.foreign.Arena;
import java.nio.file.Path;

import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.EnabledOnOs;
import org.junit.jupiter.api.condition.OS;
import org.junit.jupiter.api.io.TempDir;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

/** Locks of bytes, and the holes of a sparse file. */
@EnabledOnOs(OS.LINUX)
class HostFileLocksTest {
    private static final int PERMISSIONS = 0600;

    @TempDir
    Path directory;

    private String path = "";
    private HostFile file;

    @BeforeEach
    void makeFile() {
        path = directory.resolve("file").toString();
        file = HostFile.open(path, HostFile.O_RDWR | HostFile.O_CREAT, PERMISSIONS);
    }

    @AfterEach
    void closeFile() {
        file.close();
    }

    @Test
    void lockedByteIsSeenByOtherOpeningsAlone() {
        try (HostFile other = HostFile.open(path, HostFile.O_RDWR, 0)) {
            assertTrue(file.lockByte(201));

            assertFalse(file.isLockedByOthers(201));
            assertTrue(other.isLockedByOthers(201));
            assertFalse(other.isLockedByOthers(202));
            assertTrue(other.lockByte(201), "read locks are shared");
        }
        assertFalse(file.isLockedByOthers(201), "gone with the other opening");
    }

    @Test
    void holesAreTold() {
        file.ftruncate(16 << 20);
        try (Arena arena = Arena.ofConfined()) {
            file.pwrite(arena.allocateFrom("data"), 8 << 20);
        }
        assumeTrue(file.seekData(0) > 0, "no holes on this file system");

        long data = file.seekData(0);

        assertTrue(data > 1 << 20 && data <= 8 << 20, () -> "data at " + data);
        assertTrue(file.seekHole(8 << 20) < 16 << 20, "a hole follows");
        assertEquals(0, file.seekHole(0));
        assertEquals(-1, file.seekData(12 << 20));
        assertEquals(-1, file.seekHole(17 << 20));
        assertTrue(file.allocatedBytes() < 8 << 20, "storage");
    }
}

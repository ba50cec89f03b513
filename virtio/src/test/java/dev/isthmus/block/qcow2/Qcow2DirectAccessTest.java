// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.block.qcow2;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.time.Instant;
import java.util.Arrays;
import java.util.Objects;

import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

import dev.isthmus.block.BlockStatus;
import dev.isthmus.block.ExtentList;
import dev.isthmus.memory.ScatterList;
import dev.isthmus.testing.block.MemoryImageFile;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertTrue;

/** What engines are told about where the bytes are. */
class Qcow2DirectAccessTest {
    private static final int CLUSTER = 4096;

    private final MemoryImageFile file = new MemoryImageFile();
    private final ExtentList extents = new ExtentList();
    private final Arena arena = Arena.ofConfined();
    private Qcow2Image disk = create();

    private Qcow2Image create() {
        Qcow2Creator.create(file, new Qcow2CreateOptions(64 * CLUSTER).clusterBytes(CLUSTER), null);
        return Qcow2Image.open(file, null, null);
    }

    @BeforeEach
    void writeSome() {
        write(0, 4 * CLUSTER, 1);
        assertEquals(BlockStatus.OK, disk.writeZeroes(8 * CLUSTER, 2 * CLUSTER, true));
    }

    @AfterEach
    void close() {
        disk.close();
        arena.close();
    }

    private void write(long offset, int lengthBytes, int value) {
        MemorySegment data = arena.allocate(lengthBytes);
        data.fill((byte) value);
        ScatterList list = new ScatterList();
        list.add(data, 0, lengthBytes);
        assertEquals(BlockStatus.OK, disk.write(offset, list));
    }

    @Test
    void dataAndZeroesAreMappedInOrder() {
        assertTrue(disk.map(false, 512, 12 * CLUSTER, extents));

        assertEquals(2, extents.count());
        assertSame(file, extents.file(0));
        assertEquals(4 * CLUSTER - 512, extents.lengthBytes(0));
        assertEquals(1, file.contents()[(int) extents.offsetBytes(0)]);
        assertNull(extents.file(1));
        assertEquals(8 * CLUSTER + 512, extents.lengthBytes(1));
        disk.unmap(false, extents);
    }

    @Test
    void onlyAllocatedClustersOfNoSnapshotAreMappedForWriting() {
        assertTrue(disk.map(true, 0, 4 * CLUSTER, extents));
        disk.unmap(true, extents);
        assertFalse(disk.map(true, 0, 5 * CLUSTER, extents));
        assertFalse(disk.map(true, 8 * CLUSTER, 512, extents));
        new Qcow2Snapshots(disk).create("snapshot", Instant.EPOCH);

        assertFalse(disk.map(true, 0, 512, extents));
        write(0, 512, 2);
        assertTrue(disk.map(true, 0, CLUSTER, extents));
        disk.unmap(true, extents);
        assertFalse(disk.map(true, CLUSTER, 512, extents));
    }

    @Test
    void nothingIsMappedThatTakesIo() {
        disk.close();
        disk = Qcow2Image.open(file, null, null);

        assertFalse(disk.map(false, 0, 512, extents));
        ScatterList list = new ScatterList();
        list.add(arena.allocate(512), 0, 512);
        assertEquals(BlockStatus.OK, disk.read(0, list));
        assertTrue(disk.map(false, 0, 512, extents));
        disk.unmap(false, extents);
        assertFalse(disk.map(false, 64 * CLUSTER, 512, extents), "beyond the end");
    }

    @Test
    void mappedClusterIsNotReusedBeforeItIsUnmapped() {
        assertTrue(disk.map(false, 0, 4 * CLUSTER, extents));
        int at = (int) extents.offsetBytes(0);
        assertEquals(BlockStatus.OK, disk.discard(0, 4 * CLUSTER));
        for (int i = 0; i < 4; i++) {
            assertEquals(BlockStatus.OK, disk.flush());
            write((long) (16 + i * 4) * CLUSTER, 4 * CLUSTER, 7);
        }

        byte[] mapped = Arrays.copyOfRange(file.contents(), at, at + 4 * CLUSTER);
        for (byte value : mapped) {
            assertTrue(value == 0 || value == 1, "holds other data");
        }
        disk.unmap(false, extents);
        assertEquals(BlockStatus.OK, disk.flush());
        assertEquals(BlockStatus.OK, disk.flush());
        write(40L * CLUSTER, 4 * CLUSTER, 9);
        assertEquals(9, file.contents()[at], "reused");
    }

    @Test
    void readOnlyBackingImageIsMappedThroughItsOverlay() {
        assertEquals(BlockStatus.OK, disk.flush());
        Qcow2Image base = Qcow2Image.open(new MemoryImageFile("base", file.contents(), true), null, null);
        MemoryImageFile top = new MemoryImageFile();
        Qcow2Creator.create(
                top, new Qcow2CreateOptions(128 * CLUSTER).clusterBytes(CLUSTER).backing("base", "qcow2"), null);
        try (Qcow2Image overlay = Qcow2Image.open(top, new OneBase(base), null)) {
            ScatterList list = new ScatterList();
            list.add(arena.allocate(512), 0, 512);
            assertEquals(BlockStatus.OK, overlay.read(0, list));

            assertTrue(overlay.map(false, 0, 2 * CLUSTER, extents));
            assertEquals(1, extents.count());
            assertEquals("base", Objects.requireNonNull(extents.file(0)).name());
            overlay.unmap(false, extents);
            assertTrue(overlay.map(false, 63 * CLUSTER, 4 * CLUSTER, extents));
            assertNull(extents.file(0));
            overlay.unmap(false, extents);
        }
    }
}

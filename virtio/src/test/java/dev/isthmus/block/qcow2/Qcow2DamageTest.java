// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.block.qcow2;

import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.time.Instant;
import java.util.List;
import java.util.SplittableRandom;

import org.junit.jupiter.api.Test;

import dev.isthmus.block.BlockStatus;
import dev.isthmus.block.ImageException;
import dev.isthmus.memory.ScatterList;
import dev.isthmus.testing.block.MemoryImageFile;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

/** Images that contradict themselves, in use: metadata is never overwritten, and nothing but a status comes out. */
class Qcow2DamageTest {
    private static final int CLUSTER = 4096;
    private static final int CAPACITY = 64 * CLUSTER;

    private final SplittableRandom random = new SplittableRandom(3);
    private final DiskModel model = new DiskModel(CAPACITY);

    private byte[] image() {
        MemoryImageFile file = new MemoryImageFile();
        Qcow2Creator.create(file, new Qcow2CreateOptions(CAPACITY).clusterBytes(CLUSTER), null);
        try (Qcow2Image disk = Qcow2Image.open(file, null, null)) {
            model.write(disk, random, 0, 16 * CLUSTER);
            new Qcow2Snapshots(disk).create("snapshot", Instant.EPOCH);
            model.write(disk, random, 8 * CLUSTER, 16 * CLUSTER);
        }
        return file.contents();
    }

    private static int l2Entry(byte[] image, int index) {
        ByteBuffer bytes = ByteBuffer.wrap(image);
        return (int) (bytes.getLong((int) bytes.getLong(40)) & 0xFFFFFE00L) + index * 8;
    }

    private void assertStopped(byte[] bytes, int offset) {
        MemoryImageFile file = new MemoryImageFile("damaged", bytes, false);
        Qcow2Image disk = Qcow2Image.open(file, null, null);

        assertEquals(BlockStatus.IO_ERROR, model.write(disk, random, offset, 512));

        assertEquals(BlockStatus.IO_ERROR, model.write(disk, random, 20 * CLUSTER, 512), "goes on");
        assertEquals(BlockStatus.IO_ERROR, disk.flush());
        disk.close();
        assertTrue(Qcow2Info.read(file).corrupt());
        byte[] after = file.contents();
        ByteBuffer.wrap(after).putLong(72, 0);
        assertArrayEquals(bytes, after, "nothing but the corrupt bit has changed");
    }

    @Test
    void dataThatOverlapsWithTheHeaderIsNotWritten() {
        byte[] bytes = image();
        ByteBuffer.wrap(bytes).putLong(l2Entry(bytes, 9), 0x8000_0000_0000_0200L);
        assertStopped(bytes, 9 * CLUSTER);
    }

    @Test
    void dataThatOverlapsWithTablesIsNotWritten() {
        for (int field : new int[] {40, 48, 64}) {
            byte[] bytes = image();
            ByteBuffer buffer = ByteBuffer.wrap(bytes);
            buffer.putLong(l2Entry(bytes, 9), 1L << 63 | buffer.getLong(field));
            assertStopped(bytes, 9 * CLUSTER);
        }
    }

    @Test
    void dataThatOverlapsWithAnL2TableOrARefcountBlockIsNotWritten() {
        byte[] bytes = image();
        ByteBuffer buffer = ByteBuffer.wrap(bytes);
        buffer.putLong(l2Entry(bytes, 9), 1L << 63 | l2Entry(bytes, 0));
        assertStopped(bytes, 9 * CLUSTER);
        bytes = image();
        buffer = ByteBuffer.wrap(bytes);
        buffer.putLong(l2Entry(bytes, 9), 1L << 63 | buffer.getLong((int) buffer.getLong(48)));
        assertStopped(bytes, 9 * CLUSTER);
    }

    @Test
    void metadataThatCountsAsFreeIsNotReused() {
        byte[] bytes = image();
        ByteBuffer buffer = ByteBuffer.wrap(bytes);
        int block = (int) buffer.getLong((int) buffer.getLong(48));
        buffer.putShort(block + 2 * (l2Entry(bytes, 0) / CLUSTER), (short) 0);
        assertStopped(bytes, 40 * CLUSTER);
    }

    @Test
    void misplacedTablesStopTheImage() {
        byte[] bytes = image();
        ByteBuffer buffer = ByteBuffer.wrap(bytes);
        int l1 = (int) buffer.getLong(40);
        buffer.putLong(l1, buffer.getLong(l1) + 512);
        assertStopped(bytes, 0);
    }

    @Test
    void damagedEntryOfAReadOnlyImageFailsOnlyWhatNeedsIt() {
        byte[] bytes = image();
        ByteBuffer buffer = ByteBuffer.wrap(bytes);
        buffer.putLong(l2Entry(bytes, 9), buffer.getLong(l2Entry(bytes, 9)) + 512);
        try (Qcow2Image disk = Qcow2Image.open(new MemoryImageFile("damaged", bytes, true), null, null)) {
            ScatterList target = new ScatterList();
            target.add(MemorySegment.ofArray(new byte[512]), 0, 512);

            assertEquals(BlockStatus.IO_ERROR, disk.read(9 * CLUSTER, target));

            assertEquals(BlockStatus.OK, disk.read(0, target));
            assertEquals(BlockStatus.IO_ERROR, disk.read(9 * CLUSTER, target));
            model.check(disk, random, 10 * CLUSTER, CAPACITY - 10 * CLUSTER);
        }
    }

    @Test
    void snapshotTableThatPointsBeyondAllOffsetsIsFound() {
        byte[] bytes = image();
        ByteBuffer buffer = ByteBuffer.wrap(bytes);
        int snapshot = (int) buffer.getLong(64);
        buffer.putLong(snapshot, 0x7FFF_FFFF_FFFF_0000L);
        buffer.putInt(snapshot + 8, 4 << 20);
        MemoryImageFile file = new MemoryImageFile("damaged", bytes, false);

        Qcow2CheckResult result = Qcow2Checker.check(file, Qcow2Checker.Repair.NONE);

        assertNotEquals(0, result.corruptions());
        buffer.putLong(72, Qcow2Format.INCOMPAT_DIRTY);
        MemoryImageFile dirty = new MemoryImageFile("dirty", bytes, false);
        assertThrows(ImageException.class, () -> Qcow2Image.open(dirty, null, null));
    }

    @Test
    void bitmapsThatLieBeyondAllOffsetsAreRefused() {
        byte[] bytes = image();
        ByteBuffer buffer = ByteBuffer.wrap(bytes);
        buffer.putLong(88, Qcow2Format.AUTOCLEAR_BITMAPS);
        int extension = buffer.getInt(100);
        buffer.putInt(extension, Qcow2Format.EXTENSION_BITMAPS).putInt(extension + 4, 24);
        buffer.putInt(extension + 8, 1).putInt(extension + 12, 0);
        buffer.putLong(extension + 16, 32).putLong(extension + 24, 0x7FFF_FFFF_FFFF_0000L);
        buffer.putLong(extension + 32, 0);
        MemoryImageFile file = new MemoryImageFile("damaged", bytes, false);

        assertThrows(ImageException.class, () -> Qcow2Checker.check(file, Qcow2Checker.Repair.NONE));
        assertThrows(ImageException.class, () -> Qcow2Image.open(file, null, null));
    }

    @Test
    void imageStaysMarkedAsCorruptWhereARepairLeavesCorruptions() {
        byte[] bytes = image();
        ByteBuffer buffer = ByteBuffer.wrap(bytes);
        // An entry that can't be repaired, and a snapshot without what version 3 must have, which can.
        buffer.putLong(l2Entry(bytes, 9), buffer.getLong(l2Entry(bytes, 9)) + 512);
        buffer.putInt((int) buffer.getLong(64) + 36, 0);
        buffer.putLong(72, Qcow2Format.INCOMPAT_CORRUPT);
        MemoryImageFile file = new MemoryImageFile("damaged", bytes, false);

        Qcow2CheckResult result = Qcow2Checker.check(file, Qcow2Checker.Repair.ALL);

        assertNotEquals(0, result.corruptions());
        assertTrue(Qcow2Info.read(file).corrupt());
    }

    @Test
    void repairedSnapshotTableClearsTheCorruptBitLast() {
        byte[] bytes = image();
        ByteBuffer buffer = ByteBuffer.wrap(bytes);
        buffer.putInt((int) buffer.getLong(64) + 36, 0);
        buffer.putLong(72, Qcow2Format.INCOMPAT_CORRUPT | Qcow2Format.INCOMPAT_DIRTY);
        MemoryImageFile file = new MemoryImageFile("damaged", bytes, false);

        Qcow2CheckResult result = Qcow2Checker.check(file, Qcow2Checker.Repair.ALL);

        assertEquals(0, result.corruptions() + result.checkErrors(), () -> result.findings().toString());
        assertFalse(Qcow2Info.read(file).corrupt());
        List<MemoryImageFile.Change> changes = file.changes();
        assertEquals(72, changes.get(changes.size() - 2).offset(), "the last write is that of the bits");
        for (MemoryImageFile.Change change : changes.subList(0, changes.size() - 2)) {
            boolean clears = change.kind() == MemoryImageFile.Kind.WRITE && change.offset() == 72;
            assertFalse(clears && (change.bytes()[7] & Qcow2Format.INCOMPAT_CORRUPT) == 0, "cleared before");
        }
        assertTrue(Qcow2Checker.check(file, Qcow2Checker.Repair.NONE).clean());
    }

    @Test
    void randomDamageNeverEscapesAsAnException() {
        byte[] sound = image();
        int failures = 0;
        for (int i = 0; i < 250; i++) {
            byte[] bytes = sound.clone();
            ByteBuffer buffer = ByteBuffer.wrap(bytes);
            for (int left = 1 + random.nextInt(6); left > 0; left--) {
                int at = CLUSTER + random.nextInt(bytes.length / 8 - CLUSTER / 8 - 1) * 8;
                buffer.putLong(at, random.nextBoolean() ? random.nextLong() : random.nextInt(1 << 18) & -512);
            }
            for (int left = random.nextInt(3); left > 0; left--) {
                buffer.putLong(l2Entry(sound, random.nextInt(40)), random.nextLong());
            }
            failures += use(bytes);
        }
        assertNotEquals(0, failures);
    }

    /** Uses an image in all ways; answers how many of them failed. */
    private int use(byte[] bytes) {
        MemoryImageFile file = new MemoryImageFile("damaged", bytes, false);
        file.limitTo(1 << 22);
        int failures = 0;
        try (Qcow2Image disk = Qcow2Image.open(file, null, null)) {
            DiskModel scratch = new DiskModel(CAPACITY);
            for (int i = 0; i < 24; i++) {
                int offset = random.nextInt(60) * CLUSTER;
                BlockStatus status = switch (random.nextInt(5)) {
                    case 0 -> scratch.zero(disk, offset, 3 * CLUSTER, random.nextBoolean());
                    case 1 -> scratch.discard(disk, offset, 3 * CLUSTER);
                    case 2 -> disk.flush();
                    case 3 -> disk.resize(CAPACITY + (long) random.nextInt(64) * 512);
                    default -> scratch.write(disk, random, offset, 2 * CLUSTER);
                };
                failures += status == BlockStatus.OK ? 0 : 1;
            }
            Qcow2Snapshots snapshots = new Qcow2Snapshots(disk);
            snapshots.create("another", Instant.EPOCH);
            snapshots.apply("snapshot");
            snapshots.delete("snapshot");
        } catch (ImageException e) {
            failures++;
        }
        try {
            Qcow2Checker.check(file, Qcow2Checker.Repair.ALL);
        } catch (ImageException e) {
            failures++;
        }
        return failures;
    }
}

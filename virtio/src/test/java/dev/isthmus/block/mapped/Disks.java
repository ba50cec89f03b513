// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.block.mapped;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.Random;

import org.junit.jupiter.api.function.Executable;

import dev.isthmus.block.BlockStatus;
import dev.isthmus.block.ExtentList;
import dev.isthmus.block.ImageException;
import dev.isthmus.block.ImageFile;
import dev.isthmus.memory.ScatterList;
import dev.isthmus.testing.block.ChannelImageFile;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

/** Reads images in all the ways there are, and compares them with what they should hold. */
public final class Disks {
    private static final int SECTOR_BYTES = 512;
    private static final int CHUNK_BYTES = 1 << 20;

    private Disks() {}

    /** Reads a range of a disk. */
    public static byte[] read(MappedImage image, long offsetBytes, int lengthBytes) {
        byte[] bytes = new byte[lengthBytes];
        ScatterList target = new ScatterList();
        target.add(MemorySegment.ofArray(bytes), 0, lengthBytes);
        assertEquals(BlockStatus.OK, image.read(offsetBytes, target), "read at " + offsetBytes);
        return bytes;
    }

    /** Reads a range of a disk that should fail, and returns how. */
    public static BlockStatus readFails(MappedImage image, long offsetBytes, int lengthBytes) {
        ScatterList target = new ScatterList();
        target.add(MemorySegment.ofArray(new byte[lengthBytes]), 0, lengthBytes);
        BlockStatus status = image.read(offsetBytes, target);
        assertNotEquals(BlockStatus.OK, status);
        return status;
    }

    /** Expects that opening an image is refused, with words for the user and these among them. */
    public static void assertRefused(String cause, Executable open) {
        ImageException refusal = assertThrows(ImageException.class, open);
        assertIsForUsers(refusal, cause);
    }

    /** Expects a refusal to be a sentence with certain words, and a remedy that is another one. */
    static void assertIsForUsers(ImageException refusal, String words) {
        String message = String.valueOf(refusal.getMessage());
        assertTrue(message.contains(words), message);
        assertTrue(message.endsWith(".") && refusal.remedy().endsWith("."), message + ' ' + refusal.remedy());
        assertTrue(message.chars().noneMatch(Character::isISOControl), message);
    }

    /**
     * Compares a disk with a raw one: in large pieces and in small ones at random places, scattered over memory, and
     * through the extents that it names.
     *
     * @param mapped whether all of it can be told as extents once its tables are in memory
     */
    public static void assertSame(RawDisk raw, MappedImage image, boolean mapped) {
        long roundedBytes = (raw.sizeBytes() + SECTOR_BYTES - 1) / SECTOR_BYTES * SECTOR_BYTES;
        assertEquals(roundedBytes, image.capacityBytes());
        assertTrue(image.readOnly());
        try (Arena arena = Arena.ofConfined();
                ChannelImageFile expected = new ChannelImageFile(raw.path(), true)) {
            Comparison comparison = new Comparison(expected, image, mapped, arena);
            for (long[] range : raw.ranges()) {
                long start = range[0] / SECTOR_BYTES * SECTOR_BYTES;
                long end = (range[1] + SECTOR_BYTES - 1) / SECTOR_BYTES * SECTOR_BYTES;
                for (long offset = start; offset < end; offset += CHUNK_BYTES) {
                    comparison.at(offset, (int) Math.min(CHUNK_BYTES, end - offset));
                }
            }
            Random random = new Random(raw.sizeBytes());
            long sectors = roundedBytes / SECTOR_BYTES;
            for (int i = 0; i < 200; i++) {
                long sector = (long) (random.nextDouble() * sectors);
                int count = 1 + random.nextInt((int) Math.min(i % 10 == 0 ? 2048 : 16, sectors - sector));
                comparison.at(sector * SECTOR_BYTES, count * SECTOR_BYTES);
            }
        }
    }

    private static final class Comparison {
        private final ImageFile expected;
        private final MappedImage image;
        private final boolean mapped;
        private final MemorySegment expectedBytes;
        private final MemorySegment bytes;
        private final Random random = new Random(1);
        private final ScatterList target = new ScatterList();
        private final ExtentList extents = new ExtentList();

        private Comparison(ImageFile expected, MappedImage image, boolean mapped, Arena arena) {
            this.expected = expected;
            this.image = image;
            this.mapped = mapped;
            this.expectedBytes = arena.allocate(CHUNK_BYTES);
            this.bytes = arena.allocate(CHUNK_BYTES);
        }

        private void at(long offset, int length) {
            expected.read(offset, expectedBytes.asSlice(0, length));
            bytes.fill((byte) 0x5a);
            target.clear();
            for (int done = 0; done < length; ) {
                int piece = Math.min(length - done, 1 + random.nextInt(random.nextBoolean() ? 700 : CHUNK_BYTES));
                target.add(bytes, done, piece);
                done += piece;
            }
            assertEquals(BlockStatus.OK, image.read(offset, target));
            assertEquals(-1, expectedBytes.asSlice(0, length).mismatch(bytes.asSlice(0, length)), "at " + offset);
            boolean known = image.map(false, offset, length, extents);
            assertTrue(known || !mapped, "extents at " + offset);
            if (known) {
                compareExtents(offset, length);
            }
        }

        private void compareExtents(long offset, int length) {
            bytes.fill((byte) 0x5a);
            long done = 0;
            for (int i = 0; i < extents.count(); i++) {
                MemorySegment part = bytes.asSlice(done, extents.lengthBytes(i));
                ImageFile file = extents.file(i);
                if (file == null) {
                    part.fill((byte) 0);
                } else {
                    assertEquals(BlockStatus.OK, file.read(extents.offsetBytes(i), part));
                }
                done += part.byteSize();
            }
            assertEquals(length, done);
            assertEquals(-1, expectedBytes.asSlice(0, length).mismatch(bytes.asSlice(0, length)), "at " + offset);
            image.unmap(false, extents);
        }
    }
}

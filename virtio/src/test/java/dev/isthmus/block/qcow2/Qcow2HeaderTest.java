// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.block.qcow2;

import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.SplittableRandom;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

import dev.isthmus.block.BlockStatus;
import dev.isthmus.block.ImageException;
import dev.isthmus.testing.block.MemoryImageFile;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

/** What an image may say of itself, and what makes it refused. */
class Qcow2HeaderTest {
    private static byte[] image(Qcow2CreateOptions options) {
        MemoryImageFile file = new MemoryImageFile();
        Qcow2Creator.create(file, options, null);
        return file.contents();
    }

    private static byte[] image() {
        return image(new Qcow2CreateOptions(1 << 20));
    }

    private static MemoryImageFile file(byte[] contents, boolean readOnly) {
        return new MemoryImageFile("disk.qcow2", contents, readOnly);
    }

    private static String refusal(byte[] contents, boolean readOnly) {
        ImageException e = assertThrows(
                ImageException.class, () -> Qcow2Image.open(file(contents, readOnly), null, null).close());
        String message = assertNotNullMessage(e);
        assertTrue(message.contains("disk.qcow2"), message);
        return message;
    }

    private static String assertNotNullMessage(ImageException e) {
        assertNotNull(e.getMessage());
        return String.valueOf(e.getMessage());
    }

    @ParameterizedTest
    @CsvSource({
        "0, 4, 0x51464900, not in qcow2 format",
        "4, 4, 1, version 1",
        "4, 4, 4, version 4",
        "20, 4, 8, 2^8",
        "20, 4, 22, 2^22",
        "8, 8, 65537, outside of its first cluster",
        "24, 8, -1, too small",
        "24, 8, 0x4000000000000000, too small",
        "32, 4, 1, encrypted",
        "36, 4, 0x400001, too large",
        "36, 4, -1, too large",
        "40, 8, 512, where none can be",
        "40, 8, -65536, where none can be",
        "48, 8, 1, where none can be",
        "56, 4, 0, no refcount table",
        "56, 4, 129, too large",
        "60, 4, 65537, too large",
        "64, 8, 7, where none can be",
        "72, 8, 0x20, incompatible feature 5",
        "72, 8, 0x10, extended L2 entries",
        "72, 8, 0x8, compression",
        "72, 8, 0x4, data",
        "88, 8, 0x2, raw external data",
        "96, 4, 7, more than 64 bits",
        "96, 4, -1, more than 64 bits",
        "100, 4, 103, header of 103",
        "100, 4, 65537, header of 65537",
        "104, 1, 1, compression",
        "116, 4, -1, extension that is too large"
    })
    void impossibleFieldIsRefused(int offset, int lengthBytes, String value, String expected) {
        byte[] bytes = image();
        ByteBuffer buffer = ByteBuffer.wrap(bytes);
        long number = Long.decode(value);
        switch (lengthBytes) {
            case 1 -> buffer.put(offset, (byte) number);
            case 4 -> buffer.putInt(offset, (int) number);
            default -> buffer.putLong(offset, number);
        }

        String message = refusal(bytes, true);

        assertTrue(message.contains(expected), message);
    }

    @Test
    void unknownFeatureIsCalledByItsNameInTheImage() {
        byte[] bytes = image();
        ByteBuffer buffer = ByteBuffer.wrap(bytes);
        buffer.putLong(72, 1L << 40);
        // The first entry of the table of names, behind the extension's type and length.
        buffer.put(120, (byte) 0).put(121, (byte) 40);
        byte[] name = "time travel\0".getBytes(StandardCharsets.US_ASCII);
        System.arraycopy(name, 0, bytes, 122, name.length);

        assertTrue(refusal(bytes, true).contains("time travel"));
    }

    @Test
    void corruptImageIsReadButNotWritten() {
        byte[] bytes = image();
        ByteBuffer.wrap(bytes).putLong(72, 2);

        assertTrue(refusal(bytes, false).contains("corrupt"));
        try (Qcow2Image disk = Qcow2Image.open(file(bytes, true), null, null)) {
            assertTrue(disk.info().corrupt());
            new DiskModel(1 << 20).checkAll(disk);
        }
    }

    @Test
    void dirtyImageIsRepairedWhenItIsOpenedForWriting() {
        MemoryImageFile file = file(image(), false);
        try (Qcow2Image disk = Qcow2Image.open(file, null, null)) {
            assertEquals(BlockStatus.OK, new DiskModel(1 << 20).write(disk, new SplittableRandom(1), 0, 1 << 18));
        }
        byte[] bytes = file.contents();
        ByteBuffer buffer = ByteBuffer.wrap(bytes);
        buffer.putLong(72, 1);
        int block = (int) buffer.getLong((int) buffer.getLong(48));
        Arrays.fill(bytes, block + 8, block + 16, (byte) 0);
        buffer.putShort(block + 40, (short) 3);
        MemoryImageFile dirty = file(bytes, false);

        Qcow2Image.open(dirty, null, null).close();

        assertTrue(Qcow2Checker.check(dirty, Qcow2Checker.Repair.NONE).clean());
        assertFalse(Qcow2Info.read(dirty).dirty());
    }

    @Test
    void autoclearBitsAreClearedByWritersOnly() {
        byte[] bytes = image();
        ByteBuffer.wrap(bytes).putLong(88, 0x8000_0000_0000_0000L);
        MemoryImageFile read = file(bytes, true);
        MemoryImageFile written = file(bytes, false);

        Qcow2Image.open(read, null, null).close();
        Qcow2Image.open(written, null, null).close();

        assertEquals(0x8000_0000_0000_0000L, ByteBuffer.wrap(read.contents()).getLong(88));
        assertEquals(0, ByteBuffer.wrap(written.contents()).getLong(88));
    }

    @Test
    void unknownExtensionsAndFieldsSurviveAChangeOfTheHeader() {
        MemoryImageFile file = file(image(), false);
        try (Qcow2Image disk = Qcow2Image.open(file, null, null)) {
            disk.state().header.unknownExtensions.add(new HeaderExtension(0x12345678, new byte[] {1, 2, 3}));
            disk.state().header.unknownFields = new byte[] {9, 9, 9, 9, 9, 9, 9, 9};
            Qcow2Amender.changeBacking(disk, "a", "raw");
        }
        try (Qcow2Image disk = Qcow2Image.open(file, null, null)) {
            Qcow2Amender.changeBacking(disk, "another", null);
        }

        Qcow2Header header = Qcow2Header.read(file, false);
        assertEquals(new HeaderExtension(0x12345678, new byte[] {1, 2, 3}), header.unknownExtensions.getFirst());
        assertEquals(8, header.unknownFields.length);
        assertEquals("another", header.backingName);
        assertEquals(null, header.backingFormat);
    }

    @Test
    void nameThatDoesNotFitIsRefused() {
        MemoryImageFile file = file(image(new Qcow2CreateOptions(4096).clusterBytes(512)), false);
        try (Qcow2Image disk = Qcow2Image.open(file, null, null)) {
            assertThrows(ImageException.class, () -> Qcow2Amender.changeBacking(disk, "n".repeat(500), "raw"));
            assertEquals(null, disk.info().backingName());
        }
        MemoryImageFile large = file(image(), false);
        try (Qcow2Image disk = Qcow2Image.open(large, null, null)) {
            assertThrows(ImageException.class, () -> Qcow2Amender.changeBacking(disk, "n".repeat(1024), "raw"));
        }
    }

    @Test
    void impossibleOptionsAreRefused() {
        refused(new Qcow2CreateOptions(-1));
        refused(new Qcow2CreateOptions(Long.MAX_VALUE));
        refused(new Qcow2CreateOptions(1L << 40).clusterBytes(512));
        refused(new Qcow2CreateOptions(512).clusterBytes(256));
        refused(new Qcow2CreateOptions(512).clusterBytes(3000));
        refused(new Qcow2CreateOptions(512).refcountBits(3));
        refused(new Qcow2CreateOptions(512).refcountBits(128));
        refused(new Qcow2CreateOptions(512).version(4));
        refused(new Qcow2CreateOptions(512).version(2).lazyRefcounts(true));
        refused(new Qcow2CreateOptions(512).version(2).zstd(true));
        refused(new Qcow2CreateOptions(512).dataFile("data", true).backing("base", "raw"));
        refused(new Qcow2CreateOptions(512).dataFile("data", false));
        refused(new Qcow2CreateOptions(512)
                .backing("base", "raw")
                .preallocation(Qcow2CreateOptions.Preallocation.METADATA));
    }

    private static void refused(Qcow2CreateOptions options) {
        ImageException e = assertThrows(ImageException.class, () -> image(options));
        assertFalse(e.remedy().isEmpty());
    }

    /** Any damage to the header is refused or harmless: nothing but an ImageException comes out. */
    @Test
    void randomHeadersAreRefusedOrRead() {
        byte[] sound = image(new Qcow2CreateOptions(1 << 20).backing("base", "raw"));
        SplittableRandom random = new SplittableRandom(7);
        int refused = 0;
        for (int i = 0; i < 800; i++) {
            byte[] bytes = sound.clone();
            for (int left = 1 + random.nextInt(4); left > 0; left--) {
                bytes[random.nextInt(random.nextBoolean() ? 112 : 600)] = (byte) random.nextInt(256);
            }
            try (Qcow2Image disk = Qcow2Image.open(file(bytes, true), null, null)) {
                assertTrue(disk.capacityBytes() >= 0);
            } catch (ImageException e) {
                refused++;
            }
        }
        assertTrue(refused > 100, "only " + refused);
    }
}

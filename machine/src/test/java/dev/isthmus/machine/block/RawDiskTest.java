// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.machine.block;

import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.Arrays;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

import dev.isthmus.block.BlockStatus;
import dev.isthmus.block.RawImage;
import dev.isthmus.machine.VmException;
import dev.isthmus.memory.ScatterList;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

class RawDiskTest {
    @TempDir
    Path directory;

    private final MemorySegment memory = Arena.ofAuto().allocate(1 << 20);

    private Path image(long lengthBytes) throws IOException {
        byte[] bytes = new byte[Math.toIntExact(lengthBytes)];
        for (int i = 0; i < bytes.length; i++) {
            bytes[i] = (byte) (i / 512 + 1);
        }
        return Files.write(directory.resolve("disk.img"), bytes);
    }

    private static RawImage open(Path path, boolean readOnly) {
        return new RawImage(HostImageFile.open(path, readOnly, "disk"), "disk");
    }

    private ScatterList list(long... offsetsAndLengths) {
        ScatterList list = new ScatterList();
        for (int i = 0; i < offsetsAndLengths.length; i += 2) {
            list.add(memory, offsetsAndLengths[i], offsetsAndLengths[i + 1]);
        }
        return list;
    }

    private byte[] bytes(long offset, long lengthBytes) {
        return memory.asSlice(offset, lengthBytes).toArray(ValueLayout.JAVA_BYTE);
    }

    private static void assertAll(int expected, byte[] bytes) {
        byte[] all = new byte[bytes.length];
        Arrays.fill(all, (byte) expected);
        assertArrayEquals(all, bytes);
    }

    private static VmException.Configuration assertRefused(Path path, boolean readOnly) {
        return assertThrows(
                VmException.Configuration.class, () -> open(path, readOnly).close());
    }

    @Test
    void readScattersTheRangeOverItsPieces() throws Exception {
        try (RawImage disk = open(image(4096), false)) {
            assertEquals(4096, disk.capacityBytes());

            assertEquals(BlockStatus.OK, disk.read(512, list(100, 512, 5000, 1024)));

            assertAll(2, bytes(100, 512));
            assertAll(3, bytes(5000, 512));
            assertAll(4, bytes(5512, 512));
        }
    }

    @Test
    void writeGathersItsPiecesAndFlushSucceeds() throws Exception {
        Path path = image(4096);
        try (RawImage disk = open(path, false)) {
            memory.asSlice(0, 256).fill((byte) 0x11);
            memory.asSlice(1000, 256).fill((byte) 0x22);

            assertEquals(BlockStatus.OK, disk.write(1024, list(0, 256, 1000, 256)));
            assertEquals(BlockStatus.OK, disk.flush());
        }
        byte[] file = Files.readAllBytes(path);
        assertAll(0x11, Arrays.copyOfRange(file, 1024, 1280));
        assertAll(0x22, Arrays.copyOfRange(file, 1280, 1536));
        assertEquals(4, file[1536]);
    }

    @Test
    void requestOfMorePiecesThanOneCallTakesIsDoneInSeveral() throws Exception {
        try (RawImage disk = open(image(512 * 600), false)) {
            ScatterList pieces = new ScatterList();
            for (int i = 0; i < 600; i++) {
                pieces.add(memory, i * 512L, 512);
            }

            assertEquals(BlockStatus.OK, disk.read(0, pieces));

            assertAll((byte) 600, bytes(599 * 512L, 512));
        }
    }

    @Test
    void fileThatEndsWithinASectorHasItPaddedWithZeroes() throws Exception {
        Path path = image(1000);
        try (RawImage disk = open(path, false)) {
            assertEquals(1024, disk.capacityBytes());
            memory.fill((byte) 0x55);

            assertEquals(BlockStatus.OK, disk.read(512, list(0, 512)));

            assertAll(2, bytes(0, 488));
            assertAll(0, bytes(488, 24));

            assertEquals(BlockStatus.OK, disk.write(512, list(0, 512)));
        }
        assertEquals(1024, Files.size(path));
    }

    @Test
    void readOfWhatHasBeenCutOffIsAnIoError() throws Exception {
        Path path = image(8192);
        try (RawImage disk = open(path, false)) {
            try (FileChannel file = FileChannel.open(path, StandardOpenOption.WRITE)) {
                file.truncate(1024);
            }

            assertEquals(BlockStatus.OK, disk.read(0, list(0, 1024)));
            assertEquals(BlockStatus.IO_ERROR, disk.read(512, list(0, 1024)));
            assertEquals(BlockStatus.IO_ERROR, disk.read(4096, list(0, 512)));
        }
    }

    @Test
    void rangeBeyondTheCapacityIsRefused() throws Exception {
        try (RawImage disk = open(image(1024), false)) {
            assertEquals(BlockStatus.OUT_OF_RANGE, disk.read(1024, list(0, 512)));
            assertEquals(BlockStatus.OUT_OF_RANGE, disk.write(512, list(0, 1024)));
            assertEquals(BlockStatus.OUT_OF_RANGE, disk.read(-512, list(0, 512)));
            assertEquals(BlockStatus.OUT_OF_RANGE, disk.read(Long.MAX_VALUE - 511, list(0, 512)));
        }
    }

    @Test
    void readOnlyDiskRefusesWritesAndNeedsNoRightToWrite() throws Exception {
        Path path = image(1024);
        Files.setPosixFilePermissions(path, PosixFilePermissions.fromString("r--r--r--"));
        try (RawImage disk = open(path, true)) {
            assertTrue(disk.readOnly());
            assertEquals(BlockStatus.READ_ONLY, disk.write(0, list(0, 512)));
            assertEquals(BlockStatus.OK, disk.read(0, list(0, 512)));
            assertEquals(BlockStatus.OK, disk.flush());
        }
    }

    @Test
    void characterDeviceIsRefused() throws Exception {
        Path path = Path.of("/dev/null");
        assumeTrue(Files.exists(path));

        VmException.Configuration e = assertRefused(path, false);

        assertEquals("Disk /dev/null is neither a file nor a block device.", e.getMessage());
    }

    @Test
    void missingFileIsRefusedInOneLine() {
        VmException.Configuration e = assertRefused(directory.resolve("none"), false);

        assertEquals("Disk " + directory.resolve("none") + " does not exist.", e.getMessage());
        assertFalse(e.remedy().isEmpty());
    }

    @Test
    void directoryIsRefusedWhetherReadOnlyOrNot() {
        assertEquals("Disk " + directory + " is a directory.", assertRefused(directory, false).getMessage());
        assertTrue(String.valueOf(assertRefused(directory, true).getMessage()).startsWith("Disk " + directory + " is "));
    }

    @Test
    void fileThatMayNotBeWrittenIsRefusedWithTheWayOut() {
        // An attribute that can only be read: the kernel refuses even root, for whom permissions are no obstacle.
        Path path = Path.of("/sys/kernel/uevent_seqnum");

        VmException.Configuration e = assertRefused(path, false);

        assertEquals("No permission to write disk " + path + ".", e.getMessage());
        assertTrue(e.remedy().contains("readonly=on"));
    }
}

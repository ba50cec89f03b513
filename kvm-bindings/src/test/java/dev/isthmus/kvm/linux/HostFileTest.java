// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.kvm.linux;

import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;

import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.EnabledOnOs;
import org.junit.jupiter.api.condition.OS;
import org.junit.jupiter.api.io.TempDir;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

/** Files by offset, from and to native memory. */
@EnabledOnOs(OS.LINUX)
class HostFileTest {
    private static final int PERMISSIONS = 0600;

    @TempDir
    Path directory;

    private final Arena arena = Arena.ofConfined();
    private Path path;
    private HostFile file;

    @BeforeEach
    void create() {
        path = directory.resolve("disk");
        int flags = HostFile.O_RDWR | HostFile.O_CREAT | HostFile.O_EXCL;
        file = HostFile.open(path.toString(), flags, PERMISSIONS);
    }

    @AfterEach
    void free() {
        file.close();
        arena.close();
    }

    private MemorySegment memory(String text) {
        byte[] bytes = text.getBytes(StandardCharsets.US_ASCII);
        return arena.allocate(bytes.length).copyFrom(MemorySegment.ofArray(bytes));
    }

    private static String text(MemorySegment memory) {
        return new String(memory.toArray(ValueLayout.JAVA_BYTE), StandardCharsets.US_ASCII);
    }

    @Test
    void whatIsWrittenAtAnOffsetIsReadThere() throws IOException {
        file.pwrite(memory("hello"), 3);
        file.fdatasync();

        MemorySegment read = arena.allocate(5);
        assertEquals(5, file.pread(read, 3));
        assertEquals("hello", text(read));
        assertArrayEquals("\0\0\0hello".getBytes(StandardCharsets.US_ASCII), Files.readAllBytes(path));
        assertEquals(8, file.sizeBytes());
    }

    @Test
    void readStopsAtTheEndOfTheFile() {
        file.pwrite(memory("abc"), 0);

        assertEquals(2, file.pread(arena.allocate(10), 1));
        assertEquals(0, file.pread(arena.allocate(10), 3));
    }

    @Test
    void vectorsAreWrittenAndReadOneAfterTheOther() {
        IoVectors vectors = new IoVectors(3);
        vectors.add(memory("ab"));
        vectors.add(arena.allocate(0));
        vectors.add(memory("cdef"));

        file.pwritev(vectors, 1);

        assertEquals(0, vectors.remainingBytes());
        MemorySegment first = arena.allocate(5);
        MemorySegment second = arena.allocate(5);
        vectors.clear();
        vectors.add(first);
        vectors.add(second);
        assertEquals(6, file.preadv(vectors, 1));
        assertEquals("abcde", text(first));
        assertEquals("f\0\0\0\0", text(second));
        assertEquals(4, vectors.remainingBytes(), "the file ended before the second was full");
    }

    @Test
    void vectorsGoOnWhereAShortTransferEnded() {
        IoVectors vectors = new IoVectors(3);
        vectors.add(memory("ab"));
        vectors.add(memory("cd"));
        vectors.add(memory("ef"));

        vectors.advance(3);
        file.pwritev(vectors, 0);

        MemorySegment read = arena.allocate(3);
        assertEquals(3, file.pread(read, 0));
        assertEquals("def", text(read));
    }

    @Test
    void heapAndFreedMemoryAreRefused() {
        MemorySegment heap = MemorySegment.ofArray(new byte[8]);
        MemorySegment freed;
        try (Arena closed = Arena.ofConfined()) {
            freed = closed.allocate(8);
        }

        assertThrows(IllegalArgumentException.class, () -> file.pread(heap, 0));
        assertThrows(IllegalStateException.class, () -> file.pwrite(freed, 0));
        assertThrows(IllegalStateException.class, () -> new IoVectors(1).add(freed));
    }

    @Test
    void punchedHoleReadsAsZeroesAndKeepsTheSize() throws IOException {
        file.pwrite(arena.allocate(8192).fill((byte) 1), 0);

        assumeTrue(file.punchHole(0, 4096), "the file system cannot punch holes");

        byte[] bytes = Files.readAllBytes(path);
        assertEquals(8192, bytes.length);
        assertEquals(0, bytes[4095]);
        assertEquals(1, bytes[4096]);
    }

    @Test
    void zeroedRangeReadsAsZeroesAndKeepsTheSize() throws IOException {
        file.pwrite(arena.allocate(8192).fill((byte) 1), 0);

        assumeTrue(file.zeroRange(4096, 8192), "the file system cannot zero ranges");

        byte[] bytes = Files.readAllBytes(path);
        assertEquals(8192, bytes.length);
        assertEquals(1, bytes[4095]);
        assertEquals(0, bytes[4096]);
    }

    @Test
    void truncatedFileHasItsNewSize() {
        file.ftruncate(12_345);

        assertEquals(12_345, file.sizeBytes());
        assertTrue(file.isRegularFile());
        assertFalse(file.isBlockDevice());
    }

    @Test
    void failureNamesCallPathAndOffset() {
        try (HostFile readOnly = HostFile.open(path.toString(), HostFile.O_RDONLY, 0)) {
            ErrnoException e =
                    assertThrows(ErrnoException.class, () -> readOnly.pwrite(memory("abcd"), 512));

            assertEquals(
                    "pwrite(" + path + ", 4 bytes at offset 512): EBADF (Bad file descriptor)",
                    e.getMessage());
        }
    }

    @Test
    void diskWithoutRoomIsReported() {
        try (HostFile full = HostFile.open("/dev/full", HostFile.O_WRONLY, 0)) {
            ErrnoException e = assertThrows(ErrnoException.class, () -> full.pwrite(memory("a"), 0));

            assertEquals(Errno.ENOSPC, e.errno());
            assertEquals(0, full.sizeBytes());
        }
    }

    @Test
    void missingFileIsReportedWithItsPath() {
        String missing = directory.resolve("none").toString();

        ErrnoException e =
                assertThrows(
                        ErrnoException.class, () -> HostFile.open(missing, HostFile.O_RDONLY, 0));

        assertEquals(Errno.ENOENT, e.errno());
        assertEquals("open(" + missing + "): ENOENT (No such file or directory)", e.getMessage());
    }

    @Test
    void alignmentOfDirectIoIsAPowerOfTwoOrUnknown() throws IOException {
        Files.createDirectories(Path.of("target"));
        Path onDisk = Files.createTempFile(Path.of("target"), "direct", ".img");
        try (HostFile opened = HostFile.open(onDisk.toString(), HostFile.O_RDWR, 0)) {
            DirectAlignment alignment = DirectAlignment.of(opened);

            if (alignment != null && alignment.offsetBytes() != 0) {
                assertEquals(1, Integer.bitCount(alignment.memoryBytes()));
                assertEquals(1, Integer.bitCount(alignment.offsetBytes()));
                assertTrue(alignment.offsetBytes() <= 1 << 16);
            }
        } finally {
            Files.delete(onDisk);
        }
    }

    @Test
    void blockDeviceDiscardsAndZeroesWholeBlocks() throws Exception {
        file.ftruncate(1 << 20);
        Process losetup = new ProcessBuilder("losetup", "--find", "--show", path.toString()).start();
        String device = new String(losetup.getInputStream().readAllBytes(), StandardCharsets.US_ASCII).strip();
        assumeTrue(losetup.waitFor() == 0, "no right to make a block device");
        try (HostFile disk = HostFile.open(device, HostFile.O_RDWR, 0)) {
            assertTrue(disk.isBlockDevice());
            disk.pwrite(arena.allocate(1 << 16).fill((byte) 7), 0);

            assertTrue(disk.zeroBlocks(4096, 4096));
            assertTrue(disk.discardBlocks(8192, 4096));
            assertTrue(disk.punchHole(16_384, 4096));

            MemorySegment read = arena.allocate(1 << 16);
            disk.pread(read, 0);
            assertEquals(7, read.get(ValueLayout.JAVA_BYTE, 4095));
            assertEquals(0, read.get(ValueLayout.JAVA_BYTE, 4096));
            assertEquals(0, read.get(ValueLayout.JAVA_BYTE, 16_384));
            assertEquals(7, read.get(ValueLayout.JAVA_BYTE, 20_480));
            assertFalse(disk.zeroBlocks(100, 512));
            assertFalse(disk.discardBlocks(100, 512));
            assertFalse(disk.zeroRange(100, 512));
        } finally {
            new ProcessBuilder("losetup", "--detach", device).start().waitFor();
        }
    }

    @Test
    void regularFileIsNoBlockDevice() {
        file.ftruncate(1 << 20);

        assertFalse(file.discardBlocks(0, 4096));
        assertFalse(file.zeroBlocks(0, 4096));
    }
}

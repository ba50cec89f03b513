// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.kvm.linux;

import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.file.Files;
import java.nio.file.Path;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

/** The calls that random number generators, balloons and mapped images are made of. */
class GuestDeviceCallsTest {
    private static final long PAGE_BYTES = 4096;

    @TempDir
    private Path directory;

    @Test
    void randomBytesFillTheRangeAndNothingElse() {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment memory = arena.allocate(4096);

            long filled = RandomBytes.fill(memory, 1024, 2048);

            assertEquals(2048, filled);
            assertEquals(0, nonZero(memory, 0, 1024));
            // One in 256 is zero by chance.
            assertTrue(nonZero(memory, 1024, 2048) > 1900);
            assertEquals(0, nonZero(memory, 3072, 1024));
            assertEquals(0, RandomBytes.fill(memory, 4096, 0));
        }
    }

    private static int nonZero(MemorySegment memory, long offset, int lengthBytes) {
        int count = 0;
        for (int i = 0; i < lengthBytes; i++) {
            count += memory.get(ValueLayout.JAVA_BYTE, offset + i) == 0 ? 0 : 1;
        }
        return count;
    }

    @Test
    void randomBytesStayWithinNativeMemory() {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment memory = arena.allocate(16);

            assertThrows(IndexOutOfBoundsException.class, () -> RandomBytes.fill(memory, 8, 9));
            assertThrows(IndexOutOfBoundsException.class, () -> RandomBytes.fill(memory, -1, 1));
        }
        assertThrows(
                IllegalArgumentException.class, () -> RandomBytes.fill(MemorySegment.ofArray(new byte[8]), 0, 8));
    }

    @Test
    void removedPagesReadAsZeroesForEverybody() {
        try (Memfd memfd = Memfd.create("test", 4 * PAGE_BYTES, Memfd.DEFAULT_PAGES);
                HostMapping one = HostMapping.shared(memfd.fd(), 0, 4 * PAGE_BYTES);
                HostMapping other = HostMapping.shared(memfd.fd(), 0, 4 * PAGE_BYTES)) {
            one.segment().fill((byte) 1);

            assertEquals(0, SharedPages.remove(one.segment(), PAGE_BYTES, 2 * PAGE_BYTES));

            assertEquals(1, other.segment().get(ValueLayout.JAVA_BYTE, 0));
            assertEquals(0, nonZero(other.segment(), PAGE_BYTES, 2 * (int) PAGE_BYTES));
            assertEquals(1, other.segment().get(ValueLayout.JAVA_BYTE, 3 * PAGE_BYTES));
        }
    }

    @Test
    void memoryThatIsNotSharedKeepsItsPages() {
        try (HostMapping mapping = HostMapping.anonymous(PAGE_BYTES)) {
            mapping.segment().fill((byte) 1);

            assertEquals(-Errno.EINVAL, SharedPages.remove(mapping.segment(), 0, PAGE_BYTES));

            assertEquals(1, mapping.segment().get(ValueLayout.JAVA_BYTE, 0));
            assertThrows(
                    IndexOutOfBoundsException.class, () -> SharedPages.remove(mapping.segment(), 0, 2 * PAGE_BYTES));
        }
    }

    @Test
    void paddedMappingShowsTheFileAndThenZeroes() throws IOException {
        Path file = Files.write(directory.resolve("file"), new byte[] {1, 2, 3});
        long lengthBytes = 512 * PAGE_BYTES;
        try (HostFile opened = HostFile.open(file.toString(), HostFile.O_RDONLY, 0);
                HostMapping mapping = HostMapping.readOnlyPadded(opened.fd(), 3, lengthBytes)) {
            assertEquals(lengthBytes, mapping.lengthBytes());
            assertEquals(3, mapping.segment().get(ValueLayout.JAVA_BYTE, 2));
            assertEquals(0, nonZero(mapping.segment(), 3, (int) lengthBytes - 3));
            assertThrows(
                    IllegalArgumentException.class,
                    () -> mapping.segment().set(ValueLayout.JAVA_BYTE, 0, (byte) 0));
            assertThrows(
                    IllegalArgumentException.class, () -> HostMapping.readOnlyPadded(opened.fd(), 0, lengthBytes));
            assertThrows(IllegalArgumentException.class, () -> HostMapping.readOnlyPadded(opened.fd(), 3, 2));
        }
    }

    @Test
    void paddedMappingOfWhatCannotBeMappedSaysSo() {
        try (EventFd unmappable = EventFd.create()) {
            ErrnoException e = assertThrows(
                    ErrnoException.class, () -> HostMapping.readOnlyPadded(unmappable.fd(), 8, PAGE_BYTES));

            assertEquals(Errno.ENODEV, e.errno());
        }
    }
}

// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.kvm.linux;

import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.EnabledOnOs;
import org.junit.jupiter.api.condition.OS;
import org.junit.jupiter.api.io.TempDir;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

/** memfds and mappings. */
@EnabledOnOs(OS.LINUX)
class MemoryTest {
    private static final long PAGE_BYTES = 4096;
    private static final long HUGE_PAGE_BYTES = 2 << 20;

    @TempDir
    Path directory;

    @Test
    void twoMappingsOfAMemfdShareItsBytes() {
        try (Memfd memfd = Memfd.create("test", 2 * PAGE_BYTES, Memfd.DEFAULT_PAGES);
                HostMapping whole = HostMapping.shared(memfd.fd(), 0, 2 * PAGE_BYTES);
                HostMapping second = HostMapping.shared(memfd.fd(), PAGE_BYTES, PAGE_BYTES)) {
            whole.segment().set(ValueLayout.JAVA_LONG, PAGE_BYTES, 42);

            assertEquals(42, second.segment().get(ValueLayout.JAVA_LONG, 0));
            assertEquals(2 * PAGE_BYTES, memfd.lengthBytes());
        }
    }

    @Test
    void mappingOutlivesItsDescriptor() {
        Memfd memfd = Memfd.create("test", PAGE_BYTES, Memfd.DEFAULT_PAGES);
        try (HostMapping mapping = HostMapping.shared(memfd.fd(), 0, PAGE_BYTES)) {
            memfd.close();

            mapping.segment().set(ValueLayout.JAVA_BYTE, 0, (byte) 1);

            assertEquals(1, mapping.segment().get(ValueLayout.JAVA_BYTE, 0));
        }
    }

    @Test
    void memfdCannotBeShrunkOrGrownByWhoGetsIt() throws IOException {
        try (Memfd memfd = Memfd.create("test", PAGE_BYTES, Memfd.DEFAULT_PAGES);
                HostFile shared =
                        HostFile.open("/proc/self/fd/" + memfd.fd().number(), HostFile.O_RDWR, 0)) {
            ErrnoException shrunk = assertThrows(ErrnoException.class, () -> shared.ftruncate(0));
            ErrnoException grown =
                    assertThrows(ErrnoException.class, () -> shared.ftruncate(2 * PAGE_BYTES));

            assertEquals(Errno.EPERM, shrunk.errno());
            assertEquals(Errno.EPERM, grown.errno());
        }
    }

    @Test
    void accessAfterCloseThrows() {
        HostMapping mapping = HostMapping.anonymous(PAGE_BYTES);
        MemorySegment segment = mapping.segment();
        mapping.close();
        mapping.close();

        assertThrows(IllegalStateException.class, () -> segment.get(ValueLayout.JAVA_BYTE, 0));
        assertThrows(IllegalStateException.class, mapping::populate);
    }

    @Test
    void closedMappingIsGoneFromTheAddressSpace() throws IOException {
        Memfd memfd = Memfd.create("isthmus-unmapped", PAGE_BYTES, Memfd.DEFAULT_PAGES);
        HostMapping mapping = HostMapping.shared(memfd.fd(), 0, PAGE_BYTES);
        assertTrue(isMapped("isthmus-unmapped"));

        mapping.close();
        memfd.close();

        assertFalse(isMapped("isthmus-unmapped"));
    }

    @Test
    void discardedPagesReadAsZeroesForEverybody() {
        try (Memfd memfd = Memfd.create("test", 2 * PAGE_BYTES, Memfd.DEFAULT_PAGES);
                HostMapping one = HostMapping.shared(memfd.fd(), 0, 2 * PAGE_BYTES);
                HostMapping other = HostMapping.shared(memfd.fd(), 0, 2 * PAGE_BYTES)) {
            one.segment().fill((byte) 1);

            one.discard(PAGE_BYTES, PAGE_BYTES);

            assertEquals(1, other.segment().get(ValueLayout.JAVA_BYTE, 0));
            assertEquals(0, other.segment().get(ValueLayout.JAVA_BYTE, PAGE_BYTES));
        }
    }

    @Test
    void forgottenPagesOfAnonymousMemoryReadAsZeroes() {
        try (HostMapping mapping = HostMapping.anonymous(PAGE_BYTES)) {
            mapping.segment().fill((byte) 1);

            mapping.forget(0, PAGE_BYTES);

            assertEquals(0, mapping.segment().get(ValueLayout.JAVA_BYTE, 0));
        }
    }

    @Test
    void populatedMemoryIsResident() throws IOException {
        long lengthBytes = 64 * PAGE_BYTES;
        try (Memfd memfd = Memfd.create("isthmus-populated", lengthBytes, Memfd.DEFAULT_PAGES);
                HostMapping mapping = HostMapping.shared(memfd.fd(), 0, lengthBytes)) {
            assertEquals(0, residentKib("isthmus-populated"));

            mapping.populate();

            assertEquals(lengthBytes / 1024, residentKib("isthmus-populated"));
        }
    }

    @Test
    void memoryExcludedFromDumpsSaysSo() throws IOException {
        try (Memfd memfd = Memfd.create("isthmus-undumped", PAGE_BYTES, Memfd.DEFAULT_PAGES);
                HostMapping mapping = HostMapping.shared(memfd.fd(), 0, PAGE_BYTES)) {
            mapping.excludeFromDumps();

            assertTrue(smaps("isthmus-undumped", "VmFlags:").contains(" dd"), "no dd flag");
        }
    }

    @Test
    void rangesOutsideTheMappingAreRefused() {
        try (HostMapping mapping = HostMapping.anonymous(PAGE_BYTES)) {
            assertThrows(IndexOutOfBoundsException.class, () -> mapping.forget(PAGE_BYTES, PAGE_BYTES));
            assertThrows(IndexOutOfBoundsException.class, () -> mapping.discard(-PAGE_BYTES, PAGE_BYTES));
        }
    }

    @Test
    void readOnlyMappingShowsTheFileAndRefusesWrites() throws IOException {
        Path file = Files.writeString(directory.resolve("file"), "kernel");
        try (HostFile opened = HostFile.open(file.toString(), HostFile.O_RDONLY, 0);
                HostMapping mapping = HostMapping.readOnly(opened.fd(), 0, 6)) {
            assertEquals('k', mapping.segment().get(ValueLayout.JAVA_BYTE, 0));
            assertThrows(
                    IllegalArgumentException.class,
                    () -> mapping.segment().set(ValueLayout.JAVA_BYTE, 0, (byte) 0));
        }
    }

    @Test
    void failedMappingNamesItsLength() {
        try (EventFd unmappable = EventFd.create()) {
            ErrnoException e =
                    assertThrows(
                            ErrnoException.class,
                            () -> HostMapping.shared(unmappable.fd(), 0, PAGE_BYTES));

            assertEquals(Errno.ENODEV, e.errno());
            assertTrue(e.getMessage().contains("4096 bytes"), e.getMessage());
        }
    }

    @Test
    void hugePagesAreUsedWhereTheHostHasThem() throws IOException {
        Path free = Path.of("/sys/kernel/mm/hugepages/hugepages-2048kB/free_hugepages");
        assumeTrue(Files.exists(free), "the host has no 2 MiB pages");
        boolean available = Long.parseLong(Files.readString(free).strip()) > 0;

        try (Memfd memfd = Memfd.create("isthmus-huge", HUGE_PAGE_BYTES, HUGE_PAGE_BYTES)) {
            if (available) {
                try (HostMapping mapping = HostMapping.shared(memfd.fd(), 0, HUGE_PAGE_BYTES)) {
                    assertEquals(0, mapping.address() % HUGE_PAGE_BYTES);
                    assertTrue(smaps("isthmus-huge", "KernelPageSize:").contains("2048 kB"));
                }
            } else {
                ErrnoException e =
                        assertThrows(
                                ErrnoException.class,
                                () -> HostMapping.shared(memfd.fd(), 0, HUGE_PAGE_BYTES).close());
                assertEquals(Errno.ENOMEM, e.errno());
            }
        }
    }

    @Test
    void impossibleMemfdsAreRefused() {
        assertThrows(IllegalArgumentException.class, () -> Memfd.create("test", 0, 0));
        assertThrows(IllegalArgumentException.class, () -> Memfd.create("test", PAGE_BYTES, 3000));
        assertThrows(
                IllegalArgumentException.class, () -> Memfd.create("n".repeat(250), PAGE_BYTES, 0));
    }

    private static boolean isMapped(String name) throws IOException {
        return Files.readString(Path.of("/proc/self/maps")).contains(name);
    }

    private static long residentKib(String name) throws IOException {
        return Long.parseLong(smaps(name, "Rss:").replace("kB", "").strip());
    }

    /** A field of a mapping that /proc/self/smaps describes. */
    private static String smaps(String name, String field) throws IOException {
        List<String> lines = Files.readAllLines(Path.of("/proc/self/smaps"));
        boolean found = false;
        for (String line : lines) {
            found |= line.contains(name);
            if (found && line.startsWith(field)) {
                return line.substring(field.length());
            }
        }
        throw new AssertionError(name + " is not mapped");
    }
}

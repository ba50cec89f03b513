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
import org.junit.jupiter.api.io.TempDir;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

class FileCallsTest {
    private static final int NODE = FileCalls.O_PATH | FileCalls.O_NOFOLLOW;
    private static final int ELOOP = 40;
    private static final int EXDEV = 18;

    @TempDir
    private Path path;

    private final Arena arena = Arena.ofAuto();
    private int root;
    private int descriptors;

    @BeforeEach
    void open() {
        root = ok(FileCalls.openFolder(path.toString()));
        descriptors = ok(FileCalls.openFolder("/proc/self/fd"));
    }

    @AfterEach
    void close() {
        FileCalls.close(root);
        FileCalls.close(descriptors);
    }

    private static int ok(long result) {
        assertTrue(result >= 0, () -> Errno.name((int) -result));
        return (int) result;
    }

    private MemorySegment name(String name) {
        return arena.allocateFrom(name);
    }

    @Test
    void entryIsFoundAndDescribed() throws IOException {
        Files.write(path.resolve("file"), new byte[1234]);
        Statx stat = new Statx();

        int fd = ok(FileCalls.openEntry(root, name("file"), NODE, 0));
        ok(FileCalls.statx(fd, stat));
        FileCalls.close(fd);

        assertEquals(1234, stat.sizeBytes());
        assertTrue(stat.isRegularFile());
        assertEquals(Files.getAttribute(path.resolve("file"), "unix:ino"), stat.inode());
        assertEquals(1, stat.links());
        assertEquals(
                Files.getLastModifiedTime(path.resolve("file")).toMillis(),
                stat.modifySeconds() * 1000 + stat.modifyNanos() / 1_000_000);
    }

    @Test
    void errorsAreNumbers() {
        assertEquals(-Errno.ENOENT, FileCalls.openEntry(root, name("absent"), NODE, 0));
        assertEquals(-Errno.EBADF, FileCalls.statx(1 << 30, new Statx()));
        assertEquals(-Errno.ENOENT, FileCalls.openFolder(path.resolve("absent").toString()));
    }

    @Test
    void nothingIsOpenedBeyondTheDirectoryOrThroughALink() throws IOException {
        Files.createSymbolicLink(path.resolve("link"), Path.of("/etc"));

        assertEquals(-EXDEV, FileCalls.openEntry(root, name(".."), NODE, 0));
        assertEquals(-EXDEV, FileCalls.openEntry(root, name("/etc"), NODE, 0));
        assertEquals(-ELOOP, FileCalls.openEntry(root, name("link/passwd"), NODE, 0));
        assertEquals(-ELOOP, FileCalls.openEntry(root, name("link"), HostFile.O_RDONLY, 0));
        int link = ok(FileCalls.openEntry(root, name("link"), NODE, 0));
        MemorySegment target = arena.allocate(100);
        assertEquals(4, FileCalls.readLink(link, target));
        assertEquals("/etc", target.getString(0));
        FileCalls.close(link);
    }

    @Test
    void fileIsOpenedAnewByItsDescriptorWhateverItsName() throws IOException {
        Files.writeString(path.resolve("file"), "text");
        int node = ok(FileCalls.openEntry(root, name("file"), NODE, 0));
        Files.move(path.resolve("file"), path.resolve("other"));

        int file = ok(FileCalls.reopen(descriptors, node, HostFile.O_RDWR));
        MemorySegment bytes = arena.allocate(8);
        IoVectors vectors = new IoVectors(2);
        vectors.add(bytes, 0, 2);
        vectors.add(bytes, 2, 6);

        assertEquals(4, FileData.preadv(file, vectors, 0));
        assertArrayEquals("text".getBytes(StandardCharsets.UTF_8), bytes.asSlice(0, 4).toArray(ValueLayout.JAVA_BYTE));
        FileCalls.close(file);
        FileCalls.close(node);
    }

    @Test
    void attributesChangeByDescriptor() throws IOException {
        Files.createFile(path.resolve("file"));
        int node = ok(FileCalls.openEntry(root, name("file"), NODE, 0));

        ok(FileCalls.changeMode(descriptors, node, 0421));
        ok(FileCalls.changeTimes(descriptors, node, 100, 5, 200, 7));
        ok(FileCalls.changeTimes(descriptors, node, 0, FileCalls.UTIME_OMIT, 300, 9));
        ok(FileCalls.link(descriptors, node, root, name("linked")));
        Statx stat = new Statx();
        ok(FileCalls.statx(node, stat));
        FileCalls.close(node);

        assertEquals(0421, stat.mode() & 07777);
        assertEquals(100, stat.accessSeconds());
        assertEquals(5, stat.accessNanos());
        assertEquals(300, stat.modifySeconds());
        assertEquals(2, stat.links());
    }

    @Test
    void openFileLimitIsKnown() {
        assertTrue(ResourceLimits.openFiles() > 0);
    }
}

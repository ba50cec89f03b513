// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.machine.fs;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;

import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

import dev.isthmus.fuse.FuseProtocol;
import dev.isthmus.kvm.linux.Errno;
import dev.isthmus.machine.io.Uninterruptibly;
import dev.isthmus.testing.fuse.FuseClient;
import dev.isthmus.testing.fuse.FuseReply;
import dev.isthmus.testing.fuse.FuseRequest;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

/**
 * Nothing outside the folder is reachable, whatever the guest asks for and others do meanwhile. Beside the folder there is a
 * secret, which no request may show, change or remove.
 */
@Timeout(120)
class HostFolderEscapeTest {
    private static final long ROOT = FuseProtocol.FUSE_ROOT_ID;
    private static final String SECRET = "secret";
    private static final int ROUNDS = 2000;
    private static final int S_IFMT = 0xf000;
    private static final int S_IFLNK = 0xa000;
    private static final int S_IFIFO = 0x1000;

    @TempDir
    private Path parent;

    private Path outside;
    private Path shared;
    private FolderRig rig;
    private FuseClient client;

    @BeforeEach
    void share() throws IOException {
        outside = Files.createDirectory(parent.resolve("outside"));
        Files.writeString(outside.resolve("file"), SECRET);
        Files.writeString(parent.resolve("file"), SECRET);
        shared = Files.createDirectory(parent.resolve("shared"));
        rig = new FolderRig(shared);
        client = rig.client;
    }

    @AfterEach
    void secretIsAsItWas() throws IOException {
        rig.close();
        assertEquals(0, rig.folder.openHandles());
        assertEquals(0, FolderRig.descriptorsUnder(parent));
        assertEquals(SECRET, Files.readString(outside.resolve("file")));
        assertEquals(SECRET, Files.readString(parent.resolve("file")));
        assertEquals(1, list(outside));
        assertEquals(3, list(parent));
    }

    private static long list(Path directory) throws IOException {
        try (var entries = Files.list(directory)) {
            return entries.count();
        }
    }

    private static int typeOf(FuseReply entry) {
        return entry.u32(40 + 60) & S_IFMT;
    }

    @ParameterizedTest
    @ValueSource(strings = {"", ".", "..", "/", "../file", "../outside/file", "d/..", "/etc/passwd", "d/", "//", "./d"})
    void nameThatIsNotOneComponentIsRefusedEverywhere(String name) throws IOException {
        Files.createDirectory(shared.resolve("d"));
        Files.createFile(shared.resolve("f"));
        long file = client.find(ROOT, "f");

        assertEquals(Errno.EINVAL, client.lookup(ROOT, name).error());
        assertEquals(Errno.EINVAL, client.create(ROOT, name, FolderRig.O_RDWR, 0600).error());
        assertEquals(Errno.EINVAL, call(FuseProtocol.FUSE_UNLINK, name));
        assertEquals(Errno.EINVAL, call(FuseProtocol.FUSE_RMDIR, name));
        assertEquals(Errno.EINVAL, error(new FuseRequest(FuseProtocol.FUSE_MKDIR, ROOT).u64(0700).text(name)));
        assertEquals(Errno.EINVAL, error(
                new FuseRequest(FuseProtocol.FUSE_MKNOD, ROOT).u32(0100600).u32(0).u64(0).text(name)));
        assertEquals(Errno.EINVAL, error(new FuseRequest(FuseProtocol.FUSE_SYMLINK, ROOT).text(name).text("x")));
        assertEquals(Errno.EINVAL, error(new FuseRequest(FuseProtocol.FUSE_LINK, ROOT).u64(file).text(name)));
        assertEquals(Errno.EINVAL, error(
                new FuseRequest(FuseProtocol.FUSE_RENAME, ROOT).u64(ROOT).text("f").text(name)));
        assertEquals(Errno.EINVAL, error(
                new FuseRequest(FuseProtocol.FUSE_RENAME2, ROOT).u64(ROOT).u64(2).text(name).text("f")));
    }

    private int call(int opcode, String name) {
        return error(new FuseRequest(opcode, ROOT).text(name));
    }

    private int error(FuseRequest request) {
        return client.call(request).error();
    }

    @Test
    void nameEndsAtItsFirstZero() {
        byte[] name = "..\0/outside\0".getBytes(StandardCharsets.UTF_8);

        assertEquals(Errno.EINVAL, error(new FuseRequest(FuseProtocol.FUSE_LOOKUP, ROOT).raw(name)));
    }

    @Test
    void nameWithoutZeroOrTooLongIsRefused() {
        assertEquals(Errno.EINVAL, error(new FuseRequest(FuseProtocol.FUSE_LOOKUP, ROOT).raw(new byte[] {'f'})));
        assertEquals(Errno.ENOENT, client.lookup(ROOT, "n".repeat(255)).error());
        assertEquals(36, client.lookup(ROOT, "n".repeat(256)).error());
        assertEquals(36, client.lookup(ROOT, "n".repeat(9000)).error());
    }

    @ParameterizedTest
    @ValueSource(strings = {"/", "..", "../outside", "/proc/self/root", "/proc/self/fd/0"})
    void symbolicLinkIsTheGuestsToFollow(String target) throws IOException {
        Files.createSymbolicLink(shared.resolve("link"), Path.of(target));

        FuseReply link = client.lookup(ROOT, "link");

        assertEquals(S_IFLNK, typeOf(link));
        long node = link.u64(0);
        assertEquals(Errno.ENOTDIR, client.lookup(node, "file").error());
        assertEquals(Errno.ENXIO, client.open(node, FolderRig.O_RDONLY).error());
        assertEquals(Errno.ENOTDIR, error(new FuseRequest(FuseProtocol.FUSE_OPENDIR, node).u64(0)));
        assertEquals(Errno.ENOTDIR, client.create(node, "new", FolderRig.O_RDWR, 0600).error());
        // The link may be opened by nobody, not by its name either.
        assertNotEquals(0, client.create(ROOT, "link", FolderRig.O_RDWR, 0600).error());
    }

    @Test
    void changesOfALinksAttributesDoNotReachItsTarget() throws IOException {
        Files.createSymbolicLink(shared.resolve("link"), outside.resolve("file"));
        long node = client.find(ROOT, "link");
        var modified = Files.getLastModifiedTime(outside.resolve("file"));
        var permissions = Files.getPosixFilePermissions(outside.resolve("file"));

        client.call(attributes(node, FuseProtocol.FATTR_MODE));
        client.call(attributes(node, FuseProtocol.FATTR_MTIME));
        assertEquals(Errno.EINVAL, client.call(attributes(node, FuseProtocol.FATTR_SIZE)).error());

        assertEquals(modified, Files.getLastModifiedTime(outside.resolve("file")));
        assertEquals(permissions, Files.getPosixFilePermissions(outside.resolve("file")));
    }

    private static FuseRequest attributes(long node, int valid) {
        FuseRequest request = new FuseRequest(FuseProtocol.FUSE_SETATTR, node).u32(valid).u32(0);
        return request.raw(new byte[FuseProtocol.SETATTR_IN_BYTES - 8]);
    }

    @Test
    void madeUpNodesAndFilesAreUnknown() throws IOException {
        Files.createFile(shared.resolve("f"));
        long node = client.find(ROOT, "f");

        for (long madeUp : new long[] {0, -1, 3, node + 1, node | 1L << 32, Long.MIN_VALUE + node, 0xffff_ffffL}) {
            assertEquals(116, client.getAttributes(madeUp).error());
            assertEquals(116, client.lookup(madeUp, "f").error());
            assertEquals(116, error(new FuseRequest(FuseProtocol.FUSE_LINK, ROOT).u64(madeUp).text("l")));
            assertEquals(Errno.EBADF, client.read(node, madeUp, 0, 100).error());
            assertEquals(Errno.EBADF, client.release(FuseProtocol.FUSE_RELEASE, node, madeUp).error());
        }
        // The descriptors of the process are no files of the guest's.
        for (int fd = 0; fd < 50; fd++) {
            assertEquals(Errno.EBADF, client.read(node, fd, 0, 100).error());
        }
    }

    @Test
    void forgottenNodeIsUnknownAndItsNumberNotUsedAgain() throws IOException {
        Files.createFile(shared.resolve("f"));
        Files.createFile(shared.resolve("g"));
        long node = client.find(ROOT, "f");
        client.forget(node, 1);

        long other = client.find(ROOT, "g");

        assertNotEquals(node, other);
        assertEquals(116, client.getAttributes(node).error());
    }

    @Test
    void deviceNodesFifosAndSocketsAreNeverOpened() throws Exception {
        assumeTrue(run("mkfifo", shared.resolve("fifo").toString()) == 0);
        boolean device = run("mknod", shared.resolve("zero").toString(), "c", "1", "5") == 0;

        // A FIFO without a writer would keep whoever opens it.
        assertEquals(Errno.ENXIO, client.open(client.find(ROOT, "fifo"), FolderRig.O_RDONLY).error());
        assertEquals(Errno.ENXIO, client.create(ROOT, "fifo", FolderRig.O_WRONLY, 0600).error());
        if (device) {
            assertEquals(Errno.ENXIO, client.open(client.find(ROOT, "zero"), FolderRig.O_RDWR).error());
            assertEquals(Errno.ENXIO, client.create(ROOT, "zero", FolderRig.O_RDWR, 0600).error());
            // The guest sees what it is: its own device of that number.
            assertEquals(1 << 8 | 5, client.lookup(ROOT, "zero").u32(40 + 76));
        }
    }

    @Test
    void guestMakesNoDeviceNodes() {
        int block = 0x6000;
        int character = 0x2000;

        assertEquals(Errno.EPERM, error(mknod("b", block | 0600, 8 << 8)));
        assertEquals(Errno.EPERM, error(mknod("c", character | 0600, 1 << 8 | 1)));
        assertEquals(Errno.EPERM, error(mknod("d", 0x4000 | 0700, 0)));
        assertEquals(0, error(mknod("f", S_IFIFO | 0600, 0)));
        assertEquals(0, error(mknod("s", 0xc000 | 0600, 0)));
        assertEquals(0, error(mknod("r", 0600, 0)));
    }

    private static FuseRequest mknod(String name, int mode, int device) {
        return new FuseRequest(FuseProtocol.FUSE_MKNOD, ROOT).u32(mode).u32(device).u64(0).text(name);
    }

    private static int run(String... command) throws Exception {
        return new ProcessBuilder(command).inheritIO().start().waitFor();
    }

    @Test
    void hardLinkOfTheHostIsAFileOfTheFolder() throws IOException {
        Files.writeString(outside.resolve("other"), "shared by a link");
        Files.createLink(shared.resolve("hard"), outside.resolve("other"));
        Files.delete(outside.resolve("other"));

        long node = client.find(ROOT, "hard");
        long file = client.open(node, FolderRig.O_RDONLY).u64(0);

        assertEquals("shared by a link", new String(client.read(node, file, 0, 100).payload(), StandardCharsets.UTF_8));
    }

    @Test
    void directoryThatIsMovedOutLeadsNowhereElse() throws IOException {
        Files.createDirectories(shared.resolve("d/e"));
        long directory = client.find(ROOT, "d");
        Path moved = outside.resolve("d");
        Files.move(shared.resolve("d"), moved);

        assertEquals(Errno.EINVAL, client.lookup(directory, "..").error());
        assertEquals(Errno.ENOENT, client.lookup(directory, "file").error());
        assertEquals(0, client.lookup(directory, "e").error());

        Files.move(moved, shared.resolve("d"), StandardCopyOption.ATOMIC_MOVE);
    }

    /** Exchanges two names all the time, by renaming over a third. */
    private static final class Swapper implements AutoCloseable {
        private final AtomicBoolean stop = new AtomicBoolean();
        private final Thread thread;
        private final AtomicInteger swaps = new AtomicInteger();

        Swapper(Path name, Path good, Path bad) {
            thread = new Thread(() -> {
                try {
                    while (!stop.get()) {
                        Files.move(name, good, StandardCopyOption.ATOMIC_MOVE);
                        Files.move(bad, name, StandardCopyOption.ATOMIC_MOVE);
                        Files.move(name, bad, StandardCopyOption.ATOMIC_MOVE);
                        Files.move(good, name, StandardCopyOption.ATOMIC_MOVE);
                        swaps.incrementAndGet();
                    }
                } catch (IOException e) {
                    throw new AssertionError(e);
                }
            });
            thread.start();
        }

        @Override
        public void close() {
            stop.set(true);
            Uninterruptibly.join(thread);
            assertTrue(swaps.get() > 0);
        }
    }

    @Test
    void directoryIsSwappedForALinkWhileTheGuestWalks() throws Exception {
        Path directory = Files.createDirectory(shared.resolve("d"));
        Files.writeString(directory.resolve("file"), "inner");
        Path link = Files.createSymbolicLink(shared.resolve("bad"), outside);
        int found = 0;
        try (Swapper _ = new Swapper(directory, shared.resolve("good"), link)) {
            for (int i = 0; i < ROUNDS; i++) {
                FuseReply step = client.lookup(ROOT, "d");
                if (step.error() == 0) {
                    found += walk(step.u64(0));
                    client.forget(step.u64(0), 1);
                }
            }
        }
        assertTrue(found > 0);
        assertEquals(1, rig.device.nodeCount());
    }

    /** Goes on from a directory that may be a link; whatever is made or read is within. */
    private int walk(long directory) {
        FuseReply made = client.create(directory, "made", FolderRig.O_RDWR | FolderRig.O_TRUNC, 0600);
        if (made.error() == 0) {
            client.release(FuseProtocol.FUSE_RELEASE, made.u64(0), made.u64(FuseProtocol.ENTRY_OUT_BYTES));
            client.forget(made.u64(0), 1);
            assertEquals(0, error(new FuseRequest(FuseProtocol.FUSE_UNLINK, directory).text("made")));
        }
        FuseReply entry = client.lookup(directory, "file");
        if (entry.error() != 0) {
            return 0;
        }
        long node = entry.u64(0);
        long file = client.open(node, FolderRig.O_RDONLY).u64(0);
        assertEquals("inner", new String(client.read(node, file, 0, 100).payload(), StandardCharsets.UTF_8));
        client.release(FuseProtocol.FUSE_RELEASE, node, file);
        client.forget(node, 1);
        return 1;
    }

    @Test
    void fileIsSwappedForALinkWhileTheGuestWrites() throws Exception {
        Path file = Files.createFile(shared.resolve("f"));
        Path link = Files.createSymbolicLink(shared.resolve("bad"), outside.resolve("file"));
        int written = 0;
        try (Swapper _ = new Swapper(file, shared.resolve("good"), link)) {
            for (int i = 0; i < ROUNDS; i++) {
                FuseReply created = client.create(ROOT, "f", FolderRig.O_RDWR | FolderRig.O_TRUNC, 0600);
                if (created.error() == 0) {
                    long node = created.u64(0);
                    long opened = created.u64(FuseProtocol.ENTRY_OUT_BYTES);
                    assertEquals(3, client.write(node, opened, 0, new byte[3]).u32(0));
                    client.release(FuseProtocol.FUSE_RELEASE, node, opened);
                    client.forget(node, 1);
                    written++;
                }
            }
        }
        assertTrue(written > 0);
        assertEquals(SECRET, Files.readString(outside.resolve("file")));
    }
}

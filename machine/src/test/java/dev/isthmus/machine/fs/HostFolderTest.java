// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.machine.fs;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.TreeSet;

import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

import dev.isthmus.fuse.CachePolicy;
import dev.isthmus.fuse.FuseOptions;
import dev.isthmus.fuse.FuseProtocol;
import dev.isthmus.kvm.linux.Errno;
import dev.isthmus.machine.VmException;
import dev.isthmus.testing.fuse.FuseClient;
import dev.isthmus.testing.fuse.FuseReply;
import dev.isthmus.testing.fuse.FuseRequest;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

/** What a guest does in a folder happens on the host, and the other way round. */
class HostFolderTest {
    private static final long ROOT = FuseProtocol.FUSE_ROOT_ID;
    private static final int FATTR_BYTES = 88;

    @TempDir
    private Path path;

    private FolderRig rig;
    private FuseClient client;

    @BeforeEach
    void share() {
        rig = new FolderRig(path);
        client = rig.client;
    }

    @AfterEach
    void close() {
        rig.close();
        assertEquals(0, rig.folder.openHandles());
        assertEquals(0, FolderRig.descriptorsUnder(path));
    }

    private static byte[] pattern(int length) {
        byte[] bytes = new byte[length];
        for (int i = 0; i < length; i++) {
            bytes[i] = (byte) (i * 31 + (i >> 8));
        }
        return bytes;
    }

    private FuseRequest setAttributes(long node, int valid, long size, int mode, int uid, int gid) {
        return new FuseRequest(FuseProtocol.FUSE_SETATTR, node, 1000, 1000)
                .u32(valid).u32(0).u64(0).u64(size).u64(0)
                .u64(1_000_000_000L).u64(1_100_000_000L).u64(0)
                .u32(5).u32(7).u32(0).u32(mode).u32(0).u32(uid).u32(gid).u32(0);
    }

    @Test
    void fileOfTheGuestIsTheHosts() throws IOException {
        FuseReply created = client.create(ROOT, "new", FolderRig.O_RDWR, 0640);
        long node = created.u64(0);
        long file = created.u64(FuseProtocol.ENTRY_OUT_BYTES);

        assertEquals(3000, client.write(node, file, 5, pattern(3000)).u32(0));

        byte[] expected = new byte[3005];
        System.arraycopy(pattern(3000), 0, expected, 5, 3000);
        assertArrayEquals(expected, Files.readAllBytes(path.resolve("new")));
        assertArrayEquals(expected, client.read(node, file, 0, 8000).payload());
        // The mode that was asked for, whatever the umask of this process.
        assertEquals("rw-r-----", PosixFilePermissions.toString(Files.getPosixFilePermissions(path.resolve("new"))));
        assertEquals(0, client.release(FuseProtocol.FUSE_RELEASE, node, file).error());
    }

    @Test
    void fileOfTheHostIsTheGuests() throws IOException {
        Files.write(path.resolve("there"), pattern(10_000));
        long node = client.find(ROOT, "there");
        long file = client.open(node, FolderRig.O_RDONLY).u64(0);

        assertArrayEquals(Arrays.copyOfRange(pattern(10_000), 4000, 7000), client.read(node, file, 4000, 3000).payload());
        assertEquals(0, client.read(node, file, 10_000, 3000).payload().length);
        assertEquals(10_000, client.getAttributes(node).u64(16 + 8));
        assertEquals(Errno.EBADF, client.write(node, file, 0, pattern(1)).error());
    }

    @Test
    void absentEntryIsNotFound() {
        assertEquals(Errno.ENOENT, client.lookup(ROOT, "absent").error());
    }

    @Test
    void modesOfNewDirectoriesAreAskedFor() throws IOException {
        FuseReply made = client.call(new FuseRequest(FuseProtocol.FUSE_MKDIR, ROOT).u32(0777).u32(0).text("d"));

        assertEquals(0, made.error());
        assertEquals("rwxrwxrwx", PosixFilePermissions.toString(Files.getPosixFilePermissions(path.resolve("d"))));
    }

    @Test
    void entriesAreListedWithAndWithoutAttributes() throws IOException {
        TreeSet<String> names = new TreeSet<>();
        for (int i = 0; i < 300; i++) {
            names.add("entry-with-a-name-of-some-length-" + i);
        }
        for (String name : names) {
            Files.createFile(path.resolve(name));
        }
        names.add(".");
        names.add("..");

        assertEquals(names, new TreeSet<>(list(FuseProtocol.FUSE_READDIR, 0)));
        assertEquals(names, new TreeSet<>(list(FuseProtocol.FUSE_READDIRPLUS, FuseProtocol.ENTRY_OUT_BYTES)));
        assertEquals(301, rig.device.nodeCount());
    }

    private List<String> list(int opcode, int prefixBytes) {
        long directory = client.openDirectory(ROOT);
        List<String> names = new ArrayList<>();
        long offset = 0;
        FuseReply reply = client.call(FuseClient.readOf(opcode, ROOT, directory, offset, 4080));
        while (reply.payload().length > 0) {
            int at = 0;
            while (at < reply.payload().length) {
                int nameBytes = reply.u32(at + prefixBytes + 16);
                String name = reply.text(at + prefixBytes + 24, nameBytes);
                if (name.equals("..")) {
                    assertEquals(client.getAttributes(ROOT).u64(16), reply.u64(at + prefixBytes));
                }
                names.add(name);
                offset = reply.u64(at + prefixBytes + 8);
                at += prefixBytes + 24 + (nameBytes + 7 & ~7);
            }
            reply = client.call(FuseClient.readOf(opcode, ROOT, directory, offset, 4080));
            assertEquals(0, reply.error());
        }
        assertEquals(0, client.release(FuseProtocol.FUSE_RELEASEDIR, ROOT, directory).error());
        return names;
    }

    @Test
    void entriesMoveAndExchange() throws IOException {
        Files.writeString(path.resolve("a"), "A");
        Files.writeString(path.resolve("b"), "B");
        Files.createDirectory(path.resolve("d"));
        long directory = client.find(ROOT, "d");

        assertEquals(0, rename(ROOT, "a", ROOT, "b", 2).error());
        assertEquals("A", Files.readString(path.resolve("b")));
        assertEquals(Errno.EEXIST, rename(ROOT, "a", ROOT, "b", 1).error());
        assertEquals(0, rename(ROOT, "a", directory, "c", 0).error());
        assertEquals("B", Files.readString(path.resolve("d/c")));
        assertEquals(Errno.EINVAL, rename(ROOT, "b", ROOT, "e", 0x100).error());
        assertEquals(0, client.call(new FuseRequest(FuseProtocol.FUSE_RENAME, ROOT)
                        .u64(ROOT).text("b").text("f")).error());
        assertTrue(Files.exists(path.resolve("f")));
    }

    private FuseReply rename(long directory, String name, long newDirectory, String newName, int flags) {
        return client.call(new FuseRequest(FuseProtocol.FUSE_RENAME2, directory)
                .u64(newDirectory).u32(flags).u32(0).text(name).text(newName));
    }

    @Test
    void linksOfBothKindsAreMade() throws IOException {
        Files.writeString(path.resolve("file"), "text");
        long node = client.find(ROOT, "file");

        FuseReply hard = client.call(new FuseRequest(FuseProtocol.FUSE_LINK, ROOT).u64(node).text("hard"));
        FuseReply soft = client.call(
                new FuseRequest(FuseProtocol.FUSE_SYMLINK, ROOT).text("soft").text("../../any/where"));

        assertEquals(node, hard.u64(0));
        assertEquals(2, hard.u32(40 + 64));
        assertEquals("../../any/where", Files.readSymbolicLink(path.resolve("soft")).toString());
        FuseReply target = client.call(new FuseRequest(FuseProtocol.FUSE_READLINK, soft.u64(0)));
        assertEquals("../../any/where", new String(target.payload(), StandardCharsets.UTF_8));
    }

    @Test
    void namesAndDirectoriesAreRemoved() throws IOException {
        Files.createFile(path.resolve("file"));
        Files.createDirectories(path.resolve("d/e"));

        assertEquals(Errno.EISDIR, client.call(new FuseRequest(FuseProtocol.FUSE_UNLINK, ROOT).text("d")).error());
        assertEquals(39, client.call(new FuseRequest(FuseProtocol.FUSE_RMDIR, ROOT).text("d")).error());
        assertEquals(Errno.ENOTDIR, client.call(new FuseRequest(FuseProtocol.FUSE_RMDIR, ROOT).text("file")).error());
        assertEquals(0, client.call(new FuseRequest(FuseProtocol.FUSE_UNLINK, ROOT).text("file")).error());
        assertEquals(0, client.call(new FuseRequest(FuseProtocol.FUSE_RMDIR, client.find(ROOT, "d")).text("e")).error());
        assertFalse(Files.exists(path.resolve("file")) || Files.exists(path.resolve("d/e")));
    }

    @Test
    void openFileOutlivesItsNames() throws IOException {
        FuseReply created = client.create(ROOT, "gone", FolderRig.O_RDWR, 0600);
        long node = created.u64(0);
        long file = created.u64(FuseProtocol.ENTRY_OUT_BYTES);
        Files.delete(path.resolve("gone"));

        assertEquals(100, client.write(node, file, 0, pattern(100)).u32(0));
        assertEquals(0, client.call(setAttributes(node, FuseProtocol.FATTR_SIZE, 50, 0, 0, 0)).error());
        assertArrayEquals(pattern(50), client.read(node, file, 0, 100).payload());
        assertEquals(0, client.getAttributes(node).u32(16 + 64));
    }

    @Test
    void attributesChange() throws IOException {
        Files.write(path.resolve("file"), pattern(100));
        long node = client.find(ROOT, "file");
        int times = FuseProtocol.FATTR_ATIME | FuseProtocol.FATTR_MTIME;

        FuseReply reply = client.call(
                setAttributes(node, FuseProtocol.FATTR_MODE | FuseProtocol.FATTR_SIZE | times, 10, 0604, 0, 0));

        assertEquals(0, reply.error());
        assertEquals(10, Files.size(path.resolve("file")));
        assertEquals("rw----r--", PosixFilePermissions.toString(Files.getPosixFilePermissions(path.resolve("file"))));
        assertEquals(FileTime.fromMillis(1_100_000_000_000L).toMillis(), Files.getLastModifiedTime(path.resolve("file")).toMillis());
        assertEquals(1_000_000_000L, reply.u64(16 + 24));
        assertEquals(5, reply.u32(16 + 48));
        assertEquals(0, client.call(setAttributes(node, FuseProtocol.FATTR_MTIME_NOW, 0, 0, 0, 0)).error());
        assertTrue(Files.getLastModifiedTime(path.resolve("file")).toMillis() > 1_500_000_000_000L);
    }

    @Test
    void ownerOfASquashedFolderStaysWhoItIs() throws IOException {
        Files.createFile(path.resolve("file"));
        long node = client.find(ROOT, "file");
        int owner = FuseProtocol.FATTR_UID | FuseProtocol.FATTR_GID;

        assertEquals(0, client.call(setAttributes(node, owner, 0, 0, 0, 0)).error());
        assertEquals(Errno.EPERM, client.call(setAttributes(node, owner, 0, 0, 1000, 0)).error());
        assertEquals(0, client.getAttributes(node).u32(16 + 68));
        FuseReply made = client.call(new FuseRequest(FuseProtocol.FUSE_MKDIR, ROOT, 1000, 1000).u32(0755).u32(0).text("d"));
        assertEquals(0, made.u32(40 + 68));
        assertEquals(
                Files.getOwner(path, LinkOption.NOFOLLOW_LINKS),
                Files.getOwner(path.resolve("d"), LinkOption.NOFOLLOW_LINKS));
    }

    @Test
    void holesAreFoundAndPunched() throws IOException {
        FuseReply created = client.create(ROOT, "sparse", FolderRig.O_RDWR, 0600);
        long node = created.u64(0);
        long file = created.u64(FuseProtocol.ENTRY_OUT_BYTES);
        client.write(node, file, 1 << 20, pattern(65_536));

        assertEquals(1 << 20, seek(node, file, 0, 3).u64(0));
        assertEquals(0, seek(node, file, 0, 4).u64(0));
        assertEquals(Errno.ENXIO, seek(node, file, 1 << 21, 3).error());
        assertEquals(Errno.EINVAL, seek(node, file, 0, 0).error());
        assertEquals(0, allocate(node, file, 1 << 20, 65_536, 3).error());
        assertArrayEquals(new byte[4000], client.read(node, file, 1 << 20, 4000).payload());
        assertEquals(0, allocate(node, file, 0, 2 << 20, 0).error());
        assertEquals(2 << 20, Files.size(path.resolve("sparse")));
        assertEquals(Errno.EOPNOTSUPP, allocate(node, file, 0, 4096, 8).error());
        assertEquals(Errno.EINVAL, allocate(node, file, Long.MAX_VALUE, 4096, 0).error());
    }

    private FuseReply seek(long node, long file, long offset, int whence) {
        return client.call(new FuseRequest(FuseProtocol.FUSE_LSEEK, node).u64(file).u64(offset).u32(whence).u32(0));
    }

    private FuseReply allocate(long node, long file, long offset, long length, int mode) {
        return client.call(new FuseRequest(FuseProtocol.FUSE_FALLOCATE, node)
                .u64(file).u64(offset).u64(length).u32(mode).u32(0));
    }

    @Test
    void dataIsCopiedWithinTheHost() throws IOException {
        Files.write(path.resolve("from"), pattern(50_000));
        long from = client.find(ROOT, "from");
        long source = client.open(from, FolderRig.O_RDONLY).u64(0);
        FuseReply created = client.create(ROOT, "to", FolderRig.O_RDWR, 0600);
        long target = created.u64(FuseProtocol.ENTRY_OUT_BYTES);

        FuseReply reply = client.call(new FuseRequest(FuseProtocol.FUSE_COPY_FILE_RANGE, from)
                .u64(source).u64(1000).u64(created.u64(0)).u64(target).u64(10).u64(40_000).u64(0));

        assertEquals(40_000, reply.u32(0));
        byte[] copied = Files.readAllBytes(path.resolve("to"));
        assertArrayEquals(Arrays.copyOfRange(pattern(50_000), 1000, 41_000), Arrays.copyOfRange(copied, 10, 40_010));
    }

    @Test
    void writesAreMadeStable() {
        FuseReply created = client.create(ROOT, "stable", FolderRig.O_RDWR, 0600);
        long node = created.u64(0);
        long file = created.u64(FuseProtocol.ENTRY_OUT_BYTES);
        long directory = client.openDirectory(ROOT);

        assertEquals(0, client.call(new FuseRequest(FuseProtocol.FUSE_FSYNC, node).u64(file).u64(0)).error());
        assertEquals(0, client.call(new FuseRequest(FuseProtocol.FUSE_FSYNC, node).u64(file).u64(1)).error());
        assertEquals(0, client.call(new FuseRequest(FuseProtocol.FUSE_FSYNCDIR, ROOT).u64(directory).u64(0)).error());
        assertEquals(0, client.call(new FuseRequest(FuseProtocol.FUSE_FLUSH, node).u64(file).u64(0).u64(0)).error());
    }

    @Test
    void spaceIsToldOf() throws IOException {
        FuseReply reply = client.call(new FuseRequest(FuseProtocol.FUSE_STATFS, ROOT));

        assertEquals(Files.getFileStore(path).getTotalSpace(), reply.u64(0) * reply.u32(48));
        assertEquals(255, reply.u32(44));
    }

    @Test
    void attributesOfTheUsersAreKeptAndOthersRefused() throws IOException {
        Files.createFile(path.resolve("file"));
        long node = client.find(ROOT, "file");

        int error = setXattr(node, "user.test", "value").error();
        if (error == Errno.EOPNOTSUPP) {
            // The file system of this machine's temporary files has none.
            return;
        }
        assertEquals(0, error);
        FuseReply value = client.call(new FuseRequest(FuseProtocol.FUSE_GETXATTR, node).u32(100).u32(0).text("user.test"));
        assertEquals("value", new String(value.payload(), StandardCharsets.UTF_8));
        assertEquals(5, client.call(new FuseRequest(FuseProtocol.FUSE_GETXATTR, node).u64(0).text("user.test")).u32(0));
        assertEquals(34, client.call(new FuseRequest(FuseProtocol.FUSE_GETXATTR, node).u32(3).u32(0).text("user.test")).error());
        FuseReply names = client.call(new FuseRequest(FuseProtocol.FUSE_LISTXATTR, node).u32(1000).u32(0));
        assertEquals("user.test\0", new String(names.payload(), StandardCharsets.UTF_8));
        assertEquals(10, client.call(new FuseRequest(FuseProtocol.FUSE_LISTXATTR, node).u64(0)).u32(0));
        assertEquals(Errno.EOPNOTSUPP, setXattr(node, "security.selinux", "label").error());
        assertEquals(Errno.EOPNOTSUPP, setXattr(node, "system.posix_acl_access", "list").error());
        assertEquals(Errno.EOPNOTSUPP, setXattr(node, "trusted.any", "thing").error());
        assertEquals(0, client.call(new FuseRequest(FuseProtocol.FUSE_REMOVEXATTR, node).text("user.test")).error());
        assertEquals(61, client.call(new FuseRequest(FuseProtocol.FUSE_GETXATTR, node).u64(0).text("user.test")).error());
    }

    private FuseReply setXattr(long node, String name, String value) {
        return client.call(new FuseRequest(FuseProtocol.FUSE_SETXATTR, node)
                .u32(value.length()).u32(0).text(name).raw(value.getBytes(StandardCharsets.UTF_8)));
    }

    @Test
    void largeTransfersGoInOne() throws IOException {
        FuseReply created = client.create(ROOT, "large", FolderRig.O_RDWR, 0600);
        long node = created.u64(0);
        long file = created.u64(FuseProtocol.ENTRY_OUT_BYTES);
        byte[] data = pattern(1 << 20);

        assertEquals(1 << 20, client.write(node, file, 123, data).u32(0));
        assertArrayEquals(data, client.read(node, file, 123, 1 << 20).payload());
    }

    @Test
    void readOnlyFolderIsReadAndNotChanged() throws IOException {
        Files.writeString(path.resolve("file"), "text");
        try (FolderRig readOnly = new FolderRig(path, true, FolderOwnership.ROOT, FuseOptions.DEFAULT)) {
            FuseClient reader = readOnly.client;
            long node = reader.find(ROOT, "file");
            long file = reader.open(node, FolderRig.O_RDONLY).u64(0);

            assertEquals("text", new String(reader.read(node, file, 0, 100).payload(), StandardCharsets.UTF_8));
            assertEquals(Errno.EROFS, reader.open(node, FolderRig.O_RDWR).error());
            assertEquals(Errno.EROFS, reader.open(node, FolderRig.O_TRUNC).error());
            assertEquals(Errno.EROFS, reader.create(ROOT, "new", FolderRig.O_RDONLY, 0600).error());
            assertEquals(Errno.EROFS, reader.call(setAttributes(node, FuseProtocol.FATTR_MODE, 0, 0, 0, 0)).error());
            assertEquals(Errno.EROFS, reader.call(new FuseRequest(FuseProtocol.FUSE_UNLINK, ROOT).text("file")).error());
            assertEquals(0, reader.call(new FuseRequest(FuseProtocol.FUSE_SYNCFS, ROOT).u64(0)).error());
        }
    }

    @Test
    void moreNodesOrFilesThanAllowedAreRefused() throws IOException {
        for (int i = 0; i < 5; i++) {
            Files.createFile(path.resolve("file" + i));
        }
        try (FolderRig small = new FolderRig(path, false, FolderOwnership.ROOT, new FuseOptions(CachePolicy.NEVER, 4, 2))) {
            long node = small.client.find(ROOT, "file0");
            small.client.find(ROOT, "file1");
            small.client.find(ROOT, "file2");
            assertEquals(Errno.ENFILE, small.client.lookup(ROOT, "file3").error());
            assertEquals(node, small.client.find(ROOT, "file0"));
            small.client.open(node, FolderRig.O_RDONLY);
            long file = small.client.open(node, FolderRig.O_RDONLY).u64(0);
            assertEquals(Errno.ENFILE, small.client.open(node, FolderRig.O_RDONLY).error());
            assertEquals(5, small.folder.openHandles());

            small.client.forget(node, 2);
            small.client.release(FuseProtocol.FUSE_RELEASE, node, file);

            assertEquals(3, small.folder.openHandles());
            small.client.find(ROOT, "file3");
        }
    }

    @Test
    void folderThatIsNotThereIsSaidSo() {
        VmException e = assertThrows(
                VmException.Configuration.class,
                () -> HostFolder.open(path.resolve("absent"), false, FolderOwnership.ROOT, "test"));

        assertEquals("Folder " + path.resolve("absent") + " does not exist.", e.getMessage());
    }

    @Test
    void fileIsNoFolder() throws IOException {
        Path file = Files.createFile(path.resolve("file"));

        assertThrows(
                VmException.Configuration.class, () -> HostFolder.open(file, false, FolderOwnership.ROOT, "test"));
    }

    @Test
    void sizeOfTheChangeIsWhatLinuxSends() {
        assertEquals(FATTR_BYTES, setAttributes(0, 0, 0, 0, 0, 0).toBytes().length - FuseProtocol.IN_HEADER_BYTES);
    }
}

// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.fuse;

import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;

import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

import dev.isthmus.testing.fuse.FuseClient;
import dev.isthmus.testing.fuse.FuseReply;
import dev.isthmus.testing.fuse.FuseRequest;
import dev.isthmus.testing.fuse.MemoryFolder;
import dev.isthmus.testing.virtio.VirtioRig;
import dev.isthmus.virtio.fs.FsTask;
import dev.isthmus.virtio.fs.VirtioFs;
import dev.isthmus.virtio.fs.VirtioFsOptions;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

/** Requests of the FUSE protocol, request by request (linux/fuse.h). */
class FuseServerTest {
    private static final long ROOT = FuseProtocol.FUSE_ROOT_ID;
    private static final int O_RDWR = 2;

    private final MemoryFolder folder = new MemoryFolder(false);
    private final VirtioFs device = device(folder, FuseOptions.DEFAULT);
    private final FuseClient client = new FuseClient(VirtioRig.Carrier.MMIO, device, false);

    private static VirtioFs device(MemoryFolder folder, FuseOptions options) {
        return new VirtioFs(
                folder, FsTask::run, new VirtioFsOptions("t", 1, FuseClient.QUEUE_SIZE, false), options, "test");
    }

    @BeforeEach
    void start() {
        folder.addFile("file", "contents".getBytes(StandardCharsets.UTF_8));
        folder.addDirectory("directory");
        client.start();
    }

    @AfterEach
    void everythingIsClosedAtTheEnd() {
        client.driver().reset();
        assertEquals(0, folder.openHandles());
    }

    private int error(FuseRequest request) {
        return client.call(request).error();
    }

    // INIT

    @Test
    void initAgreesOnWhatBothHave() {
        FuseReply reply = client.call(FuseRequest.init(7, 31, FuseProtocol.FUSE_MAX_PAGES | 1 << 16 | 1 << 1));

        assertEquals(7, reply.u32(0));
        assertEquals(38, reply.u32(4));
        assertEquals(1 << 17, reply.u32(8));
        assertEquals(FuseProtocol.FUSE_MAX_PAGES, reply.u32(12));
        assertEquals(FuseProtocol.TRANSFER_BYTES_MAX, reply.u32(20));
        assertEquals(1, reply.u32(24));
        assertEquals(FuseProtocol.PAGES_MAX, reply.u16(28));
        assertEquals(0, reply.u32(32));
    }

    @Test
    void locksAreTheClientsOwnAffair() {
        FuseReply reply = client.call(FuseRequest.init(7, 41, -1));
        int posixLocks = 1 << 1;
        int flockLocks = 1 << 10;

        assertEquals(0, reply.u32(12) & (posixLocks | flockLocks));
        assertEquals(FuseErrno.ENOSYS, error(new FuseRequest(FuseProtocol.FUSE_GETLK, ROOT).raw(new byte[48])));
        assertEquals(FuseErrno.ENOSYS, error(new FuseRequest(FuseProtocol.FUSE_SETLK, ROOT).raw(new byte[48])));
        assertEquals(FuseErrno.ENOSYS, error(new FuseRequest(FuseProtocol.FUSE_SETLKW, ROOT).raw(new byte[48])));
    }

    @Test
    void newerMajorVersionIsAskedToComeBackWithOurs() {
        client.bringUp(0);

        FuseReply reply = client.call(FuseRequest.init(8, 0, -1));

        assertEquals(0, reply.error());
        assertEquals(7, reply.u32(0));
        assertEquals(0, reply.u32(12));
        assertEquals(FuseErrno.EIO, client.lookup(ROOT, "file").error());
    }

    @ParameterizedTest
    @CsvSource({"7, 26", "6, 41", "0, 0"})
    void oldVersionIsNotServed(int major, int minor) {
        client.bringUp(0);

        assertEquals(FuseErrno.EPROTO, error(FuseRequest.init(major, minor, -1)));
        assertEquals(FuseErrno.EIO, client.lookup(ROOT, "file").error());
    }

    @Test
    void secondInitForgetsWhatTheFirstSessionHad() {
        client.open(client.find(ROOT, "file"), O_RDWR);

        client.call(FuseRequest.init(7, 38, -1));

        assertEquals(0, folder.openHandles());
    }

    // Headers

    @ParameterizedTest
    @ValueSource(ints = {0, 39, 41, 4096, -1})
    void lengthThatIsNotTheRequestsIsRefused(int length) {
        byte[] request = new FuseRequest(FuseProtocol.FUSE_STATFS, ROOT).toBytes();
        for (int i = 0; i < 4; i++) {
            request[i] = (byte) (length >> (8 * i));
        }

        assertEquals(FuseErrno.EINVAL, client.call(request, 4096).error());
    }

    @Test
    void argumentsEndWithTheLengthAndNotWithTheChain() {
        byte[] request = new FuseRequest(FuseProtocol.FUSE_LOOKUP, ROOT).text("file").toBytes();
        request[0]--;

        assertEquals(FuseErrno.EINVAL, client.call(request, 4096).error());
    }

    @ParameterizedTest
    @ValueSource(ints = {0, 7, 19, 37, 39, 40, 41, 48, 49, 53, 52, 4096, -1})
    void unknownRequestIsNotImplemented(int opcode) {
        assertEquals(FuseErrno.ENOSYS, error(new FuseRequest(opcode, ROOT).raw(new byte[128])));
    }

    @ParameterizedTest
    @ValueSource(ints = {1, 3, 4, 6, 8, 9, 10, 11, 12, 13, 14, 15, 16, 18, 20, 21, 22, 23, 24, 25, 27, 28, 29, 30, 34, 35,
            43, 44, 45, 46, 47})
    void requestWithoutItsArgumentsIsRefused(int opcode) {
        assertTrue(error(new FuseRequest(opcode, ROOT)) > 0);
        assertTrue(error(new FuseRequest(opcode, ROOT).raw(new byte[3])) > 0);
        assertEquals(0, folder.openHandles());
    }

    // Nodes

    @Test
    void lookupTellsNodeAttributesAndHowLongTheyAreValid() {
        FuseReply reply = client.lookup(ROOT, "file");

        assertEquals(0, reply.u64(8));
        assertEquals(1, reply.u64(16));
        assertEquals(1, reply.u64(24));
        assertEquals(8, reply.u64(40 + 8));
        assertEquals(0100644, reply.u32(40 + 60));
        assertEquals(1000, reply.u64(40 + 32));
        assertEquals(5, reply.u32(40 + 52));
        assertEquals(reply.u64(0), client.find(ROOT, "file"));
    }

    @Test
    void nodeIsKeptUntilAllItsLookupsAreForgotten() {
        long node = client.find(ROOT, "file");
        client.find(ROOT, "file");
        client.find(ROOT, "file");
        assertEquals(1, folder.openHandles());

        client.forget(node, 2);
        assertEquals(0, client.getAttributes(node).error());
        client.forget(node, 1);

        assertEquals(FuseErrno.ESTALE, client.getAttributes(node).error());
        assertEquals(0, folder.openHandles());
        assertNotEquals(node, client.find(ROOT, "file"));
    }

    @ParameterizedTest
    @ValueSource(longs = {2, 1000, Long.MAX_VALUE, Long.MIN_VALUE, -1})
    void forgettingMoreThanThereIsForgetsAll(long lookups) {
        long node = client.find(ROOT, "file");

        client.forget(node, lookups);
        client.forget(node, lookups);

        assertEquals(1, device.nodeCount());
        assertEquals(0, folder.openHandles());
    }

    @Test
    void rootIsNeverForgotten() {
        client.forget(ROOT, -1);
        client.forget(ROOT, 1);

        assertEquals(0, client.getAttributes(ROOT).error());
    }

    @Test
    void batchThatSaysMoreThanItHasForgetsWhatItHas() {
        long node = client.find(ROOT, "file");

        client.tell(FuseClient.HIPRIO, new FuseRequest(FuseProtocol.FUSE_BATCH_FORGET, 0)
                .u32(-1).u32(0).u64(77).u64(1).u64(node).u64(1).u64(5));

        assertEquals(1, device.nodeCount());
    }

    @Test
    void newFileIsFoundUnderTheNodeOfItsLink() {
        long node = client.find(ROOT, "file");

        FuseReply link = client.call(new FuseRequest(FuseProtocol.FUSE_LINK, ROOT).u64(node).text("link"));

        assertEquals(node, link.u64(0));
        assertEquals(2, device.nodeCount());
        assertEquals(FuseErrno.EPERM, error(
                new FuseRequest(FuseProtocol.FUSE_LINK, ROOT).u64(client.find(ROOT, "directory")).text("l2")));
        assertEquals(FuseErrno.ESTALE, error(new FuseRequest(FuseProtocol.FUSE_LINK, ROOT).u64(99).text("l3")));
    }

    @Test
    void entriesAreMadeInDirectoriesAlone() {
        long file = client.find(ROOT, "file");

        assertEquals(FuseErrno.ENOTDIR, client.lookup(file, "x").error());
        assertEquals(FuseErrno.ENOTDIR, client.create(file, "x", 2, 0600).error());
        assertEquals(FuseErrno.ENOTDIR, error(new FuseRequest(FuseProtocol.FUSE_MKDIR, file).u64(0).text("x")));
        assertEquals(FuseErrno.ENOTDIR, error(new FuseRequest(FuseProtocol.FUSE_UNLINK, file).text("x")));
        assertEquals(FuseErrno.ENOTDIR, error(
                new FuseRequest(FuseProtocol.FUSE_RENAME, ROOT).u64(file).text("file").text("x")));
    }

    @Test
    void symbolicLinkIsReadBack() {
        FuseReply link = client.call(new FuseRequest(FuseProtocol.FUSE_SYMLINK, ROOT).text("l").text("a/../b"));

        assertEquals("a/../b", client.call(new FuseRequest(FuseProtocol.FUSE_READLINK, link.u64(0))).text(0, 6));
        assertEquals(FuseErrno.EINVAL, error(new FuseRequest(FuseProtocol.FUSE_READLINK, ROOT)));
        assertEquals(FuseErrno.ENOENT, error(new FuseRequest(FuseProtocol.FUSE_SYMLINK, ROOT).text("m").text("")));
        assertEquals(FuseErrno.ENAMETOOLONG, error(
                new FuseRequest(FuseProtocol.FUSE_SYMLINK, ROOT).text("m").text("x".repeat(4096))));
        assertEquals(0, error(new FuseRequest(FuseProtocol.FUSE_SYMLINK, ROOT).text("m").text("x".repeat(4095))));
    }

    // Files

    @Test
    void directoriesAndFilesAreNotMistakenForEachOther() {
        long file = client.find(ROOT, "file");
        long directory = client.find(ROOT, "directory");
        long openFile = client.open(file, O_RDWR).u64(0);
        long openDirectory = client.openDirectory(directory);

        assertEquals(FuseErrno.EISDIR, client.open(directory, 0).error());
        assertEquals(FuseErrno.ENOTDIR, error(new FuseRequest(FuseProtocol.FUSE_OPENDIR, file).u64(0)));
        assertEquals(FuseErrno.EISDIR, client.read(directory, openDirectory, 0, 10).error());
        assertEquals(FuseErrno.EBADF, client.write(directory, openDirectory, 0, new byte[1]).error());
        assertEquals(FuseErrno.ENOTDIR, error(
                FuseClient.readOf(FuseProtocol.FUSE_READDIR, directory, openFile, 0, 4000)));
        assertEquals(FuseErrno.ENOTDIR, error(
                FuseClient.readOf(FuseProtocol.FUSE_READDIRPLUS, file, openDirectory, 0, 4000)));
    }

    @ParameterizedTest
    @ValueSource(ints = {0x2000, 0x6000, 0x1000, 0xc000, 0xa000})
    void specialFileIsNeverOpened(int type) {
        folder.addSpecial("special", type);

        assertEquals(FuseErrno.ENXIO, client.open(client.find(ROOT, "special"), 0).error());
        assertNotEquals(0, client.create(ROOT, "special", O_RDWR, 0600).error());
    }

    @Test
    void closedFileIsUnknown() {
        long node = client.find(ROOT, "file");
        long file = client.open(node, O_RDWR).u64(0);

        assertEquals(0, client.release(FuseProtocol.FUSE_RELEASE, node, file).error());

        assertEquals(FuseErrno.EBADF, client.read(node, file, 0, 10).error());
        assertEquals(FuseErrno.EBADF, client.release(FuseProtocol.FUSE_RELEASE, node, file).error());
        assertNotEquals(file, client.open(node, O_RDWR).u64(0));
    }

    @Test
    void readIsBoundedByTheRoomAndTheLimit() {
        folder.addFile("long", new byte[3000]);
        long node = client.find(ROOT, "long");
        long file = client.open(node, 0).u64(0);

        FuseReply cut = client.call(FuseClient.readOf(FuseProtocol.FUSE_READ, node, file, 0, 3000), 16 + 100);

        assertEquals(116, cut.usedBytes());
        assertEquals(0, client.call(FuseClient.readOf(FuseProtocol.FUSE_READ, node, file, 0, 0xffff_ffffL), 16)
                .payload().length);
        assertEquals(FuseErrno.EINVAL, client.read(node, file, -1, 10).error());
        assertEquals(0, client.read(node, file, Long.MAX_VALUE, 10).payload().length);
    }

    @Test
    void writeOfMoreThanThereIsIsRefused() {
        long node = client.find(ROOT, "file");
        long file = client.open(node, O_RDWR).u64(0);
        byte[] request = FuseClient.writeOf(node, file, 0, new byte[10], 0).toBytes();
        request[40 + 16] = 11;

        assertEquals(FuseErrno.EINVAL, client.call(request, 100).error());
        assertEquals(FuseErrno.EINVAL, client.write(node, file, -1, new byte[1]).error());
        assertEquals(0, client.write(node, file, 5, new byte[0]).u32(0));
        assertEquals(FuseErrno.EINVAL, client.call(
                FuseClient.writeOf(node, file, 0, new byte[FuseProtocol.TRANSFER_BYTES_MAX + 1], 0), 100).error());
        assertArrayEquals("contents".getBytes(StandardCharsets.UTF_8), folder.contents("file"));
    }

    @Test
    void createAnswersWithNodeAndFile() {
        FuseReply created = client.create(ROOT, "new", O_RDWR, 0107777);

        assertEquals(16 + 144, created.usedBytes());
        assertEquals(0107777, created.u32(40 + 60));
        assertEquals(created.u64(0), client.find(ROOT, "new"));
        assertEquals(3, client.write(created.u64(0), created.u64(128), 0, new byte[3]).u32(0));
    }

    @Test
    void createThatFindsNoPlaceForItsNodeLeavesNothingOpen() {
        MemoryFolder small = new MemoryFolder(false);
        FuseClient user = new FuseClient(
                VirtioRig.Carrier.MMIO, device(small, new FuseOptions(CachePolicy.AUTO, 2, 1)), false);
        user.start();
        small.addFile("a", new byte[1]);
        long node = user.find(ROOT, "a");

        assertEquals(FuseErrno.ENFILE, user.create(ROOT, "b", O_RDWR, 0600).error());
        assertEquals(1, small.openHandles());
        user.open(node, 0);
        assertEquals(FuseErrno.ENFILE, user.create(ROOT, "c", O_RDWR, 0600).error());
        assertEquals(FuseErrno.ENFILE, user.open(node, 0).error());
        assertEquals(FuseErrno.ENFILE, user.call(new FuseRequest(FuseProtocol.FUSE_OPENDIR, ROOT).u64(0)).error());
        assertEquals(2, small.openHandles());
    }

    // Directories

    @Test
    void listingGoesOnWhereItWasCut() {
        for (int i = 0; i < 40; i++) {
            folder.addFile("entry" + (char) ('A' + i / 10) + i % 10, new byte[0]);
        }
        assertEquals(44, list(FuseProtocol.FUSE_READDIR, 0, 300).size());
        assertEquals(44, list(FuseProtocol.FUSE_READDIRPLUS, 128, 700).size());
        assertTrue(list(FuseProtocol.FUSE_READDIR, 0, 4000).containsAll(List.of(".", "..", "entryA0", "entryD9")));
        assertEquals(43, device.nodeCount());
    }

    private List<String> list(int opcode, int prefixBytes, int size) {
        long directory = client.openDirectory(ROOT);
        List<String> names = new ArrayList<>();
        long offset = 0;
        FuseReply reply = client.call(FuseClient.readOf(opcode, ROOT, directory, offset, size));
        while (reply.payload().length > 0) {
            assertTrue(reply.payload().length <= size);
            for (int at = 0; at < reply.payload().length; ) {
                int nameBytes = reply.u32(at + prefixBytes + 16);
                String name = reply.text(at + prefixBytes + 24, nameBytes);
                if (prefixBytes > 0 && name.startsWith(".")) {
                    assertEquals(0, reply.u64(at));
                }
                names.add(name);
                offset = reply.u64(at + prefixBytes + 8);
                at += prefixBytes + 24 + (nameBytes + 7 & ~7);
            }
            reply = client.call(FuseClient.readOf(opcode, ROOT, directory, offset, size));
        }
        assertEquals(0, reply.error());
        return names;
    }

    @Test
    void roomForNoEntryIsAnError() {
        long directory = client.openDirectory(ROOT);

        assertEquals(FuseErrno.EINVAL, error(FuseClient.readOf(FuseProtocol.FUSE_READDIR, ROOT, directory, 0, 31)));
        assertEquals(FuseErrno.EINVAL, error(
                FuseClient.readOf(FuseProtocol.FUSE_READDIRPLUS, ROOT, directory, 0, 150)));
    }

    @Test
    void listingTellsNothingOfNodesThatDoNotFit() {
        MemoryFolder small = new MemoryFolder(false);
        small.addFile("a", new byte[0]);
        small.addFile("b", new byte[0]);
        FuseClient user = new FuseClient(
                VirtioRig.Carrier.MMIO, device(small, new FuseOptions(CachePolicy.AUTO, 2, 1)), false);
        user.start();
        long directory = user.openDirectory(ROOT);

        FuseReply reply = user.call(FuseClient.readOf(FuseProtocol.FUSE_READDIRPLUS, ROOT, directory, 0, 4000));

        int record = 128 + 32;
        assertEquals(4 * record, reply.payload().length);
        assertNotEquals(0, reply.u64(2 * record));
        assertEquals(0, reply.u64(3 * record));
        assertEquals("b", reply.text(3 * record + 128 + 24, 1));
        assertEquals(2, small.openHandles());
    }

    // Extended attributes

    @Test
    void extendedAttributesAreSetReadListedAndRemoved() {
        long node = client.find(ROOT, "file");
        byte[] value = new byte[70_000];

        assertEquals(0, error(setXattr(node, "user.a", new byte[] {1, 2, 3}, 3)));
        assertEquals(0, error(setXattr(node, "user.b", value, 65_536)));
        assertEquals(FuseErrno.E2BIG, error(setXattr(node, "user.c", value, 65_537)));
        assertEquals(FuseErrno.EINVAL, error(setXattr(node, "user.c", new byte[2], 3)));
        assertEquals(FuseErrno.ERANGE, error(setXattr(node, "", new byte[2], 2)));
        assertEquals(FuseErrno.ERANGE, error(setXattr(node, "n".repeat(256), new byte[2], 2)));

        FuseReply read = client.call(
                new FuseRequest(FuseProtocol.FUSE_GETXATTR, node).u32(0xffff_ffffL).u32(0).text("user.a"));
        assertArrayEquals(new byte[] {1, 2, 3}, read.payload());
        assertEquals(FuseErrno.ERANGE, client.call(
                new FuseRequest(FuseProtocol.FUSE_GETXATTR, node).u32(70_000).u32(0).text("user.b"), 1000).error());
        assertEquals(65_536, client.call(
                new FuseRequest(FuseProtocol.FUSE_GETXATTR, node).u64(0).text("user.b")).u32(0));
        assertEquals("user.a\0user.b\0", client.call(
                new FuseRequest(FuseProtocol.FUSE_LISTXATTR, node).u64(100)).text(0, 14));
        assertEquals(0, error(new FuseRequest(FuseProtocol.FUSE_REMOVEXATTR, node).text("user.a")));
    }

    private static FuseRequest setXattr(long node, String name, byte[] value, int size) {
        return new FuseRequest(FuseProtocol.FUSE_SETXATTR, node).u32(size).u32(0).text(name).raw(value);
    }

    // The folder as a whole

    @Test
    void readOnlyFolderIsAskedForNoChange() {
        MemoryFolder fixed = new MemoryFolder(true);
        fixed.addFile("file", new byte[5]);
        FuseClient user = new FuseClient(VirtioRig.Carrier.MMIO, device(fixed, FuseOptions.DEFAULT), false);
        user.start();
        long node = user.find(ROOT, "file");

        for (int flags : new int[] {1, 2, 3, 0x200}) {
            assertEquals(FuseErrno.EROFS, user.open(node, flags).error());
        }
        assertEquals(FuseErrno.EROFS, user.create(ROOT, "file", 0, 0600).error());
        assertEquals(FuseErrno.EROFS, user.call(
                new FuseRequest(FuseProtocol.FUSE_SETATTR, node).raw(new byte[88])).error());
        assertEquals(FuseErrno.EROFS, user.call(setXattr(node, "user.a", new byte[1], 1)).error());
        assertEquals(FuseErrno.EROFS, user.call(
                new FuseRequest(FuseProtocol.FUSE_REMOVEXATTR, node).text("user.a")).error());
        assertEquals(FuseErrno.EROFS, user.call(
                new FuseRequest(FuseProtocol.FUSE_ACCESS, node).u64(2)).error());
        assertEquals(0, user.call(new FuseRequest(FuseProtocol.FUSE_SYNCFS, ROOT).u64(0)).error());
    }

    @Test
    void spaceIsToldOf() {
        FuseReply reply = client.call(new FuseRequest(FuseProtocol.FUSE_STATFS, ROOT));

        assertEquals(16 + 80, reply.usedBytes());
        assertEquals(1000, reply.u64(0));
        assertEquals(500, reply.u64(8));
        assertEquals(400, reply.u64(16));
        assertEquals(4096, reply.u32(40));
        assertEquals(255, reply.u32(44));
        assertEquals(512, reply.u32(48));
    }
}

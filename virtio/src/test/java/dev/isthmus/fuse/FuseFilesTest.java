// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.fuse;

import java.nio.charset.StandardCharsets;

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

/** Requests on files that are open, on attributes and on entries: what is done, and what is refused. */
class FuseFilesTest {
    private static final long ROOT = FuseProtocol.FUSE_ROOT_ID;
    private static final long NO_FILE = 99;
    private static final int O_RDWR = 2;
    private static final int SEEK_DATA = 3;
    private static final int SEEK_HOLE = 4;

    private final MemoryFolder folder = new MemoryFolder(false);
    private final FuseClient client = new FuseClient(
            VirtioRig.Carrier.MMIO,
            new VirtioFs(
                    folder,
                    FsTask::run,
                    new VirtioFsOptions("t", 1, FuseClient.QUEUE_SIZE, false),
                    new FuseOptions(CachePolicy.AUTO, 1000, 100),
                    "test"),
            false);
    private long node;
    private long file;
    private long directory;

    @BeforeEach
    void openFiles() {
        folder.addFile("file", "contents".getBytes(StandardCharsets.UTF_8));
        folder.addDirectory("directory");
        client.start();
        node = client.find(ROOT, "file");
        file = client.open(node, O_RDWR).u64(0);
        directory = client.openDirectory(ROOT);
    }

    @AfterEach
    void everythingIsClosedAtTheEnd() {
        client.driver().reset();
        assertEquals(0, folder.openHandles());
    }

    private int error(FuseRequest request) {
        return client.call(request).error();
    }

    private FuseRequest request(int opcode) {
        return new FuseRequest(opcode, node);
    }

    private FuseRequest allocate(long fileId, long offset, long lengthBytes) {
        return request(FuseProtocol.FUSE_FALLOCATE).u64(fileId).u64(offset).u64(lengthBytes).u32(0).u32(0);
    }

    @Test
    void storageIsAllocated() {
        assertEquals(0, error(allocate(file, 4, 16)));
        assertEquals(20, client.getAttributes(node).u64(16 + 8));
    }

    @Test
    void allocationThatMakesNoSenseIsRefused() {
        assertEquals(FuseErrno.EBADF, error(allocate(NO_FILE, 0, 10)));
        assertEquals(FuseErrno.EBADF, error(allocate(directory, 0, 10)));
        assertEquals(FuseErrno.EINVAL, error(allocate(file, -1, 10)));
        assertEquals(FuseErrno.EINVAL, error(allocate(file, 0, 0)));
        assertEquals(FuseErrno.EINVAL, error(allocate(file, 0, -5)));
        assertEquals(FuseErrno.EINVAL, error(allocate(file, 10, Long.MAX_VALUE - 5)));
    }

    private FuseRequest seek(long fileId, long offset, int whence) {
        return request(FuseProtocol.FUSE_LSEEK).u64(fileId).u64(offset).u32(whence).u32(0);
    }

    @Test
    void dataAndHolesAreFound() {
        assertEquals(3, client.call(seek(file, 3, SEEK_DATA)).u64(0));
        assertEquals(8, client.call(seek(file, 3, SEEK_HOLE)).u64(0));
        assertEquals(FuseErrno.ENXIO, error(seek(file, 8, SEEK_DATA)));
    }

    @Test
    void seekingThatMakesNoSenseIsRefused() {
        assertEquals(FuseErrno.EBADF, error(seek(NO_FILE, 0, SEEK_DATA)));
        assertEquals(FuseErrno.EBADF, error(seek(directory, 0, SEEK_DATA)));
        assertEquals(FuseErrno.EINVAL, error(seek(file, -1, SEEK_DATA)));
        assertEquals(FuseErrno.EINVAL, client.call(seek(file, 0, SEEK_DATA), 16 + 7).error());
    }

    private FuseRequest copy(long from, long fromOffset, long to, long toOffset, long lengthBytes, long flags) {
        return request(FuseProtocol.FUSE_COPY_FILE_RANGE)
                .u64(from).u64(fromOffset).u64(node).u64(to).u64(toOffset).u64(lengthBytes).u64(flags);
    }

    @Test
    void rangeIsCopiedWithinTheHost() {
        long other = client.create(ROOT, "copy", O_RDWR, 0600).u64(FuseProtocol.ENTRY_OUT_BYTES);

        assertEquals(5, client.call(copy(file, 3, other, 1, Long.MAX_VALUE, 0)).u32(0));

        assertArrayEquals("\0tents".getBytes(StandardCharsets.UTF_8), folder.contents("copy"));
    }

    @Test
    void copyThatMakesNoSenseIsRefused() {
        assertEquals(FuseErrno.EBADF, error(copy(NO_FILE, 0, file, 0, 1, 0)));
        assertEquals(FuseErrno.EBADF, error(copy(directory, 0, file, 0, 1, 0)));
        assertEquals(FuseErrno.EBADF, error(copy(file, 0, NO_FILE, 0, 1, 0)));
        assertEquals(FuseErrno.EBADF, error(copy(file, 0, directory, 0, 1, 0)));
        assertEquals(FuseErrno.EINVAL, error(copy(file, -1, file, 0, 1, 0)));
        assertEquals(FuseErrno.EINVAL, error(copy(file, 0, file, -1, 1, 0)));
        assertEquals(FuseErrno.EINVAL, error(copy(file, 0, file, 0, -1, 0)));
        assertEquals(FuseErrno.EINVAL, error(copy(file, 0, file, 0, 1, 1)));
        assertEquals(FuseErrno.EINVAL, client.call(copy(file, 0, file, 0, 1, 0), 16 + 4).error());
    }

    @Test
    void openFilesAreFlushedAndMadeStable() {
        assertEquals(0, error(request(FuseProtocol.FUSE_FLUSH).u64(file).u64(0).u64(0)));
        assertEquals(0, error(request(FuseProtocol.FUSE_FSYNC).u64(file).u32(FuseProtocol.FUSE_FSYNC_FDATASYNC).u32(0)));
        assertEquals(0, error(request(FuseProtocol.FUSE_FSYNCDIR).u64(directory).u32(0).u32(0)));
        assertEquals(0, error(new FuseRequest(FuseProtocol.FUSE_SYNCFS, ROOT).u64(0)));
        assertEquals(FuseErrno.EBADF, error(request(FuseProtocol.FUSE_FLUSH).u64(NO_FILE).u64(0).u64(0)));
        assertEquals(FuseErrno.EBADF, error(request(FuseProtocol.FUSE_FSYNC).u64(NO_FILE).u32(0).u32(0)));
        assertEquals(FuseErrno.EINVAL, error(request(FuseProtocol.FUSE_RELEASE).u32(1)));
    }

    private FuseRequest change(long changed, int valid, long fileId, long size, int mode) {
        return new FuseRequest(FuseProtocol.FUSE_SETATTR, changed)
                .u32(valid).u32(0).u64(fileId).u64(size).u64(0).u64(0).u64(0).u64(0)
                .u32(0).u32(0).u32(0).u32(mode).u32(0).u32(7).u32(8).u32(0);
    }

    @Test
    void attributesAreChanged() {
        int owner = FuseProtocol.FATTR_UID | FuseProtocol.FATTR_GID;

        FuseReply changed = client.call(change(node, FuseProtocol.FATTR_MODE | owner, 0, 0, 0751));
        assertEquals(0100751, changed.u32(16 + 60));
        assertEquals(7, changed.u32(16 + 68));
        assertEquals(8, changed.u32(16 + 72));
        assertEquals(3, client.call(change(node, FuseProtocol.FATTR_SIZE, 0, 3, 0)).u64(16 + 8));
        int byFile = FuseProtocol.FATTR_SIZE | FuseProtocol.FATTR_FH;
        assertEquals(5, client.call(change(node, byFile, file, 5, 0)).u64(16 + 8));
    }

    @Test
    void changeOfAttributesThatMakesNoSenseIsRefused() {
        folder.addSpecial("fifo", FileAttributes.S_IFIFO);
        long fifo = client.find(ROOT, "fifo");

        assertEquals(FuseErrno.EBADF, error(change(node, FuseProtocol.FATTR_FH | FuseProtocol.FATTR_SIZE, NO_FILE, 0, 0)));
        assertEquals(FuseErrno.EISDIR, error(change(ROOT, FuseProtocol.FATTR_SIZE, 0, 0, 0)));
        assertEquals(FuseErrno.EINVAL, error(change(fifo, FuseProtocol.FATTR_SIZE, 0, 0, 0)));
        assertEquals(FuseErrno.ESTALE, error(change(77, FuseProtocol.FATTR_MODE, 0, 0, 0)));
        assertEquals(FuseErrno.EINVAL, client.call(change(node, FuseProtocol.FATTR_MODE, 0, 0, 0), 16 + 50).error());
    }

    @ParameterizedTest
    @CsvSource({
        // User, group, mask, error: the file belongs to 7:8 with mode 0640.
        "0, 0, 6, 0",
        "0, 0, 1, 13",
        "7, 0, 6, 0",
        "7, 0, 1, 13",
        "5, 8, 4, 0",
        "5, 8, 2, 13",
        "5, 5, 4, 13",
        "5, 5, 0, 0",
        "0, 0, 8, 22"
    })
    void accessGoesByTheMode(int uid, int gid, int mask, int expected) {
        client.call(change(node, FuseProtocol.FATTR_MODE | FuseProtocol.FATTR_UID | FuseProtocol.FATTR_GID, 0, 0, 0640));

        assertEquals(expected, error(new FuseRequest(FuseProtocol.FUSE_ACCESS, node, uid, gid).u32(mask).u32(0)));
        assertEquals(0, error(new FuseRequest(FuseProtocol.FUSE_ACCESS, ROOT, 0, 0).u32(7).u32(0)));
        assertEquals(FuseErrno.ESTALE, error(new FuseRequest(FuseProtocol.FUSE_ACCESS, 77, 0, 0).u32(7).u32(0)));
    }

    @ParameterizedTest
    @ValueSource(ints = {
        FuseProtocol.FUSE_READLINK, FuseProtocol.FUSE_STATFS, FuseProtocol.FUSE_GETATTR, FuseProtocol.FUSE_OPENDIR,
        FuseProtocol.FUSE_OPEN
    })
    void unknownNodeIsStale(int opcode) {
        assertEquals(FuseErrno.ESTALE, error(new FuseRequest(opcode, 77).u64(0).u64(0)));
    }

    @Test
    void entriesAreMovedAndRemoved() {
        long inner = client.find(ROOT, "directory");

        assertEquals(0, error(new FuseRequest(FuseProtocol.FUSE_RENAME, ROOT).u64(inner).text("file").text("moved")));
        assertEquals(node, client.find(inner, "moved"));
        assertEquals(0, error(new FuseRequest(FuseProtocol.FUSE_RENAME2, inner).u64(ROOT).u64(0).text("moved").text("back")));
        assertEquals(0, error(new FuseRequest(FuseProtocol.FUSE_UNLINK, ROOT).text("back")));
        assertEquals(0, error(new FuseRequest(FuseProtocol.FUSE_RMDIR, ROOT).text("directory")));
        assertEquals(FuseErrno.ENOENT, error(new FuseRequest(FuseProtocol.FUSE_RMDIR, ROOT).text("directory")));
        assertEquals(FuseErrno.ESTALE, error(new FuseRequest(FuseProtocol.FUSE_RENAME, ROOT).u64(77).text("a").text("b")));
        assertEquals(FuseErrno.ENOTDIR, error(new FuseRequest(FuseProtocol.FUSE_RENAME, ROOT).u64(node).text("a").text("b")));
        assertEquals(FuseErrno.EINVAL, error(new FuseRequest(FuseProtocol.FUSE_RENAME, ROOT).u64(ROOT).text("a")));
        assertEquals(FuseErrno.ESTALE, error(new FuseRequest(FuseProtocol.FUSE_UNLINK, 77).text("a")));
        assertEquals(FuseErrno.ESTALE, error(new FuseRequest(FuseProtocol.FUSE_MKDIR, 77).u64(0).text("a")));
        assertEquals(FuseErrno.ESTALE, error(new FuseRequest(FuseProtocol.FUSE_LOOKUP, 77).text("a")));
    }

    @Test
    void linksAreOfFilesThatAreKnown() {
        long inner = client.find(ROOT, "directory");

        assertEquals(node, client.call(new FuseRequest(FuseProtocol.FUSE_LINK, ROOT).u64(node).text("other")).u64(0));
        assertEquals(FuseErrno.EPERM, error(new FuseRequest(FuseProtocol.FUSE_LINK, ROOT).u64(inner).text("again")));
        assertEquals(FuseErrno.ESTALE, error(new FuseRequest(FuseProtocol.FUSE_LINK, ROOT).u64(77).text("again")));
    }

    @Test
    void moreNodesThanAFewAreFoundAgain() {
        long[] nodes = new long[300];
        for (int i = 0; i < nodes.length; i++) {
            folder.addFile("entry" + i, new byte[i]);
            nodes[i] = client.find(ROOT, "entry" + i);
        }
        for (int i = 0; i < nodes.length; i++) {
            assertEquals(nodes[i], client.find(ROOT, "entry" + i));
            assertEquals(i, client.getAttributes(nodes[i]).u64(16 + 8));
        }
        for (int i = 0; i < nodes.length; i += 2) {
            client.forget(nodes[i], 2);
        }
        for (int i = 0; i < nodes.length; i++) {
            assertEquals(i % 2 == 0 ? FuseErrno.ESTALE : 0, client.getAttributes(nodes[i]).error());
        }
    }
}

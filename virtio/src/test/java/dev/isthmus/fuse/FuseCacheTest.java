// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.fuse;

import java.nio.charset.StandardCharsets;

import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;

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

/** What the client may keep of the folder, what it writes back from its cache or appends, and files without a name. */
class FuseCacheTest {
    private static final long ROOT = FuseProtocol.FUSE_ROOT_ID;
    private static final int O_RDWR = 2;
    private static final int O_APPEND = 0x400;
    private static final int O_TMPFILE = 0x41_0000;

    private final MemoryFolder folder = new MemoryFolder(false);

    @AfterEach
    void everythingIsClosedAtTheEnd() {
        assertEquals(0, folder.openHandles());
    }

    private FuseClient client(MemoryFolder shared, CachePolicy policy, int nodes, int files) {
        VirtioFs device = new VirtioFs(
                shared,
                FsTask::run,
                new VirtioFsOptions("t", 1, FuseClient.QUEUE_SIZE, false),
                new FuseOptions(policy, nodes, files),
                "test");
        FuseClient client = new FuseClient(VirtioRig.Carrier.MMIO, device, false);
        client.start();
        return client;
    }

    @ParameterizedTest
    @CsvSource({"NEVER, 0, 1, 0", "AUTO, 1, 0, 0", "ALWAYS, 86400, 2, 10"})
    void policyIsToldToTheClient(CachePolicy policy, long seconds, int fileFlags, int directoryFlags) {
        folder.addFile("file", new byte[1]);
        FuseClient client = client(folder, policy, 10, 10);

        long node = client.find(ROOT, "file");

        assertEquals(seconds, client.lookup(ROOT, "file").u64(24));
        assertEquals(seconds, client.getAttributes(node).u64(0));
        assertEquals(fileFlags, client.open(node, 0).u32(8));
        assertEquals(directoryFlags, client.call(new FuseRequest(FuseProtocol.FUSE_OPENDIR, ROOT).u64(0)).u32(8));
        client.driver().reset();
    }

    @ParameterizedTest
    @EnumSource(names = {"NEVER", "AUTO"})
    void absenceIsNotRememberedWhereTheHostMayPutSomethingThere(CachePolicy policy) {
        FuseClient client = client(folder, policy, 10, 10);

        assertEquals(FuseErrno.ENOENT, client.lookup(ROOT, "absent").error());
        client.driver().reset();
    }

    @Test
    void absenceIsRememberedWhereNobodyElseChangesTheFolder() {
        FuseClient client = client(folder, CachePolicy.ALWAYS, 10, 10);

        FuseReply reply = client.lookup(ROOT, "absent");

        assertEquals(0, reply.error());
        assertEquals(16 + FuseProtocol.ENTRY_OUT_BYTES, reply.usedBytes());
        assertEquals(0, reply.u64(0));
        assertEquals(86_400, reply.u64(16));
        client.driver().reset();
    }

    @Test
    void filesThatAreNotCachedMayBeMappedWhereTheClientCan() {
        FuseClient client = client(folder, CachePolicy.NEVER, 10, 10);
        FuseRequest extended = new FuseRequest(FuseProtocol.FUSE_INIT, 0)
                .u32(7).u32(41).u32(0).u32(FuseProtocol.FUSE_INIT_EXT).u32(-1).raw(new byte[44]);
        FuseRequest plain = new FuseRequest(FuseProtocol.FUSE_INIT, 0)
                .u32(7).u32(41).u32(0).u32(0).u32(-1).raw(new byte[44]);
        FuseRequest cutShort = new FuseRequest(FuseProtocol.FUSE_INIT, 0)
                .u32(7).u32(41).u32(0).u32(FuseProtocol.FUSE_INIT_EXT);

        assertEquals(FuseProtocol.FUSE_DIRECT_IO_ALLOW_MMAP_2, client.call(extended).u32(32));
        assertEquals(0, client.call(plain).u32(32));
        assertEquals(0, client.call(cutShort).u32(32));
        client.driver().reset();
    }

    @ParameterizedTest
    @CsvSource({
        // Flags of the WRITE, and of the client's descriptor.
        "0, 0, contXnts",
        "0, 1024, contentsX",
        "1, 1024, contXnts",
        "4, 1024, contentsX",
        "5, 1024, contXnts"
    })
    void writesAppendUnlessTheyComeFromTheClientsCache(int flags, int openFlags, String contents) {
        folder.addFile("file", "contents".getBytes(StandardCharsets.UTF_8));
        FuseClient client = client(folder, CachePolicy.AUTO, 10, 10);
        long node = client.find(ROOT, "file");
        long file = client.open(node, O_RDWR | O_APPEND).u64(0);

        FuseReply written = client.call(FuseClient.writeOf(node, file, 4, new byte[] {'X'}, flags, openFlags));

        assertEquals(1, written.u32(0));
        assertArrayEquals(contents.getBytes(StandardCharsets.UTF_8), folder.contents("file"));
        client.driver().reset();
    }

    private static FuseRequest makeUnnamed(long directory) {
        return new FuseRequest(FuseProtocol.FUSE_TMPFILE, directory)
                .u32(O_RDWR | O_TMPFILE).u32(0600).u64(0).text("/");
    }

    @Test
    void fileWithoutNameIsWrittenToAndGetsOne() {
        FuseClient client = client(folder, CachePolicy.AUTO, 10, 10);

        FuseReply made = client.call(makeUnnamed(ROOT));

        assertEquals(16 + FuseProtocol.ENTRY_OUT_BYTES + FuseProtocol.OPEN_OUT_BYTES, made.usedBytes());
        long node = made.u64(0);
        assertEquals(2, client.write(node, made.u64(FuseProtocol.ENTRY_OUT_BYTES), 0, new byte[] {1, 2}).u32(0));
        assertEquals(0, client.call(new FuseRequest(FuseProtocol.FUSE_LINK, ROOT).u64(node).text("named")).error());
        assertArrayEquals(new byte[] {1, 2}, folder.contents("named"));
        client.driver().reset();
    }

    @Test
    void fileWithoutNameIsRefusedWhereThereCanBeNone() {
        folder.addFile("file", new byte[1]);
        FuseClient client = client(folder, CachePolicy.AUTO, 10, 1);
        long file = client.find(ROOT, "file");
        FuseRequest cutShort = new FuseRequest(FuseProtocol.FUSE_TMPFILE, ROOT).u64(0);

        assertEquals(FuseErrno.EINVAL, client.call(cutShort).error());
        assertEquals(FuseErrno.EINVAL, client.call(makeUnnamed(ROOT), 16 + 100).error());
        assertEquals(FuseErrno.ESTALE, client.call(makeUnnamed(99)).error());
        assertEquals(FuseErrno.ENOTDIR, client.call(makeUnnamed(file)).error());
        client.open(file, 0);
        assertEquals(FuseErrno.ENFILE, client.call(makeUnnamed(ROOT)).error());
        client.driver().reset();
    }

    @Test
    void fileWithoutNameIsRefusedInAReadOnlyFolder() {
        FuseClient client = client(new MemoryFolder(true), CachePolicy.AUTO, 10, 10);

        assertEquals(FuseErrno.EROFS, client.call(makeUnnamed(ROOT)).error());
    }
}

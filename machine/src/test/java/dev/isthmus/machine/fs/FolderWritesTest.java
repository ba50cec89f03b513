// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.machine.fs;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.Arrays;

import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

import dev.isthmus.fuse.FuseProtocol;
import dev.isthmus.testing.fuse.FuseClient;
import dev.isthmus.testing.fuse.FuseReply;
import dev.isthmus.testing.fuse.FuseRequest;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

/** Writes that have no place of their own, and files that have no name. */
class FolderWritesTest {
    private static final long ROOT = FuseProtocol.FUSE_ROOT_ID;
    private static final int O_APPEND = 0x400;

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

    @Test
    void whatIsAppendedGoesBehindWhatTheHostAppendedMeanwhile() throws IOException {
        Files.write(path.resolve("log"), pattern(100));
        long node = client.find(ROOT, "log");
        long file = client.open(node, FolderRig.O_WRONLY | O_APPEND).u64(0);
        Files.write(path.resolve("log"), new byte[7], StandardOpenOption.APPEND);

        client.call(FuseClient.writeOf(node, file, 100, new byte[] {1, 2}, 0, O_APPEND));
        // What the guest's cache writes back has its place, whichever of its descriptors it goes by.
        client.call(FuseClient.writeOf(node, file, 3, new byte[] {9}, FuseProtocol.FUSE_WRITE_CACHE, O_APPEND));

        byte[] expected = Arrays.copyOf(pattern(100), 109);
        expected[3] = 9;
        expected[107] = 1;
        expected[108] = 2;
        assertArrayEquals(expected, Files.readAllBytes(path.resolve("log")));
    }

    @Test
    void fileWithoutNameGetsOneByALink() throws IOException {
        FuseReply made = client.call(new FuseRequest(FuseProtocol.FUSE_TMPFILE, ROOT)
                .u32(FolderRig.O_RDWR | O_APPEND | 0x41_0000).u32(0640).u64(0).text("/"));
        assumeTrue(made.error() != 95, "no such files here");
        long node = made.u64(0);

        assertEquals(5, client.write(node, made.u64(FuseProtocol.ENTRY_OUT_BYTES), 0, pattern(5)).u32(0));
        assertEquals(0, client.getAttributes(node).u32(16 + 64));
        try (var entries = Files.list(path)) {
            assertEquals(0, entries.count());
        }
        assertEquals(0, client.call(new FuseRequest(FuseProtocol.FUSE_LINK, ROOT).u64(node).text("named")).error());

        assertArrayEquals(pattern(5), Files.readAllBytes(path.resolve("named")));
        assertEquals("rw-r-----", PosixFilePermissions.toString(Files.getPosixFilePermissions(path.resolve("named"))));
    }
}

// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.machine.fs;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;

import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

import dev.isthmus.fuse.FuseOptions;
import dev.isthmus.fuse.FuseProtocol;
import dev.isthmus.kvm.linux.Errno;
import dev.isthmus.kvm.linux.FileCredentials;
import dev.isthmus.testing.fuse.FuseClient;
import dev.isthmus.testing.fuse.FuseReply;
import dev.isthmus.testing.fuse.FuseRequest;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

/** Files of a folder whose owners are as the guest says; for root alone. */
class FolderOwnershipTest {
    private static final long ROOT = FuseProtocol.FUSE_ROOT_ID;
    private static final int UID = 4321;
    private static final int GID = 8765;
    private static final int S_ISUID = 04000;

    @TempDir
    private Path path;

    private FolderRig rig;
    private FuseClient client;

    @BeforeEach
    void share() {
        assumeTrue(FileCredentials.mayActAsAnybody(), "runs without root's privileges");
        rig = new FolderRig(path, false, FolderOwnership.GUEST, FuseOptions.DEFAULT);
        client = rig.client;
    }

    @AfterEach
    void close() throws IOException {
        if (rig != null) {
            rig.close();
            assertEquals(0, rig.folder.openHandles());
            // The thread is itself again.
            assertEquals(0, Files.getAttribute(Files.createFile(path.resolve("own")), "unix:uid"));
        }
    }

    private Object attribute(String name, String attribute) throws IOException {
        return Files.getAttribute(path.resolve(name), "unix:" + attribute, LinkOption.NOFOLLOW_LINKS);
    }

    private void assertOwner(String name) throws IOException {
        assertEquals(UID, attribute(name, "uid"));
        assertEquals(GID, attribute(name, "gid"));
    }

    @Test
    void whatTheGuestMakesBelongsToItsUser() throws IOException {
        // The folder belongs to root, with mode 0700: whether the user may write there is the guest's business.
        assertEquals(0, client.call(new FuseRequest(FuseProtocol.FUSE_CREATE, ROOT, UID, GID)
                        .u32(FolderRig.O_RDWR).u32(0644).u64(0).text("file")).error());
        assertEquals(0, client.call(new FuseRequest(FuseProtocol.FUSE_MKDIR, ROOT, UID, GID)
                        .u32(0755).u32(0).text("directory")).error());
        assertEquals(0, client.call(new FuseRequest(FuseProtocol.FUSE_SYMLINK, ROOT, UID, GID)
                        .text("link").text("target")).error());
        assertEquals(0, client.call(new FuseRequest(FuseProtocol.FUSE_MKNOD, ROOT, UID, GID)
                        .u32(0x1000 | 0600).u32(0).u64(0).text("fifo")).error());

        assertOwner("file");
        assertOwner("directory");
        assertOwner("link");
        assertOwner("fifo");
        assertEquals(UID, client.lookup(ROOT, "file").u32(40 + 68));
    }

    @Test
    void ownerChanges() throws IOException {
        Files.createFile(path.resolve("file"));
        long node = client.find(ROOT, "file");

        FuseReply reply = client.call(new FuseRequest(FuseProtocol.FUSE_SETATTR, node)
                .u32(FuseProtocol.FATTR_UID | FuseProtocol.FATTR_GID).u32(0)
                .raw(new byte[64]).u32(0).u32(UID).u32(GID).u32(0));

        assertEquals(0, reply.error());
        assertOwner("file");
    }

    @Test
    void invalidUserIsRefused() {
        assertEquals(Errno.EPERM, client.call(new FuseRequest(FuseProtocol.FUSE_MKDIR, ROOT, -1, 0)
                        .u32(0755).u32(0).text("directory")).error());
        assertEquals(Errno.EPERM, client.call(new FuseRequest(FuseProtocol.FUSE_MKDIR, ROOT, 0, -1)
                        .u32(0755).u32(0).text("directory")).error());
    }

    @Test
    void writeClearsTheSetUserIdBitWhereItIsToDoSo() throws IOException {
        FuseReply created = client.create(ROOT, "program", FolderRig.O_RDWR, S_ISUID | 0755);
        long node = created.u64(0);
        long file = created.u64(FuseProtocol.ENTRY_OUT_BYTES);

        client.write(node, file, 0, new byte[10]);
        assertEquals(S_ISUID | 0755, (int) attribute("program", "mode") & 07777);
        FuseReply written = client.call(
                FuseClient.writeOf(node, file, 0, new byte[10], FuseProtocol.FUSE_WRITE_KILL_SUIDGID));

        assertEquals(10, written.u32(0));
        assertEquals(0755, (int) attribute("program", "mode") & 07777);
    }

    @Test
    void truncatingOpenClearsTheSetUserIdBit() throws IOException {
        FuseReply created = client.create(ROOT, "program", FolderRig.O_RDWR, S_ISUID | 0755);
        long node = created.u64(0);
        client.write(node, created.u64(FuseProtocol.ENTRY_OUT_BYTES), 0, new byte[10]);

        FuseReply opened = client.call(new FuseRequest(FuseProtocol.FUSE_OPEN, node, UID, GID)
                .u32(FolderRig.O_WRONLY | FolderRig.O_TRUNC).u32(FuseProtocol.FUSE_OPEN_KILL_SUIDGID));

        assertEquals(0, opened.error());
        assertEquals(0, Files.size(path.resolve("program")));
        assertEquals("rwxr-xr-x", PosixFilePermissions.toString(Files.getPosixFilePermissions(path.resolve("program"))));
        assertEquals(0755, (int) attribute("program", "mode") & 07777);
    }

    @Test
    void accessGoesByTheFilesMode() throws IOException {
        Files.createFile(path.resolve("file"), PosixFilePermissions.asFileAttribute(
                PosixFilePermissions.fromString("rw-r-----")));
        long node = client.find(ROOT, "file");

        assertEquals(0, access(node, 0, 6));
        assertEquals(Errno.EACCES, access(node, 0, 1));
        assertEquals(Errno.EACCES, access(node, UID, 4));
        assertEquals(Errno.EINVAL, access(node, 0, 8));
        assertEquals(0, access(ROOT, 0, 7));
    }

    private int access(long node, int uid, int mask) {
        return client.call(new FuseRequest(FuseProtocol.FUSE_ACCESS, node, uid, uid).u32(mask).u32(0)).error();
    }
}

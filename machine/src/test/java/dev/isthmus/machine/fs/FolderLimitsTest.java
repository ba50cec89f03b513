// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.machine.fs;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;

import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

import dev.isthmus.fuse.FuseProtocol;
import dev.isthmus.kvm.linux.Errno;
import dev.isthmus.testing.fuse.FuseClient;
import dev.isthmus.testing.fuse.FuseRequest;

import static org.junit.jupiter.api.Assertions.assertEquals;

/** What the guest cannot have: privileges on the host, a folder that is gone, more descriptors than its share. */
class FolderLimitsTest {
    private static final long ROOT = FuseProtocol.FUSE_ROOT_ID;

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

    @Test
    void guestGivesFilesOfASquashedFolderNoPrivileges() throws IOException {
        client.create(ROOT, "program", FolderRig.O_RDWR, 06755);
        client.call(new FuseRequest(FuseProtocol.FUSE_MKNOD, ROOT).u32(0106755).u32(0).u64(0).text("other"));
        client.call(new FuseRequest(FuseProtocol.FUSE_MKDIR, ROOT).u32(0755).u32(0).text("d"));

        assertEquals(0755, mode("program"));
        assertEquals(0755, mode("other"));
        client.call(changeMode(client.find(ROOT, "program"), 06711));
        client.call(changeMode(client.find(ROOT, "d"), 03777));
        assertEquals(0711, mode("program"));
        assertEquals(03777, mode("d"));
    }

    private static FuseRequest changeMode(long node, int mode) {
        return new FuseRequest(FuseProtocol.FUSE_SETATTR, node)
                .u32(FuseProtocol.FATTR_MODE).u32(0).raw(new byte[60]).u32(mode).raw(new byte[16]);
    }

    private int mode(String name) throws IOException {
        return (int) Files.getAttribute(path.resolve(name), "unix:mode") & 07777;
    }

    @Test
    void folderThatIsRemovedHasNothingAndTakesNothing() throws IOException {
        Path folder = Files.createDirectory(path.resolve("removed"));
        Files.createFile(folder.resolve("file"));
        try (FolderRig other = new FolderRig(folder)) {
            long node = other.client.find(ROOT, "file");
            long file = other.client.open(node, FolderRig.O_RDWR).u64(0);
            Files.delete(folder.resolve("file"));
            Files.delete(folder);

            assertEquals(Errno.ENOENT, other.client.lookup(ROOT, "file").error());
            assertEquals(Errno.ENOENT, other.client.create(ROOT, "new", FolderRig.O_RDWR, 0600).error());
            assertEquals(0, other.client.getAttributes(ROOT).error());
            assertEquals(3, other.client.write(node, file, 0, new byte[3]).u32(0));
            assertEquals(0, other.client.call(new FuseRequest(FuseProtocol.FUSE_STATFS, ROOT)).error());
        }
    }

    @Test
    void guestsHaveHalfOfTheProcessesDescriptorsAtMost() throws IOException {
        Files.createFile(path.resolve("file"));
        int taken = 0;
        while (FolderDescriptors.take()) {
            taken++;
        }

        assertEquals(Errno.ENFILE, client.lookup(ROOT, "file").error());
        assertEquals(Errno.ENFILE, client.create(ROOT, "new", FolderRig.O_RDWR, 0600).error());
        assertEquals(0, FolderRig.descriptorsUnder(path.resolve("file")));

        for (; taken > 0; taken--) {
            FolderDescriptors.giveBack();
        }
        assertEquals(0, client.lookup(ROOT, "file").error());
    }
}

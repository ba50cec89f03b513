// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.machine.fs;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.stream.Stream;

import dev.isthmus.fuse.CachePolicy;
import dev.isthmus.fuse.FuseOptions;
import dev.isthmus.testing.fuse.FuseClient;
import dev.isthmus.testing.virtio.VirtioRig;
import dev.isthmus.virtio.fs.FsTask;
import dev.isthmus.virtio.fs.VirtioFs;
import dev.isthmus.virtio.fs.VirtioFsOptions;

/** A folder of the host behind a device, with a client whose session has begun. Requests run on the test's thread. */
final class FolderRig implements AutoCloseable {
    static final int O_RDONLY = 0;
    static final int O_WRONLY = 1;
    static final int O_RDWR = 2;
    static final int O_CREAT = 0x40;
    static final int O_EXCL = 0x80;
    static final int O_TRUNC = 0x200;

    final HostFolder folder;
    final FuseClient client;
    final VirtioFs device;

    FolderRig(Path path) {
        this(path, false, FolderOwnership.ROOT, new FuseOptions(CachePolicy.AUTO, 1000, 100));
    }

    FolderRig(Path path, boolean readOnly, FolderOwnership ownership, FuseOptions options) {
        folder = HostFolder.open(path, readOnly, ownership, "test");
        device = new VirtioFs(folder, FsTask::run, new VirtioFsOptions("test", 1, FuseClient.QUEUE_SIZE, false), options, "test");
        client = new FuseClient(VirtioRig.Carrier.MMIO, device, false);
        client.start();
    }

    /** Returns how many descriptors this process has open for regular files, directories and others under a path. */
    static long descriptorsUnder(Path path) {
        try (Stream<Path> all = Files.list(Path.of("/proc/self/fd"))) {
            return all.filter(fd -> pointsUnder(fd, path)).count();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private static boolean pointsUnder(Path fd, Path path) {
        try {
            return Files.readSymbolicLink(fd).toString().startsWith(path.toString());
        } catch (IOException e) {
            // The one that lists.
            return false;
        }
    }

    @Override
    public void close() {
        client.driver().reset();
        folder.close();
    }
}

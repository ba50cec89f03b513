// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.integration;

import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;

import dev.isthmus.vmm.DemoGuest;

import static org.junit.jupiter.api.Assertions.assertEquals;

/** A disk image with an ext4 file system, made and looked into by the host's e2fsprogs. */
record Ext4Image(Path file) {
    private static final long SIZE_BYTES = 32L << 20;

    /** Makes an image whose file system holds what a folder holds. */
    static Ext4Image of(Path folder, Path image) throws IOException, InterruptedException {
        SparseFile.ofLength(image, SIZE_BYTES);
        HostTool.succeed("mkfs.ext4", "-q", "-F", "-d", folder.toString(), image.toString());
        return new Ext4Image(image);
    }

    /** Makes an image that has all that the demo guest's initramfs has, so that it can be the guest's root. */
    static Ext4Image ofDemoGuest(Path workFolder) throws IOException, InterruptedException {
        Path root = workFolder.resolve("root");
        HostTool.succeed(
                "sh", "-c", "mkdir \"$1\" && cd \"$1\" && cpio --quiet -idm < \"$2\"", "sh", root.toString(),
                DemoGuest.locate().initrd().toAbsolutePath().toString());
        return of(root, workFolder.resolve("root.img"));
    }

    /** Fails unless e2fsck finds nothing at all to complain of. */
    void assertClean() throws IOException, InterruptedException {
        HostTool check = HostTool.run(Duration.ofMinutes(1), "e2fsck", "-fn", file.toString());
        assertEquals(0, check.status(), check::output);
    }

    /** Reads a file within. */
    String read(String path) throws IOException, InterruptedException {
        String output = HostTool.succeed("debugfs", "-R", "cat " + path, file.toString());
        // debugfs greets with its version on standard error.
        return output.replaceFirst("(?m)^debugfs [^\\n]*\\n", "");
    }
}

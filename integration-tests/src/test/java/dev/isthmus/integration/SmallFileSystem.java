// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.integration;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;

import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.extension.AfterEachCallback;
import org.junit.jupiter.api.extension.BeforeEachCallback;
import org.junit.jupiter.api.extension.ExtensionContext;

import static org.junit.jupiter.api.Assumptions.assumeTrue;

/**
 * A host file system that soon is full, mounted while a test runs. Mounting takes root: for others the test is skipped,
 * but it runs (and so fails) where the environment variable {@code CI} is set.
 */
final class SmallFileSystem implements BeforeEachCallback, AfterEachCallback {
    private final String size;
    private @Nullable Path folder;

    /**
     * Describes it.
     *
     * @param size how much it holds, as mount has it: 2m is 2 MiB
     */
    SmallFileSystem(String size) {
        this.size = size;
    }

    @Override
    public void beforeEach(ExtensionContext context) throws Exception {
        assumeTrue(
                System.getenv("CI") != null || "root".equals(System.getProperty("user.name")), "mounting takes root");
        Path mountPoint = Files.createTempDirectory("isthmus-small");
        try {
            HostTool.succeed("mount", "-t", "tmpfs", "-o", "size=" + size, "isthmus-test", mountPoint.toString());
        } catch (AssertionError e) {
            Files.delete(mountPoint);
            throw e;
        }
        folder = mountPoint;
    }

    @Override
    public void afterEach(ExtensionContext context) throws Exception {
        if (folder != null) {
            HostTool.succeed("umount", folder.toString());
            Files.delete(folder);
            folder = null;
        }
    }

    /** Returns where it is mounted, while a test runs. */
    Path folder() {
        if (folder == null) {
            throw new IllegalStateException("not mounted");
        }
        return folder;
    }

    /** Has it hold so much. */
    void resize(String newSize) throws IOException, InterruptedException {
        HostTool.succeed("mount", "-o", "remount,size=" + newSize, folder().toString());
    }
}

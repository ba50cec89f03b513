// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.testing.tools;

import java.io.File;
import java.nio.file.Files;
import java.nio.file.Path;

import static org.junit.jupiter.api.Assertions.fail;
import static org.junit.jupiter.api.Assumptions.abort;

/** Programs of the host that some tests need. */
public final class HostPrograms {
    private HostPrograms() {}

    /**
     * Skips the test that calls this unless all of some programs are on the PATH; fails it instead where the environment
     * variable {@code CI} says that they must be there.
     */
    public static void require(String... names) {
        for (String name : names) {
            if (isOnPath(name)) {
                continue;
            }
            String message = name + " is not on the PATH; .ci/run names the Debian package";
            if (System.getenv("CI") != null) {
                fail(message);
            }
            abort(message);
        }
    }

    private static boolean isOnPath(String name) {
        for (String folder : System.getenv().getOrDefault("PATH", "").split(File.pathSeparator, -1)) {
            if (Files.isExecutable(Path.of(folder, name))) {
                return true;
            }
        }
        return false;
    }
}

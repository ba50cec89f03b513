// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.integration;

import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

/** What is asked of shared folders holds for the host's own: else it would say nothing of ours. */
class PosixCheckIT {
    private static final Duration DEADLINE = Duration.ofMinutes(2);

    @TempDir
    Path folder;

    @Test
    void hostsOwnFolderPasses() throws Exception {
        assumeTrue("root".equals(System.getProperty("user.name")), "checks of permissions take root");

        HostTool run = HostTool.run(DEADLINE, PosixCheck.program().toString(), folder.toString());

        assertEquals(0, run.status(), run::output);
        assertTrue(run.output().contains(" checks, 0 failed"), run::output);
        try (var left = Files.list(folder)) {
            assertEquals(0, left.count());
        }
    }

    @Test
    void folderThatDoesNotHoldWhatIsAskedFails() throws Exception {
        // One that is not read-only, checked as if it were.
        Files.writeString(folder.resolve("file"), "contents");

        HostTool run = HostTool.run(DEADLINE, PosixCheck.program().toString(), "-r", folder.toString());

        assertEquals(1, run.status(), run::output);
        assertTrue(run.output().contains("ok read_only_reading\nFAILED read_only_changes: "), run::output);
    }
}

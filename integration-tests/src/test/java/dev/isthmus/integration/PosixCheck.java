// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.integration;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

/** The program of {@code integration-tests/posix}, which checks how a folder behaves, on hosts and in Linux guests. */
final class PosixCheck {
    private static final Path RECIPE = Path.of("posix", "build");
    private static final Pattern SUMMARY = Pattern.compile("posix_check: (\\d+) checks, (\\d+) failed");

    /** The end of the summary's line. */
    private static final Pattern SKIPPED = Pattern.compile("(?m)^skipped (\\w+)");

    private static boolean built;

    private PosixCheck() {}

    /** Returns the program, built by the host's compiler once in a run: it needs no library. */
    static synchronized Path program() throws IOException, InterruptedException {
        Path program = Path.of("target", "posix_check");
        if (!built) {
            Files.createDirectories(program.getParent());
            HostTool.succeed(RECIPE.toString(), program.toString());
            built = true;
        }
        return program;
    }

    /** Puts the program into a folder, for a guest. */
    static void copyTo(Path folder) throws IOException, InterruptedException {
        Files.copy(program(), folder.resolve("posix_check"), StandardCopyOption.COPY_ATTRIBUTES);
    }

    /** Fails unless so many runs of the program are in an output, each without a failure, and nothing was skipped. */
    static void assertSound(int runs, String output) {
        Matcher summary = SUMMARY.matcher(output);
        for (int i = 0; i < runs; i++) {
            assertTrue(summary.find(), output);
            assertTrue(Integer.parseInt(summary.group(1)) > 1, output);
            assertEquals("0", summary.group(2), output);
        }
        assertTrue(!SKIPPED.matcher(output).find(), output);
    }
}

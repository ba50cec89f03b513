// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.integration;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.concurrent.TimeUnit;

import static org.junit.jupiter.api.Assertions.assertEquals;

/** A program of the host that a test runs: its standard output and error together, and its exit status. */
record HostTool(int status, String output) {

    /** Runs a command to its end; fails where it takes longer than a deadline, which ends it. */
    static HostTool run(Duration deadline, String... command) throws IOException, InterruptedException {
        Path output = Files.createTempFile("isthmus-tool", ".txt");
        try {
            Process process = new ProcessBuilder(command)
                    .redirectErrorStream(true)
                    .redirectOutput(output.toFile())
                    .redirectInput(new java.io.File("/dev/null"))
                    .start();
            if (!process.waitFor(deadline.toMillis(), TimeUnit.MILLISECONDS)) {
                process.destroyForcibly().waitFor();
                throw new AssertionError(
                        String.join(" ", command) + " took longer than " + deadline + ":\n" + text(output));
            }
            return new HostTool(process.exitValue(), text(output));
        } finally {
            Files.deleteIfExists(output);
        }
    }

    /** Runs a command that is quick and has to succeed. */
    static String succeed(String... command) throws IOException, InterruptedException {
        HostTool ended = run(Duration.ofMinutes(1), command);
        assertEquals(0, ended.status, () -> String.join(" ", command) + "\n" + ended.output);
        return ended.output;
    }

    private static String text(Path file) throws IOException {
        return new String(Files.readAllBytes(file), StandardCharsets.ISO_8859_1);
    }
}

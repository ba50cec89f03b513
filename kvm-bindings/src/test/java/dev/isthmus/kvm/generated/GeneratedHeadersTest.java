// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.kvm.generated;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.EnabledIf;
import org.junit.jupiter.api.io.TempDir;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

/** The committed constants are what jextract prints from the same headers. */
class GeneratedHeadersTest {
    private static final Path SOURCES = Path.of("src/main/java");
    private static final Path PACKAGE = Path.of("dev/isthmus/kvm/generated");
    private static final Path KERNEL_VERSION = Path.of("/usr/include/linux/version.h");

    @TempDir
    Path output;

    @Test
    @EnabledIf("jextractIsPresent")
    void generateShPrintsTheCommittedConstants() throws IOException, InterruptedException {
        assumeTrue(headersAreOfLinux(6, 1), "the constants are of Linux 6.1's headers");
        Path script = SOURCES.resolve(PACKAGE).resolve("generate.sh");
        Path log = output.resolve("log");

        int status =
                new ProcessBuilder(script.toString(), output.toString())
                        .redirectErrorStream(true)
                        .redirectOutput(log.toFile())
                        .start()
                        .waitFor();

        assertEquals(0, status, Files.readString(log));
        Path generated = PACKAGE.resolve("Linux.java");
        assertEquals(
                Files.readString(SOURCES.resolve(generated)), Files.readString(output.resolve(generated)));
    }

    static boolean jextractIsPresent() {
        String path = System.getenv("PATH");
        if (path != null) {
            for (String directory : path.split(":", -1)) {
                if (Files.isExecutable(Path.of(directory, "jextract"))) {
                    return Files.isReadable(KERNEL_VERSION);
                }
            }
        }
        return false;
    }

    private static boolean headersAreOfLinux(int major, int minor) throws IOException {
        Matcher version =
                Pattern.compile("LINUX_VERSION_CODE (\\d+)").matcher(Files.readString(KERNEL_VERSION));
        return version.find() && Integer.parseInt(version.group(1)) >> 8 == (major << 8 | minor);
    }
}

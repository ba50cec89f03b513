// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.block.mapped;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

/** QEMU's image tools, as the maker of images and as the other reader of them. */
public final class QemuImg {
    private QemuImg() {}

    /** Skips the test where the tools are missing, unless it runs in continuous integration. */
    public static void assumeInstalled() {
        boolean there = Files.isExecutable(Path.of("/usr/bin/qemu-img"));
        assertTrue(there || System.getenv("CI") == null, "qemu-img is missing");
        assumeTrue(there, "qemu-img is missing");
    }

    /** Makes an image of a raw disk, with options such as "subformat=dynamic" or none. */
    public static void convert(Path raw, String format, String options, Path image) {
        List<String> command = new ArrayList<>(List.of("qemu-img", "convert", "-f", "raw", "-O", format));
        if (!options.isEmpty()) {
            command.addAll(List.of("-o", options));
        }
        command.addAll(List.of(raw.toString(), image.toString()));
        run(command);
    }

    /** Has QEMU read an image. */
    public static void convertBack(Path image, String format, Path raw) {
        run(List.of("qemu-img", "convert", "-f", format, "-O", "raw", image.toString(), raw.toString()));
    }

    /** Makes an empty image. */
    public static void create(Path image, String format, String options, long sizeBytes) {
        run(List.of("qemu-img", "create", "-f", format, "-o", options, image.toString(), Long.toString(sizeBytes)));
    }

    /** Has QEMU repair an image, which replays its log. */
    public static void repair(Path image, String format) {
        run(List.of("qemu-img", "check", "-f", format, "-r", "all", image.toString()));
    }

    /** Has QEMU carry out commands on an image, such as "write -z 0 64k". */
    public static void io(Path image, String format, String... commands) {
        List<String> command = new ArrayList<>(List.of("qemu-io", "-f", format));
        for (String each : commands) {
            command.addAll(List.of("-c", each));
        }
        command.add(image.toString());
        run(command);
    }

    private static void run(List<String> command) {
        try {
            Process process = new ProcessBuilder(command).redirectErrorStream(true).start();
            process.getOutputStream().close();
            String output = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
            assertTrue(process.waitFor() == 0, String.join(" ", command) + ": " + output);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        } catch (InterruptedException e) {
            throw new IllegalStateException(e);
        }
    }
}

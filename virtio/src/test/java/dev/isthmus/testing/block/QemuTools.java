// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.testing.block;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

import dev.isthmus.testing.tools.HostPrograms;

/** Runs 'qemu-img' and 'qemu-io' in a folder: the peer of our image formats. */
public final class QemuTools {
    private static final long TIMEOUT_SECONDS = 120;

    private final Path folder;

    /** What a program answered: its exit status and all it printed, to either output. */
    public record Answer(int status, String text) {
        /** Returns a number of a JSON answer, or 0 where it is not in there. */
        public long number(String name) {
            Matcher matcher = Pattern.compile("\"" + name + "\": (-?\\d+)").matcher(text);
            return matcher.find() ? Long.parseLong(matcher.group(1)) : 0;
        }
    }

    /** Makes them work in a folder. */
    public QemuTools(Path folder) {
        this.folder = folder;
    }

    /** Skips the test that calls this unless both programs are installed; fails it instead in CI. */
    public static void require() {
        HostPrograms.require("qemu-img", "qemu-io");
    }

    /** Runs 'qemu-img', whatever it answers. */
    public Answer run(String... arguments) {
        List<String> command = new ArrayList<>();
        command.add("qemu-img");
        command.addAll(List.of(arguments));
        return start(command, "");
    }

    /** Runs 'qemu-img' and expects it to succeed; answers what it printed. */
    public String img(String... arguments) {
        Answer answer = run(arguments);
        if (answer.status() != 0) {
            throw new AssertionError("qemu-img " + String.join(" ", arguments) + ": " + answer);
        }
        return answer.text();
    }

    /** Makes an image of a raw disk, with options of the format such as "subformat=dynamic". */
    public void convertRaw(Path raw, String format, String options, Path image) {
        img("convert", "-f", "raw", "-O", format, "-o", options, raw.toString(), image.toString());
    }

    /** Runs 'qemu-io' commands on an image and expects all of them to succeed. */
    public void io(String format, String image, List<String> commands) {
        Answer answer = start(List.of("qemu-io", "-t", "unsafe", "-f", format, image), String.join("\n", commands) + "\nquit\n");
        if (answer.status() != 0 || answer.text().contains("failed") || answer.text().contains("rror")) {
            throw new AssertionError("qemu-io: " + commands + answer);
        }
    }

    private Answer start(List<String> command, String input) {
        try {
            Path output = Files.createTempFile(folder, "output", ".txt");
            Process process = new ProcessBuilder(command)
                    .directory(folder.toFile())
                    .redirectErrorStream(true)
                    .redirectOutput(output.toFile())
                    .start();
            process.getOutputStream().write(input.getBytes(StandardCharsets.UTF_8));
            process.getOutputStream().close();
            if (!process.waitFor(TIMEOUT_SECONDS, TimeUnit.SECONDS)) {
                process.destroyForcibly();
                throw new AssertionError("No end: " + command);
            }
            String text = Files.readString(output, StandardCharsets.UTF_8);
            Files.delete(output);
            return new Answer(process.exitValue(), text);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        } catch (InterruptedException e) {
            throw new AssertionError(e);
        }
    }
}

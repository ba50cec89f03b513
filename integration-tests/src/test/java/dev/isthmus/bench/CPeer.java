// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.bench;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;

/** A benchmark's peer written in C: a process that prints a number a line. */
final class CPeer {
    private CPeer() {}

    static List<Double> run(String... command) throws IOException, InterruptedException {
        Process process = new ProcessBuilder(command)
                .redirectError(ProcessBuilder.Redirect.INHERIT)
                .start();
        String output = new String(process.getInputStream().readAllBytes(), StandardCharsets.US_ASCII);
        if (process.waitFor() != 0) {
            throw new IOException(String.join(" ", command) + " failed with status " + process.exitValue());
        }
        List<Double> numbers = new ArrayList<>();
        for (String line : output.lines().toList()) {
            numbers.add(Double.valueOf(line.trim()));
        }
        return numbers;
    }
}

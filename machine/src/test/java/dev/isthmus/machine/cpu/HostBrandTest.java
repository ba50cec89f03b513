// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.machine.cpu;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

import static org.junit.jupiter.api.Assertions.assertEquals;

class HostBrandTest {
    @TempDir
    private Path directory;

    private String read(String cpuinfo) throws IOException {
        Path file = directory.resolve("cpuinfo");
        Files.writeString(file, cpuinfo);
        return HostBrand.read(file);
    }

    @Test
    void nameOfTheFirstProcessorIsRead() throws IOException {
        assertEquals(
                "AMD EPYC 7713",
                read("processor\t: 0\nmodel\t\t: 1\nmodel name\t: AMD EPYC 7713\nstepping\t: 1\n\nmodel name\t: other\n"));
    }

    @ParameterizedTest
    @ValueSource(strings = {"", "processor\t: 0\n", "model name\t: cut off", "model name\nx : y\n"})
    void nameThatIsNotThereIsEmpty(String cpuinfo) throws IOException {
        assertEquals("", read(cpuinfo));
    }

    @Test
    void missingFileIsNoName() {
        assertEquals("", HostBrand.read(directory.resolve("none")));
    }
}

// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.vmm.command;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;

import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

import dev.isthmus.block.ImageFile;
import dev.isthmus.machine.block.HostFileOptions;

import static org.junit.jupiter.api.Assertions.assertEquals;

class CommandFolderTest {
    @TempDir
    private Path directory;

    private final CommandFolder folder = new CommandFolder(HostFileOptions.DEFAULT, true);
    private String old = "";
    private String fresh = "";

    @BeforeEach
    void makeOldFile() throws IOException {
        old = Files.writeString(directory.resolve("old"), "old").toString();
        fresh = directory.resolve("fresh").toString();
    }

    private List<String> names() throws IOException {
        try (Stream<Path> files = Files.list(directory)) {
            return files.map(file -> file.getFileName().toString()).sorted().toList();
        }
    }

    private void make(String name) {
        try (ImageFile file = folder.create(name)) {
            file.setSize(512);
            assertEquals(name, file.name());
        }
    }

    @Test
    void whatIsNotKeptIsRemovedWhenTheProcessEndsAtOnce() throws IOException {
        make(old);
        make(fresh);

        folder.removeMade();

        assertEquals(List.of("old"), names());
        assertEquals("old", Files.readString(Path.of(old)));
    }

    @Test
    void whatIsKeptTakesThePlaceOfTheOldFile() throws IOException {
        make(old);
        make(fresh);

        folder.keep(old);
        folder.keep(fresh);
        folder.removeMade();

        assertEquals(List.of("fresh", "old"), names());
        assertEquals(512, Files.size(Path.of(old)));
    }

    @Test
    void whatIsDeletedBeforeItIsKeptLeavesTheOldFile() throws IOException {
        make(old);

        folder.delete(old);

        assertEquals("old", Files.readString(Path.of(old)));
        assertEquals(List.of("old"), names());
    }
}

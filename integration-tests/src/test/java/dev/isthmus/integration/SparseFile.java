// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.integration;

import java.io.IOException;
import java.io.RandomAccessFile;
import java.nio.file.Path;

/** Files that take up no storage until they are written to: the raw images of tests. */
final class SparseFile {
    private SparseFile() {}

    /** Makes a file of zeroes, or changes the length of one that is there; returns it. */
    static Path ofLength(Path path, long lengthBytes) throws IOException {
        try (RandomAccessFile file = new RandomAccessFile(path.toFile(), "rw")) {
            file.setLength(lengthBytes);
        }
        return path;
    }

    /** Returns how much storage a file takes up. */
    static long allocatedBytes(Path file) throws IOException, InterruptedException {
        return Long.parseLong(HostTool.succeed("stat", "-c", "%b", file.toString()).strip()) * 512;
    }
}

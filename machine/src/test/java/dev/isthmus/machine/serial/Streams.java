// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.machine.serial;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.file.Path;
import java.util.concurrent.CompletableFuture;

import dev.isthmus.kvm.linux.Fd;
import dev.isthmus.kvm.linux.HostFile;
import dev.isthmus.kvm.linux.StreamIo;

/** The other sides of a backend's descriptors: descriptors that do not wait, used as if they did. */
final class Streams {
    /** A terminal that is opened does not become the process's own. */
    private static final int O_NOCTTY = 0x100;

    private Streams() {}

    static Path makeFifo(Path path) throws IOException, InterruptedException {
        Process mkfifo = new ProcessBuilder("mkfifo", path.toString()).start();
        if (mkfifo.waitFor() != 0) {
            throw new IOException("mkfifo " + path + " failed");
        }
        return path;
    }

    static Fd open(Path path, int flags) {
        return HostFile.openFd(path.toString(), flags | HostFile.O_NONBLOCK | O_NOCTTY, 0);
    }

    static void writeAll(Fd fd, byte[] bytes) {
        long deadline = System.nanoTime() + LiveLine.PATIENCE_NANOS;
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment memory = arena.allocateFrom(ValueLayout.JAVA_BYTE, bytes);
            long done = 0;
            while (done < bytes.length) {
                int count = StreamIo.write(fd, memory.asSlice(done));
                if (count > 0) {
                    done += count;
                } else if (count == StreamIo.END_OF_STREAM || System.nanoTime() > deadline) {
                    throw new AssertionError("only " + done + " bytes were taken");
                } else {
                    Thread.onSpinWait();
                }
            }
        }
    }

    /** Reads a number of bytes, or fewer where the stream ends. */
    static byte[] read(Fd fd, int length) {
        long deadline = System.nanoTime() + LiveLine.PATIENCE_NANOS;
        ByteArrayOutputStream received = new ByteArrayOutputStream();
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment memory = arena.allocate(4096);
            while (received.size() < length) {
                int count = StreamIo.read(fd, memory.asSlice(0, Math.min(4096, length - received.size())));
                if (count > 0) {
                    received.writeBytes(memory.asSlice(0, count).toArray(ValueLayout.JAVA_BYTE));
                } else if (count == StreamIo.END_OF_STREAM) {
                    break;
                } else if (System.nanoTime() > deadline) {
                    throw new AssertionError("only " + received.size() + " bytes came");
                } else {
                    Thread.onSpinWait();
                }
            }
        }
        return received.toByteArray();
    }

    static CompletableFuture<byte[]> readInBackground(Fd fd, int length) {
        return CompletableFuture.supplyAsync(() -> read(fd, length));
    }
}

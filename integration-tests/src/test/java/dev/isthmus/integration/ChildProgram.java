// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.integration;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.InterruptedIOException;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Objects;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;

/**
 * A program that runs beside a test, with nothing on its standard input. What waits for it fails at a deadline and shows
 * what it has printed; closing kills it.
 */
final class ChildProgram implements AutoCloseable {
    /** What follows the last chunk, which has something in it. */
    private static final byte[] END = {};

    private final Process process;
    private final Thread reader;
    private final long endNanos;
    private final BlockingQueue<byte[]> read = new LinkedBlockingQueue<>();
    private final ByteArrayOutputStream taken = new ByteArrayOutputStream();
    private final Output output = new Output();

    /** What the program prints, as far as it has been waited for. */
    private final class Output extends InputStream {
        private byte[] chunk = END;
        private int position;
        private boolean ended;

        @Override
        public int read() throws IOException {
            byte[] one = new byte[1];
            return read(one, 0, 1) < 0 ? -1 : one[0] & 0xff;
        }

        @Override
        public int read(byte[] target, int offset, int length) throws IOException {
            Objects.checkFromIndexSize(offset, length, target.length);
            if (length == 0) {
                return 0;
            }
            if (position == chunk.length && !ended) {
                chunk = nextChunk();
                position = 0;
                ended = chunk.length == 0;
            }
            if (ended) {
                return -1;
            }
            int count = Math.min(length, chunk.length - position);
            System.arraycopy(chunk, position, target, offset, count);
            taken.write(chunk, position, count);
            position += count;
            return count;
        }
    }

    private ChildProgram(ProcessBuilder builder, Duration deadline) throws IOException {
        endNanos = System.nanoTime() + deadline.toNanos();
        process = builder.redirectInput(Path.of("/dev/null").toFile()).start();
        reader = Thread.ofPlatform().daemon(true).name("output of " + process.pid()).start(this::readAll);
    }

    /**
     * Starts a program of which only the standard output is read.
     *
     * @param deadline after which nothing is waited for any more
     * @param errors the file for its standard error
     */
    static ChildProgram start(Duration deadline, Path errors, List<String> command) throws IOException {
        return new ChildProgram(new ProcessBuilder(command).redirectError(errors.toFile()), deadline);
    }

    /** Starts a program of which standard output and error are read together. */
    static ChildProgram start(Duration deadline, List<String> command) throws IOException {
        return new ChildProgram(new ProcessBuilder(command).redirectErrorStream(true), deadline);
    }

    /** Starts a Java program of the class path of the tests; of its output, standard error goes to a file. */
    static ChildProgram startJava(Duration deadline, Path errors, String mainClass, List<String> arguments)
            throws IOException {
        List<String> command = new ArrayList<>(List.of(
                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "-XX:TieredStopAtLevel=1",
                "--enable-native-access=ALL-UNNAMED",
                "-cp",
                System.getProperty("java.class.path"),
                mainClass));
        command.addAll(arguments);
        return start(deadline, errors, command);
    }

    long pid() {
        return process.pid();
    }

    /** Returns what it prints; reading fails at the deadline. */
    InputStream output() {
        return output;
    }

    /** Waits for a line that has a text in it, behind the lines that were waited for so far; returns it. */
    String awaitLine(String text) throws IOException {
        ByteArrayOutputStream line = new ByteArrayOutputStream();
        for (int next = output.read(); next >= 0; next = output.read()) {
            if (next != '\n') {
                line.write(next);
                continue;
            }
            String complete = line.toString(StandardCharsets.ISO_8859_1);
            if (complete.contains(text)) {
                return complete;
            }
            line.reset();
        }
        throw new AssertionError("it has ended without '" + text + "':\n" + this);
    }

    /** Sends a signal by its name, such as {@code TERM}. */
    void signal(String name) throws IOException, InterruptedException {
        HostTool.succeed("kill", "-" + name, Long.toString(process.pid()));
    }

    /** Kills it, so that it can do nothing more; what it has printed can still be read. */
    void kill() {
        // By its handle: the process's own method would close the pipe, and with it lose what it holds.
        process.toHandle().destroyForcibly();
    }

    /** Waits for its end; returns the exit status. */
    int awaitEnd() throws IOException, InterruptedException {
        output.transferTo(OutputStream.nullOutputStream());
        if (!process.waitFor(endNanos - System.nanoTime(), TimeUnit.NANOSECONDS)) {
            throw new AssertionError("it has not ended:\n" + this);
        }
        return process.exitValue();
    }

    /** Kills it, if it still runs, and waits until it is gone. */
    @Override
    public void close() {
        kill();
        try {
            process.waitFor();
            reader.join();
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    /** Returns what it has printed, as far as that was waited for. */
    @Override
    public String toString() {
        return taken.toString(StandardCharsets.ISO_8859_1);
    }

    private byte[] nextChunk() throws IOException {
        try {
            byte[] next = read.poll(endNanos - System.nanoTime(), TimeUnit.NANOSECONDS);
            if (next == null) {
                throw new AssertionError("it has printed nothing more until the deadline:\n" + this);
            }
            return next;
        } catch (InterruptedException e) {
            throw (InterruptedIOException) new InterruptedIOException("while reading:\n" + this).initCause(e);
        }
    }

    private void readAll() {
        byte[] buffer = new byte[4096];
        try (InputStream pipe = process.getInputStream()) {
            for (int count = pipe.read(buffer); count >= 0; count = pipe.read(buffer)) {
                if (count > 0) {
                    read.add(Arrays.copyOf(buffer, count));
                }
            }
        } catch (IOException e) {
            read.add(("\n" + e).getBytes(StandardCharsets.UTF_8));
        } finally {
            read.add(END);
        }
    }
}

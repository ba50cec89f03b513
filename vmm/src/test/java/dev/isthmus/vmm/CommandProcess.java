// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.vmm;

import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;

import static org.junit.jupiter.api.Assertions.assertTrue;

/** The command as users start it: the distribution that the build has just made, in a process of its own. */
final class CommandProcess implements AutoCloseable {
    /** A loaded machine may take seconds to start a JVM, and minutes to boot Linux where KVM emulates it. */
    static final Duration PATIENCE = Duration.ofMinutes(4);

    private static final Path PROGRAM = Path.of("target", "isthmus", "bin", "isthmus").toAbsolutePath();

    private final Process process;
    private final SerialCapture output = new SerialCapture();
    private final SerialCapture errors = new SerialCapture();
    private final List<Thread> readers = new ArrayList<>();

    private CommandProcess(ProcessBuilder builder) throws IOException {
        process = builder.start();
        read(process.getInputStream(), output);
        read(process.getErrorStream(), errors);
    }

    /** Starts the command; standard input is a pipe from here. */
    static CommandProcess start(String... args) throws IOException {
        return new CommandProcess(builder(args));
    }

    /** Starts another command line. */
    static CommandProcess start(ProcessBuilder builder) throws IOException {
        return new CommandProcess(builder);
    }

    /** Runs the command to its end with nothing on standard input. */
    static CommandProcess run(String... args) throws IOException, InterruptedException {
        return run(builder(args).redirectInput(Path.of("/dev/null").toFile()));
    }

    /** Runs another command line to its end. */
    static CommandProcess run(ProcessBuilder builder) throws IOException, InterruptedException {
        CommandProcess command = new CommandProcess(builder);
        command.status();
        return command;
    }

    /** Returns the command line, for what needs more than {@link #start}. */
    static ProcessBuilder builder(String... args) {
        List<String> line = new ArrayList<>(List.of(PROGRAM.toString()));
        line.addAll(List.of(args));
        return new ProcessBuilder(line);
    }

    static Path program() {
        return PROGRAM;
    }

    long pid() {
        return process.pid();
    }

    /** Types, where standard input is a pipe. */
    void write(String text) throws IOException {
        write(text.getBytes(StandardCharsets.UTF_8));
    }

    /** Sends bytes, where standard input is a pipe; waits while it is full. */
    void write(byte[] bytes) throws IOException {
        OutputStream input = process.getOutputStream();
        input.write(bytes);
        input.flush();
    }

    void closeInput() throws IOException {
        process.getOutputStream().close();
    }

    void awaitOutput(String text) throws InterruptedException {
        assertTrue(
                output.await(text.getBytes(StandardCharsets.UTF_8), PATIENCE.toNanos()) != null,
                () -> "no '" + text + "' in: " + output.text() + "\nstandard error: " + errors.text());
    }

    void awaitError(String text) throws InterruptedException {
        assertTrue(
                errors.await(text.getBytes(StandardCharsets.UTF_8), PATIENCE.toNanos()) != null,
                () -> "no '" + text + "' on standard error: " + errors.text());
    }

    /** Sends a signal by its name, such as {@code TERM}. */
    void signal(String name) throws IOException, InterruptedException {
        new ProcessBuilder("kill", "-" + name, Long.toString(process.pid())).inheritIO().start().waitFor();
    }

    /** Waits for the end and returns the exit status. */
    int status() throws InterruptedException {
        assertTrue(process.waitFor(PATIENCE.toSeconds(), TimeUnit.SECONDS), () -> "still running; " + this);
        for (Thread reader : readers) {
            reader.join();
        }
        return process.exitValue();
    }

    String output() {
        return output.text();
    }

    /** Returns standard error without the lines that say that this host is slow, and what options a test gave the JVM. */
    String errors() {
        StringBuilder text = new StringBuilder();
        errors.text()
                .lines()
                .filter(line -> !line.contains("no hardware virtualisation") && !line.startsWith("NOTE: Picked up JDK_JAVA"))
                .forEach(line -> text.append(line).append('\n'));
        return text.toString();
    }

    @Override
    public void close() {
        process.destroyForcibly();
    }

    @Override
    public String toString() {
        return "standard output: " + output.text() + "\nstandard error: " + errors.text();
    }

    private void read(InputStream stream, SerialCapture capture) {
        readers.add(Thread.ofPlatform().daemon(true).start(() -> {
            byte[] buffer = new byte[4096];
            try {
                for (int count = stream.read(buffer); count >= 0; count = stream.read(buffer)) {
                    capture.append(ByteBuffer.wrap(buffer, 0, count));
                }
            } catch (IOException e) {
                // The process was destroyed.
            } finally {
                capture.end();
            }
        }));
    }
}

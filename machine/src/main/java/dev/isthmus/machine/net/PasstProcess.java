// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.machine.net;

import java.io.BufferedReader;
import java.io.File;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.concurrent.TimeUnit;

import org.jspecify.annotations.Nullable;

import dev.isthmus.kvm.linux.Errno;
import dev.isthmus.kvm.linux.ErrnoException;
import dev.isthmus.kvm.linux.Fd;
import dev.isthmus.kvm.linux.UnixSocket;
import dev.isthmus.machine.HostThreads;
import dev.isthmus.machine.VmException;
import dev.isthmus.machine.io.HostFaults;

/**
 * A process of passt(1) that serves one machine, and the connection to it. It ends by itself when the connection does
 * ({@code --one-off}), so that none is left where this program dies.
 *
 * <p>passt makes its socket itself, in a folder of its own that only its user can enter and that is gone as soon as it is
 * connected. Where this program is root, passt runs as somebody else, to whom that folder belongs.
 *
 * <p>MAIN starts and ends it; a thread of its own reads what it has to say.
 */
final class PasstProcess {
    private static final String PROGRAM = "passt";

    /** How long passt may take until it listens. */
    private static final long START_NANOS = TimeUnit.SECONDS.toNanos(10);

    /** How often we look whether it listens. */
    private static final long LOOK_MILLIS = 2;

    /** How long it may take to end by itself, and then again when it is asked to. */
    private static final long END_MILLIS = 1000;

    private static final int LINE_CHARS_MAX = 300;

    private final Process process;
    private final Thread reader;

    /** The last thing of worth that it said. */
    private volatile String lastWords = "";

    private PasstProcess(Process process) {
        this.process = process;
        this.reader = Thread.ofPlatform().name("passt-messages").daemon(true).unstarted(this::readMessages);
    }

    /** A process and the connection to it, which is the caller's to close. */
    record Started(PasstProcess process, Fd connection) {}

    /**
     * Starts passt and connects to it.
     *
     * @throws VmException if that is not possible
     */
    static Started start(PasstOptions options) {
        return start(options, PROGRAM);
    }

    static Started start(PasstOptions options, String program) {
        requireOnPath(program);
        PasstUser user = PasstUser.of(options.runAs());
        Path folder = makeFolder();
        Path socket = folder.resolve("socket");
        try {
            checkLength(socket);
            user.give(folder);
            PasstProcess started = launch(PasstCommand.of(program, options, socket, user));
            try {
                HostThreads.start(started.reader);
                return new Started(started, started.connect(socket));
            } catch (RuntimeException e) {
                started.end();
                throw e;
            }
        } finally {
            delete(socket);
            delete(folder);
        }
    }

    private static void requireOnPath(String program) {
        String path = System.getenv("PATH");
        for (String folder : path == null ? new String[0] : path.split(File.pathSeparator, -1)) {
            if (Files.isExecutable(Path.of(folder, program))) {
                return;
            }
        }
        throw new VmException.HostUnsupported(
                "User-mode networking needs passt, which is not installed.",
                "Install it (apt install passt), or give the machine a tap instead.");
    }

    private static void checkLength(Path socket) {
        if (socket.toString().getBytes(StandardCharsets.UTF_8).length > UnixSocket.PATH_BYTES_MAX) {
            throw new VmException.Configuration(
                    "The path of passt's socket would be too long: " + socket + ".",
                    "Name a shorter folder for temporary files (java.io.tmpdir).");
        }
    }

    private static Path makeFolder() {
        try {
            return Files.createTempDirectory("isthmus-passt-");
        } catch (IOException e) {
            throw new VmException.HostFault(
                    "Can't make a folder for passt's socket: " + e.getMessage(),
                    "See that " + System.getProperty("java.io.tmpdir") + " can be written and is not full.",
                    e);
        }
    }

    private static void delete(Path path) {
        try {
            Files.deleteIfExists(path);
        } catch (IOException e) {
            // What is left among the temporary files is no reason to fail.
        }
    }

    private static PasstProcess launch(String[] command) {
        try {
            Process process = new ProcessBuilder(command)
                    .directory(new File("/"))
                    .redirectInput(new File("/dev/null"))
                    .redirectOutput(ProcessBuilder.Redirect.DISCARD)
                    .start();
            return new PasstProcess(process);
        } catch (IOException e) {
            throw new VmException.HostFault("Can't start passt: " + e.getMessage(), "", e);
        }
    }

    private Fd connect(Path socket) {
        long deadline = System.nanoTime() + START_NANOS;
        while (System.nanoTime() - deadline < 0) {
            Fd connection = tryToConnect(socket);
            if (connection != null) {
                return connection;
            }
            if (waitFor(LOOK_MILLIS)) {
                joinReader();
                throw new VmException.HostFault("passt did not start: " + words(), remedy());
            }
        }
        throw new VmException.HostFault("passt does not listen at its socket: " + words(), "");
    }

    private static @Nullable Fd tryToConnect(Path socket) {
        try {
            return UnixSocket.connect(socket.toString());
        } catch (ErrnoException e) {
            if (e.errno() == Errno.ENOENT || e.errno() == Errno.ECONNREFUSED) {
                return null;
            }
            throw HostFaults.of("Can't connect to passt", e);
        }
    }

    private String words() {
        return lastWords.isEmpty() ? "it gave no reason" : lastWords;
    }

    private String remedy() {
        return lastWords.startsWith("Failed to bind")
                ? "Forward ports that nobody on this host uses; those below 1024 need a privilege that passt does not have."
                : "";
    }

    private void readMessages() {
        try (BufferedReader messages = process.errorReader(StandardCharsets.UTF_8)) {
            String line = messages.readLine();
            while (line != null) {
                // Hosts without a system logger make it complain of that before each line.
                if (!line.isBlank() && !line.startsWith("Failed to send ")) {
                    lastWords = line.length() > LINE_CHARS_MAX ? line.substring(0, LINE_CHARS_MAX) : line;
                }
                line = messages.readLine();
            }
        } catch (IOException e) {
            // It has ended.
        }
    }

    private void joinReader() {
        boolean interrupted = false;
        boolean joined = false;
        while (!joined) {
            try {
                reader.join();
                joined = true;
            } catch (InterruptedException e) {
                interrupted = true;
            }
        }
        if (interrupted) {
            Thread.currentThread().interrupt();
        }
    }

    /** Tells whether it has ended within a time. */
    private boolean waitFor(long millis) {
        boolean interrupted = false;
        try {
            long deadline = System.nanoTime() + TimeUnit.MILLISECONDS.toNanos(millis);
            while (true) {
                try {
                    return process.waitFor(deadline - System.nanoTime(), TimeUnit.NANOSECONDS);
                } catch (InterruptedException e) {
                    interrupted = true;
                }
            }
        } finally {
            if (interrupted) {
                Thread.currentThread().interrupt();
            }
        }
    }

    /** Returns its number. */
    long pid() {
        return process.pid();
    }

    /**
     * Ends it, after the connection was closed: waits until it has ended by itself, asks it to, and makes it, in this order.
     */
    void end() {
        if (!waitFor(END_MILLIS)) {
            process.destroy();
            if (!waitFor(END_MILLIS)) {
                process.destroyForcibly();
                waitFor(END_MILLIS);
            }
        }
        joinReader();
    }
}

// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.machine.serial;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.concurrent.atomic.AtomicBoolean;

import org.jspecify.annotations.Nullable;

import dev.isthmus.device.EventLoop;
import dev.isthmus.kvm.linux.ErrnoException;
import dev.isthmus.kvm.linux.Fd;
import dev.isthmus.kvm.linux.HostFile;
import dev.isthmus.kvm.linux.StreamIo;
import dev.isthmus.kvm.linux.Termios;
import dev.isthmus.machine.VmException;

/**
 * The serial line on standard input and output: terminals, pipes, files, sockets or {@code /dev/null}, each on its own.
 *
 * <p>The descriptors of standard streams are shared with the shell and whoever else, so {@code O_NONBLOCK} must not be
 * set on them. Terminals and pipes are opened a second time by way of {@code /proc/self/fd}, which gives an open file of
 * our own with flags of its own. Regular files never wait and are used as they are, since their position is shared on
 * purpose. Only where the second opening fails (sockets; another user's terminal) is the flag set and, when the backend
 * is closed, set back.
 *
 * <p>The end of input is not the end of anything else: the guest simply gets no more. Where it is to know, its input is
 * framed ({@link FramedInput}); nobody sits at such a line, so a terminal stays as it is, with its own echo and line
 * editing, and Ctrl-D at it ends the input.
 *
 * <p>At a terminal with escape keys, what is typed is read ahead of a guest that does not, up to
 * {@value #TYPED_AHEAD_BYTES} bytes, so that Ctrl-a x ends a guest that hangs.
 */
final class StdioSerial implements SerialBackend {
    private static final int STDIN = 0;
    private static final int STDOUT = 1;
    private static final int TYPED_AHEAD_BYTES = 64 << 10;

    /** Standard input and output are one VM's at a time. */
    private static final AtomicBoolean IN_USE = new AtomicBoolean();

    private final Channel input;
    private final Channel output;
    private final @Nullable RawTerminal terminal;
    private final @Nullable EscapeFilter escapes;
    private final boolean framed;
    private final @Nullable AtomicBoolean inUse;

    private final TypeAhead typeAhead = new TypeAhead(TYPED_AHEAD_BYTES);
    private @Nullable SerialPort port;
    private @Nullable FdStream inputStream;
    private @Nullable FdStream outputStream;
    private boolean closed;

    /** A standard stream's descriptor of our own, and whether the shared one was changed. */
    private record Channel(Fd fd, boolean setBackToWaiting) {
        void close() {
            if (setBackToWaiting) {
                try {
                    StreamIo.setNonBlocking(fd, false);
                } catch (ErrnoException e) {
                    // What can't be set can't be in anybody's way.
                }
            }
            fd.close();
        }
    }

    private StdioSerial(
            Channel input,
            Channel output,
            @Nullable RawTerminal terminal,
            @Nullable EscapeFilter escapes,
            boolean framed,
            @Nullable AtomicBoolean inUse) {
        this.input = input;
        this.output = output;
        this.terminal = terminal;
        this.escapes = escapes;
        this.framed = framed;
        this.inUse = inUse;
    }

    /** Opens this process's standard streams. */
    static StdioSerial open(SerialConfig.Stdio config) {
        if (!IN_USE.compareAndSet(false, true)) {
            throw new VmException.Configuration(
                    "Standard input and output are the serial line of another VM already.",
                    "Give this VM another serial line, such as a pty or a socket.");
        }
        try {
            return open(STDIN, STDOUT, config, IN_USE);
        } catch (RuntimeException e) {
            IN_USE.set(false);
            throw e;
        }
    }

    /** Opens other descriptors as if they were the standard streams; they stay the caller's. */
    static StdioSerial open(int stdin, int stdout, EscapeFilter.@Nullable Actions escapes) {
        return open(stdin, stdout, new SerialConfig.Stdio(escapes, false), null);
    }

    /** Opens descriptors, with a flag to be set back when the backend is closed. */
    static StdioSerial open(int stdin, int stdout, SerialConfig.Stdio config, @Nullable AtomicBoolean inUse) {
        Channel input = null;
        Channel output = null;
        try {
            input = channel(stdin, HostFile.O_RDONLY, "Standard input");
            output = channel(stdout, HostFile.O_WRONLY, "Standard output");
            RawTerminal terminal = null;
            EscapeFilter escapes = null;
            if (!config.framed() && Termios.isTerminal(input.fd)) {
                terminal = RawTerminal.enter(input.fd);
                EscapeFilter.Actions actions = config.escapes();
                escapes = actions == null ? null : new EscapeFilter(actions);
            }
            return new StdioSerial(input, output, terminal, escapes, config.framed(), inUse);
        } catch (RuntimeException e) {
            if (input != null) {
                input.close();
            }
            if (output != null) {
                output.close();
            }
            throw e;
        }
    }

    private static Channel channel(int number, int access, String name) {
        Path link = Path.of("/proc/self/fd", Integer.toString(number));
        if (Files.isRegularFile(link)) {
            return new Channel(duplicate(number, name), false);
        }
        try {
            return new Channel(HostFile.openFd(link.toString(), access | HostFile.O_NONBLOCK, 0), false);
        } catch (ErrnoException e) {
            Fd shared = duplicate(number, name);
            boolean waitedBefore = !StreamIo.setNonBlocking(shared, true);
            return new Channel(shared, waitedBefore);
        }
    }

    private static Fd duplicate(int number, String name) {
        try {
            return Fd.duplicateOf(number);
        } catch (ErrnoException e) {
            throw new VmException.Configuration(
                    name + " can't be the serial line: " + e.getMessage() + ".",
                    "Redirect it to or from /dev/null if it is not wanted.",
                    e);
        }
    }

    @Override
    public void attach(EventLoop loop, SerialPort port) {
        this.port = port;
        outputStream = new FdStream(loop, output.fd, false, new PortUser(port));
        PortUser user = new PortUser(port);
        if (escapes != null) {
            user = new Typed(port, escapes);
        } else if (framed) {
            user = new FramedInput(port, typeAhead);
        }
        inputStream = new FdStream(loop, input.fd, true, user);
        inputStream.start();
    }

    @Override
    public int transmit(MemorySegment source) {
        return outputStream == null ? 0 : outputStream.write(source);
    }

    @Override
    public void receiveReady() {
        if (port != null && inputStream != null) {
            typeAhead.flush(port);
            inputStream.resumeReading();
        }
    }

    @Override
    public void close() {
        if (closed) {
            return;
        }
        closed = true;
        if (inputStream != null) {
            inputStream.close();
        }
        if (outputStream != null) {
            outputStream.close();
        }
        if (terminal != null) {
            terminal.close();
        }
        input.close();
        output.close();
        if (inUse != null) {
            inUse.set(false);
        }
    }

    /** Standard input that is a terminal with escape keys. */
    private final class Typed extends PortUser {
        private final SerialPort to;
        private final EscapeFilter filter;

        Typed(SerialPort to, EscapeFilter filter) {
            super(to);
            this.to = to;
            this.filter = filter;
        }

        @Override
        public int receiveRoom() {
            return typeAhead.room();
        }

        @Override
        public void received(MemorySegment bytes) {
            for (long i = 0; i < bytes.byteSize(); i++) {
                int typed = filter.filter(Byte.toUnsignedInt(bytes.get(ValueLayout.JAVA_BYTE, i)));
                if (typed < EscapeFilter.FIRST_EVENT) {
                    typeAhead.put((byte) typed);
                } else if (typed == EscapeFilter.BREAK) {
                    typeAhead.flush(to);
                    to.receiveBreak();
                }
            }
            typeAhead.flush(to);
        }
    }
}

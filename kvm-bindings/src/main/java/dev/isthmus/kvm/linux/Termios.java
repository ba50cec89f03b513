// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.kvm.linux;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;

import dev.isthmus.kvm.ffi.Syscall;
import dev.isthmus.kvm.ffi.ThreadMemory;
import dev.isthmus.kvm.generated.Linux;

/**
 * A terminal's settings ({@code struct termios}): got from one, changed, applied.
 *
 * <p>Not thread-safe.
 *
 * @see <a href="https://man7.org/linux/man-pages/man3/termios.3.html">termios(3)</a>
 */
public final class Termios {
    private final ByteBuffer fields =
            ByteBuffer.allocate(Linux.SIZEOF_termios()).order(ByteOrder.nativeOrder());

    private Termios() {}

    /** Whether a descriptor is a terminal. */
    public static boolean isTerminal(Fd fd) {
        return ioctl(fd, Linux.TCGETS(), ThreadMemory.current()) == 0;
    }

    /**
     * A terminal's settings.
     *
     * @throws ErrnoException ENOTTY if it is none
     */
    public static Termios get(Fd fd) {
        ThreadMemory memory = ThreadMemory.current();
        long result = ioctl(fd, Linux.TCGETS(), memory);
        if (result < 0) {
            throw ErrnoException.of("TCGETS", fd.toString(), result);
        }
        Termios termios = new Termios();
        termios.fields.put(0, memory.scratch(), 0, Linux.SIZEOF_termios());
        return termios;
    }

    /** The same settings, to be changed apart from these. */
    public Termios copy() {
        Termios copy = new Termios();
        copy.fields.put(0, fields, 0, fields.capacity());
        return copy;
    }

    /** Applies the settings when all output is transmitted (tcsetattr's TCSADRAIN). */
    public void setAfterOutput(Fd fd) {
        set(fd, "TCSETSW", Linux.TCSETSW());
    }

    /** Applies the settings at once (tcsetattr's TCSANOW), for when the output may be stopped. */
    public void setNow(Fd fd) {
        set(fd, "TCSETS", Linux.TCSETS());
    }

    private void set(Fd fd, String name, int request) {
        ThreadMemory memory = ThreadMemory.current();
        long result;
        do {
            memory.scratch().put(0, fields, 0, fields.capacity());
            result = ioctl(fd, request, memory);
        } while (result == -Errno.EINTR);
        if (result < 0) {
            throw ErrnoException.of(name, fd.toString(), result);
        }
    }

    private static long ioctl(Fd fd, int request, ThreadMemory memory) {
        return Syscall.call(Linux.__NR_ioctl(), fd.number(), request, memory.scratchAddress());
    }

    /**
     * Bytes as they are in both directions: no line editing, echo, signals, flow control or translation; a
     * read returns with the first byte. As cfmakeraw(3).
     */
    public void makeRaw() {
        change(
                Linux.OFFSETOF_termios_c_iflag(),
                Linux.IGNBRK() | Linux.BRKINT() | Linux.PARMRK() | Linux.ISTRIP()
                        | Linux.INLCR() | Linux.IGNCR() | Linux.ICRNL() | Linux.IXON(),
                0);
        change(Linux.OFFSETOF_termios_c_oflag(), Linux.OPOST(), 0);
        change(
                Linux.OFFSETOF_termios_c_lflag(),
                Linux.ECHO() | Linux.ECHONL() | Linux.ICANON() | Linux.ISIG() | Linux.IEXTEN(),
                0);
        change(Linux.OFFSETOF_termios_c_cflag(), Linux.CSIZE() | Linux.PARENB(), Linux.CS8());
        fields.put(Linux.OFFSETOF_termios_c_cc() + Linux.VMIN(), (byte) 1);
        fields.put(Linux.OFFSETOF_termios_c_cc() + Linux.VTIME(), (byte) 0);
    }

    /**
     * Turns a line feed that is written into a new line again, for a raw terminal that others write to, too.
     */
    public void processOutput() {
        change(Linux.OFFSETOF_termios_c_oflag(), 0, Linux.OPOST());
    }

    /** Whether what is typed is edited by lines, as terminals do unless they are raw. */
    public boolean editsLines() {
        return (fields.getInt(Linux.OFFSETOF_termios_c_lflag()) & Linux.ICANON()) != 0;
    }

    /** Whether what is typed is shown. */
    public boolean echoes() {
        return (fields.getInt(Linux.OFFSETOF_termios_c_lflag()) & Linux.ECHO()) != 0;
    }

    private void change(int offset, int cleared, int set) {
        fields.putInt(offset, (fields.getInt(offset) & ~cleared) | set);
    }

    /**
     * How many rows and columns a terminal has.
     *
     * @param rows 0 if unknown
     * @param columns 0 if unknown
     */
    public record WindowSize(int rows, int columns) {}

    /**
     * A terminal's size.
     *
     * @throws ErrnoException ENOTTY if it is none
     */
    public static WindowSize windowSize(Fd fd) {
        ThreadMemory memory = ThreadMemory.current();
        long result = ioctl(fd, Linux.TIOCGWINSZ(), memory);
        if (result < 0) {
            throw ErrnoException.of("TIOCGWINSZ", fd.toString(), result);
        }
        return new WindowSize(
                Short.toUnsignedInt(memory.scratch().getShort(Linux.OFFSETOF_winsize_ws_row())),
                Short.toUnsignedInt(memory.scratch().getShort(Linux.OFFSETOF_winsize_ws_col())));
    }

    /** Changes a terminal's size; its foreground processes get SIGWINCH. */
    public static void setWindowSize(Fd fd, WindowSize size) {
        ThreadMemory memory = ThreadMemory.current();
        ByteBuffer winsize = memory.clearScratch(Linux.SIZEOF_winsize());
        winsize.putShort(Linux.OFFSETOF_winsize_ws_row(), (short) size.rows());
        winsize.putShort(Linux.OFFSETOF_winsize_ws_col(), (short) size.columns());
        long result = ioctl(fd, Linux.TIOCSWINSZ(), memory);
        if (result < 0) {
            throw ErrnoException.of("TIOCSWINSZ", fd.toString(), result);
        }
    }
}

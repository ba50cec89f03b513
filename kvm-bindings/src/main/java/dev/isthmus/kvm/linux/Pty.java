// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.kvm.linux;

import dev.isthmus.kvm.ffi.Syscall;
import dev.isthmus.kvm.ffi.ThreadMemory;
import dev.isthmus.kvm.generated.Linux;

/**
 * A pseudo-terminal: what is written to the {@link #master} is typed at the terminal {@link #peerPath} names.
 *
 * <p>Any thread.
 *
 * @see <a href="https://man7.org/linux/man-pages/man7/pty.7.html">pty(7)</a>
 */
public final class Pty implements AutoCloseable {
    private final Fd master;
    private final int number;

    private Pty(Fd master, int number) {
        this.master = master;
        this.number = number;
    }

    /**
     * A new one, whose terminal nobody has open yet. When the last who opened it closes it, the master reads an
     * end of stream until it is opened again; a descriptor of {@link #openPeer} that is kept open prevents that.
     */
    public static Pty open() {
        Fd master = HostFile.openFd("/dev/ptmx", HostFile.O_RDWR | Linux.O_NOCTTY(), 0);
        try {
            ThreadMemory memory = ThreadMemory.current();
            memory.scratch().putInt(0, 0);
            ioctl(master, "TIOCSPTLCK", Linux.TIOCSPTLCK(), memory.scratchAddress());
            ioctl(master, "TIOCGPTN", Linux.TIOCGPTN(), memory.scratchAddress());
            return new Pty(master, memory.scratch().getInt(0));
        } catch (ErrnoException e) {
            master.close();
            throw e;
        }
    }

    private static int ioctl(Fd fd, String name, long request, long argument) {
        long result = Syscall.call(Linux.__NR_ioctl(), fd.number(), request, argument);
        if (result < 0) {
            throw ErrnoException.of(name, "pty, " + fd, result);
        }
        return (int) result;
    }

    /** The master side, which this object keeps. */
    public Fd master() {
        return master;
    }

    /** The terminal's path. */
    public String peerPath() {
        return "/dev/pts/" + number;
    }

    /** Opens the terminal, without making it this process's own. */
    public Fd openPeer() {
        int flags = HostFile.O_RDWR | Linux.O_NOCTTY() | Linux.O_CLOEXEC();
        return Fd.owning(ioctl(master, "TIOCGPTPEER", Linux.TIOCGPTPEER(), flags));
    }

    /** Closes the master side; does nothing the second time. Who has the terminal open sees a hang-up. */
    @Override
    public void close() {
        master.close();
    }
}

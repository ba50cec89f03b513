// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.machine.serial;

import java.util.ArrayList;
import java.util.List;

import dev.isthmus.kvm.linux.ErrnoException;
import dev.isthmus.kvm.linux.Fd;
import dev.isthmus.kvm.linux.Termios;

/**
 * A terminal in raw mode, to be restored whatever happens.
 *
 * <p>Raw for input: every key reaches the guest, Ctrl-c too. Output keeps the terminal's processing, so that messages of
 * this program look right among the guest's.
 *
 * <p>A backend restores its terminal when it is closed. A program that may end without closing it (by a signal, by an
 * exception in its main thread) calls {@link #restoreAll} from a shutdown hook. Any thread.
 */
public final class RawTerminal implements AutoCloseable {
    /** Terminals to be restored. Guarded by itself. */
    private static final List<RawTerminal> RAW = new ArrayList<>();

    private final Fd fd;
    private final Termios before;

    private RawTerminal(Fd fd, Termios before) {
        this.fd = fd;
        this.before = before;
    }

    /**
     * Puts a terminal into raw mode.
     *
     * @param terminal stays the caller's; this object has a duplicate of its own
     * @throws ErrnoException if it is no terminal, or the descriptor can't be duplicated
     */
    static RawTerminal enter(Fd terminal) {
        Fd fd = terminal.duplicate();
        try {
            Termios before = Termios.get(fd);
            Termios raw = before.copy();
            raw.makeRaw();
            raw.processOutput();
            RawTerminal entered = new RawTerminal(fd, before);
            synchronized (RAW) {
                // Before the change: a shutdown hook in between restores what was not changed, which is harmless.
                RAW.add(entered);
                raw.setNow(fd);
            }
            return entered;
        } catch (ErrnoException e) {
            fd.close();
            throw e;
        }
    }

    /** Restores the terminal; idempotent. */
    @Override
    public void close() {
        synchronized (RAW) {
            if (RAW.remove(this)) {
                restore();
            }
        }
    }

    /** Restores all terminals that are raw. For shutdown hooks; idempotent. */
    public static void restoreAll() {
        synchronized (RAW) {
            for (RawTerminal terminal : RAW) {
                terminal.restore();
            }
            RAW.clear();
        }
    }

    private void restore() {
        try {
            // Not after pending output, which may be stopped for ever.
            before.setNow(fd);
        } catch (ErrnoException e) {
            // The terminal has gone, and its settings with it.
        } finally {
            fd.close();
        }
    }
}

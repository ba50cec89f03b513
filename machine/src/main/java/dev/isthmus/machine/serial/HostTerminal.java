// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.machine.serial;

import org.jspecify.annotations.Nullable;

import dev.isthmus.kvm.linux.ErrnoException;
import dev.isthmus.kvm.linux.Fd;
import dev.isthmus.kvm.linux.Termios;

/** What there is to know about the terminals that this process has. Any thread. */
public final class HostTerminal {
    private HostTerminal() {}

    /**
     * The size of a terminal's window.
     *
     * @param rows at least 1
     * @param columns at least 1
     */
    public record Size(int rows, int columns) {}

    /**
     * Tells whether a descriptor is a terminal.
     *
     * @param fd a descriptor of this process, open or not: 0, 1 or 2 for the standard streams
     */
    public static boolean isTerminal(int fd) {
        try (Fd duplicate = Fd.duplicateOf(fd)) {
            return Termios.isTerminal(duplicate);
        } catch (ErrnoException e) {
            return false;
        }
    }

    /** Returns the size of the terminal at standard output or else standard input; null where it is not known. */
    public static @Nullable Size size() {
        Size size = size(1);
        return size == null ? size(0) : size;
    }

    private static @Nullable Size size(int fd) {
        try (Fd duplicate = Fd.duplicateOf(fd)) {
            Termios.WindowSize size = Termios.windowSize(duplicate);
            return size.rows() > 0 && size.columns() > 0 ? new Size(size.rows(), size.columns()) : null;
        } catch (ErrnoException e) {
            return null;
        }
    }
}

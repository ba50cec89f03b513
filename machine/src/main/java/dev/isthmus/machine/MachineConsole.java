// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.machine;

/** The consoles and ports of a machine that lives. Any thread but the machine's own. */
public final class MachineConsole {
    private final Console console;

    MachineConsole(Console console) {
        this.console = console;
    }

    /** Returns what they were made from. */
    public ConsoleConfig config() {
        return console.config();
    }

    /**
     * Sets the size of a console, as of a terminal's window; the guest is told.
     *
     * @param port its number, from 0
     * @param columns 0 to 65535; 0 for unknown
     * @param rows likewise
     */
    public void resize(int port, int columns, int rows) {
        console.device().resize(port, columns, rows);
    }

    /**
     * Takes a port away from the guest, or gives it back; all are there at first.
     *
     * @param port its number, from 1: port 0 is always there
     * @throws IllegalStateException if the machine is closed
     */
    public void setPlugged(int port, boolean plugged) {
        console.setPlugged(port, plugged);
    }

    /**
     * Returns what a user connects to, such as the path of a pseudo-terminal or socket; empty where there is nothing to
     * connect to.
     *
     * @param port its number, from 0
     */
    public String peerName(int port) {
        return console.lines().get(port).peerName();
    }
}

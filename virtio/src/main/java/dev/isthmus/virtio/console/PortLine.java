// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.virtio.console;

import java.lang.foreign.MemorySegment;
import java.nio.charset.StandardCharsets;

import org.jspecify.annotations.Nullable;

/**
 * A port between its two ends; outlives drivers. Loop thread only.
 *
 * <p>What the driver was told is beside what is so, and a message is due where they differ (virtio 1.2, section 5.3.6.2).
 * So messages never queue up, however much changes while there is no buffer for them:
 *
 * <pre>
 *  driver:   unknown ──DEVICE_ADD──→ added ──PORT_READY 1──→ ready ──PORT_OPEN──→ ready and open
 *               ↑                      │                       │ CONSOLE_PORT, PORT_NAME, PORT_OPEN, RESIZE
 *               └────DEVICE_REMOVE─────┴───────────────────────┘
 * </pre>
 */
final class PortLine implements ConsoleBackend.Port {
    private static final int U16_MASK = 0xffff;

    /** Who is told of a change that a message is due for. */
    interface Changes {
        /** A message may be due. */
        void messageDue();
    }

    final int number;
    final ConsoleBackend backend;
    final boolean console;
    private final byte[] name;
    private final Changes changes;

    // What is so.
    private boolean plugged = true;
    private boolean hostOpen = true;
    private int size;

    // What the driver knows.
    private boolean added;
    private boolean ready;
    private boolean toldConsole;
    private boolean toldName;
    private boolean toldHostOpen;
    private int toldSize;

    private boolean guestOpen;

    /** The backend was told that there is no room, and is to be told when there is. */
    private boolean backendWaits;

    private @Nullable InputQueue input;
    private @Nullable OutputQueue output;

    /** Whether the queues are used: not once the device needs a reset. */
    private boolean usable;

    PortLine(int number, ConsolePort port, Changes changes) {
        this.number = number;
        this.backend = port.backend();
        this.console = port.console();
        this.name = port.name().getBytes(StandardCharsets.UTF_8);
        this.changes = changes;
    }

    // The driver's side.

    /** Begins with a driver that knows nothing of it, or of nothing else. */
    void start(boolean multiport) {
        usable = true;
        if (!multiport && number == 0) {
            guestOpened(true);
        }
    }

    void setInput(@Nullable InputQueue newInput) {
        input = newInput;
        roomCame();
    }

    void setOutput(@Nullable OutputQueue newOutput) {
        output = newOutput;
    }

    @Nullable OutputQueue output() {
        return output;
    }

    /** Forgets the driver. */
    void stop() {
        takeNoMore();
        input = null;
        output = null;
        added = false;
        notReady();
    }

    /** Leaves the queues alone from now on. */
    void takeNoMore() {
        usable = false;
    }

    private void notReady() {
        ready = false;
        toldConsole = false;
        toldName = false;
        toldHostOpen = false;
        toldSize = 0;
        guestOpened(false);
    }

    /** A driver that loses a port frees all that it has there: nothing of it may be held any more. */
    private void giveBack() {
        InputQueue receiver = input;
        if (receiver != null && usable) {
            receiver.giveBack();
        }
        OutputQueue sender = output;
        if (sender != null && usable) {
            sender.giveBack();
        }
    }

    /** There may be buffers for input, or somebody who reads it. */
    void roomCame() {
        InputQueue queue = input;
        if (backendWaits && guestOpen && usable && queue != null && queue.room() > 0) {
            backendWaits = false;
            backend.receiveReady();
        }
    }

    /** PORT_READY: whether the driver has set up the port; tells whether that was expected. */
    boolean driverIsReady(boolean success) {
        if (!added) {
            return false;
        }
        notReady();
        ready = success;
        return true;
    }

    /** PORT_OPEN: whether a program has it open; tells whether that was expected. */
    boolean driverHasOpened(boolean open) {
        if (!ready) {
            return false;
        }
        guestOpened(open);
        return true;
    }

    private void guestOpened(boolean open) {
        if (open != guestOpen) {
            guestOpen = open;
            backend.guestOpened(open);
            roomCame();
        }
    }

    /**
     * Writes the next message that is due.
     *
     * @return whether one is
     */
    boolean nextMessage(ControlMessage message) {
        if (added != plugged) {
            message.set(
                    number,
                    plugged
                            ? VirtioConsoleProtocol.VIRTIO_CONSOLE_DEVICE_ADD
                            : VirtioConsoleProtocol.VIRTIO_CONSOLE_DEVICE_REMOVE,
                    0);
            added = plugged;
            notReady();
            giveBack();
            return true;
        }
        if (!ready) {
            return false;
        }
        if (console && !toldConsole) {
            toldConsole = true;
            message.set(number, VirtioConsoleProtocol.VIRTIO_CONSOLE_CONSOLE_PORT, 1);
        } else if (name.length > 0 && !toldName) {
            toldName = true;
            message.set(number, VirtioConsoleProtocol.VIRTIO_CONSOLE_PORT_NAME, 1);
            message.append(name);
        } else if (toldHostOpen != hostOpen) {
            toldHostOpen = hostOpen;
            message.set(number, VirtioConsoleProtocol.VIRTIO_CONSOLE_PORT_OPEN, hostOpen ? 1 : 0);
        } else if (console && toldSize != size) {
            toldSize = size;
            message.set(number, VirtioConsoleProtocol.VIRTIO_CONSOLE_RESIZE, 0);
            message.appendU16(cols());
            message.appendU16(rows());
        } else {
            return false;
        }
        return true;
    }

    // The machine's side.

    void setPlugged(boolean newPlugged) {
        plugged = newPlugged;
        changes.messageDue();
    }

    /** Sets columns (high half) and rows. */
    void setSize(int newSize) {
        size = newSize;
        changes.messageDue();
    }

    int cols() {
        return size >>> Short.SIZE;
    }

    int rows() {
        return size & U16_MASK;
    }

    // The backend's side.

    @Override
    public int receiveRoom() {
        InputQueue queue = input;
        int room = guestOpen && usable && queue != null ? queue.room() : 0;
        if (room == 0) {
            if (queue != null && !backendWaits) {
                queue.noteNoRoom();
            }
            backendWaits = true;
        }
        return room;
    }

    @Override
    public void receive(MemorySegment source, long offset, int lengthBytes) {
        InputQueue queue = input;
        if (queue == null || !guestOpen || !usable) {
            throw new IllegalStateException("input without room");
        }
        queue.receive(source, offset, lengthBytes);
    }

    @Override
    public void transmitReady() {
        OutputQueue queue = output;
        if (queue != null && usable) {
            queue.goOn();
        }
    }

    @Override
    public void setHostOpen(boolean open) {
        hostOpen = open;
        changes.messageDue();
    }
}

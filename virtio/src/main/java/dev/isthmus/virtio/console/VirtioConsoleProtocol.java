// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.virtio.console;

/** Numbers of the console device, by the names of virtio 1.2, section 5.3. */
final class VirtioConsoleProtocol {
    private VirtioConsoleProtocol() {}

    // Queues (5.3.2).
    static final int QUEUE_PORT0_RECEIVE = 0;
    static final int QUEUE_PORT0_TRANSMIT = 1;
    static final int QUEUE_CONTROL_RECEIVE = 2;
    static final int QUEUE_CONTROL_TRANSMIT = 3;

    /** Without VIRTIO_CONSOLE_F_MULTIPORT. */
    static final int QUEUE_COUNT_SINGLE = 2;

    // Features (5.3.3).
    static final long VIRTIO_CONSOLE_F_SIZE = 1L;
    static final long VIRTIO_CONSOLE_F_MULTIPORT = 1L << 1;
    static final long VIRTIO_CONSOLE_F_EMERG_WRITE = 1L << 2;

    // struct virtio_console_config (5.3.4).
    static final int CONFIG_COLS = 0;
    static final int CONFIG_ROWS = 2;
    static final int CONFIG_MAX_NR_PORTS = 4;
    static final int CONFIG_EMERG_WR = 8;
    static final int CONFIG_BYTES = 12;

    // struct virtio_console_control (5.3.6.2): le32 id, le16 event, le16 value.
    static final int CONTROL_BYTES = 8;

    /** What a message about all ports, or none, has for an id. */
    static final long BAD_ID = 0xffff_ffffL;

    static final int VIRTIO_CONSOLE_DEVICE_READY = 0;
    static final int VIRTIO_CONSOLE_DEVICE_ADD = 1;
    static final int VIRTIO_CONSOLE_DEVICE_REMOVE = 2;
    static final int VIRTIO_CONSOLE_PORT_READY = 3;
    static final int VIRTIO_CONSOLE_CONSOLE_PORT = 4;
    static final int VIRTIO_CONSOLE_RESIZE = 5;
    static final int VIRTIO_CONSOLE_PORT_OPEN = 6;
    static final int VIRTIO_CONSOLE_PORT_NAME = 7;

    /** Size of struct virtio_console_resize: le16 cols, le16 rows. */
    static final int RESIZE_BYTES = 4;

    /** Returns the index of a port's receive queue; the transmit queue is the next. */
    static int receiveQueue(int port) {
        return port == 0 ? QUEUE_PORT0_RECEIVE : 2 * port + 2;
    }

    /** Returns the port of a queue that is not of control. */
    static int portOf(int queueIndex) {
        return queueIndex <= QUEUE_PORT0_TRANSMIT ? 0 : queueIndex / 2 - 1;
    }
}

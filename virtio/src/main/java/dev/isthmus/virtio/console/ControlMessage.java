// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.virtio.console;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;

import dev.isthmus.virtio.queue.ChainReader;
import dev.isthmus.virtio.queue.ChainWriter;

/**
 * A message of the control queues, struct virtio_console_control (virtio 1.2, section 5.3.6.2), with what follows it. Owned
 * by one thread; allocates nothing.
 *
 * <pre>
 *  +0  le32  id      +4  le16  event      +6  le16  value      +8  a name, or le16 cols, le16 rows
 * </pre>
 */
final class ControlMessage {
    private static final int ID = 0;
    private static final int EVENT = 4;
    private static final int VALUE = 6;
    private static final int BYTES_MAX = 256;

    private final byte[] bytes = new byte[BYTES_MAX];
    private final ByteBuffer fields = ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN);
    private int lengthBytes;

    /** Begins a message of the device's. */
    void set(int id, int event, int value) {
        fields.putInt(ID, id);
        fields.putShort(EVENT, (short) event);
        fields.putShort(VALUE, (short) value);
        lengthBytes = VirtioConsoleProtocol.CONTROL_BYTES;
    }

    void append(byte[] more) {
        System.arraycopy(more, 0, bytes, lengthBytes, more.length);
        lengthBytes += more.length;
    }

    void appendU16(int value) {
        fields.putShort(lengthBytes, (short) value);
        lengthBytes += Short.BYTES;
    }

    int lengthBytes() {
        return lengthBytes;
    }

    /** Writes it to a buffer that has the room. */
    void write(ChainWriter writer) {
        writer.write(bytes, 0, lengthBytes);
    }

    /** Reads a message of the driver's, which has {@link VirtioConsoleProtocol#CONTROL_BYTES} bytes at least. */
    void read(ChainReader reader) {
        lengthBytes = VirtioConsoleProtocol.CONTROL_BYTES;
        reader.read(bytes, 0, lengthBytes);
    }

    long id() {
        return Integer.toUnsignedLong(fields.getInt(ID));
    }

    int event() {
        return Short.toUnsignedInt(fields.getShort(EVENT));
    }

    int value() {
        return Short.toUnsignedInt(fields.getShort(VALUE));
    }
}

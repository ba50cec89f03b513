// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.machine.serial;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/**
 * Input whose end the guest is told of, though a serial line has none: with ASCII's data link escape, as the demo guest's
 * init understands it ({@code isthmus.tty=pipe} in {@code images/README.md}).
 *
 * <pre>
 *  DLE DLE   the byte 0x10
 *  DLE EOT   the end; nothing follows
 *  other     itself
 * </pre>
 *
 * <p>Loop thread only.
 */
final class FramedInput extends PortUser {
    static final byte DLE = 0x10;
    static final byte EOT = 0x04;

    /** The longest that a byte becomes, and the end. */
    private static final int ESCAPED_BYTES = 2;

    private final SerialPort port;
    private final TypeAhead typeAhead;

    /**
     * Makes the user of a stream.
     *
     * @param typeAhead where input waits for the port; whoever owns it flushes it when the port has room again
     */
    FramedInput(SerialPort port, TypeAhead typeAhead) {
        super(port);
        this.port = port;
        this.typeAhead = typeAhead;
    }

    @Override
    public int receiveRoom() {
        // Every byte may be a DLE, and the end is still to fit.
        return Math.max(0, typeAhead.room() / ESCAPED_BYTES - 1);
    }

    @Override
    public void received(MemorySegment bytes) {
        for (long i = 0; i < bytes.byteSize(); i++) {
            byte value = bytes.get(ValueLayout.JAVA_BYTE, i);
            if (value == DLE) {
                typeAhead.put(DLE);
            }
            typeAhead.put(value);
        }
        typeAhead.flush(port);
    }

    @Override
    public void endOfInput() {
        typeAhead.put(DLE);
        typeAhead.put(EOT);
        typeAhead.flush(port);
    }
}

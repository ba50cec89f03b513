// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.machine.serial;

import dev.isthmus.device.BusDevice;

/**
 * A port by which the guest says how much serial input it can take. Until it first says so after power-on or a reset, no
 * input reaches the serial port: a Linux console that nobody has set up would echo it, edit it as typed text and drop
 * what goes beyond a line. Our own device; no other machine has it.
 *
 * <pre>
 *  offset 0, 1 byte   write: 0        all input, from now on
 *                            1 to 255 so many times 16 characters, beside those that were allowed before
 *                     read:  0
 * </pre>
 *
 * <p>Counting is for guests whose driver has no flow control: input that was allowed and has not been read yet is never
 * more than the guest has said. Input that may not arrive yet waits on the host, where whoever sends it waits too.
 *
 * <p>Role VCPU. No state, which is the serial port's; so no lock, and nothing to reset.
 */
public final class SerialGate implements BusDevice {
    /** Number of ports. */
    public static final int LENGTH_BYTES = 1;

    /** Written: there is no limit any more. */
    static final int ALL = 0;

    /** What a written number counts: as many characters as the 16550's FIFO holds. */
    static final int UNIT_CHARACTERS = ReceiveQueue.FIFO_CHARACTERS;

    private static final int VALUE_MASK = 0xff;

    private final Uart16550 uart;

    /** Makes the gate of a serial port, which is to wait for it ({@link Uart16550#gateInput}). */
    public SerialGate(Uart16550 uart) {
        this.uart = uart;
    }

    @Override
    public long read(long offset, int sizeBytes) {
        return 0;
    }

    @Override
    public void write(long offset, int sizeBytes, long value) {
        int units = (int) value & VALUE_MASK;
        if (units == ALL) {
            uart.allowAllInput();
        } else {
            uart.allowInput(units * UNIT_CHARACTERS);
        }
    }
}

// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.machine.platform;

import dev.isthmus.device.BusDevice;

/**
 * QEMU's isa-debug-exit: a write ends the VM and its value becomes part of the exit status, {@code value << 1 | 1}.
 *
 * <p>Any width; the value is taken from the bytes of the access. Reads give 0. No state, so no lock and nothing to
 * reset.
 */
public final class DebugExit implements BusDevice {
    /** Number of ports: 4, as users give QEMU's device with {@code iosize=0x04}. */
    public static final int LENGTH_BYTES = 4;

    private final MachineControl control;

    /** Makes the device of a machine. */
    public DebugExit(MachineControl control) {
        this.control = control;
    }

    @Override
    public long read(long offset, int sizeBytes) {
        return 0;
    }

    @Override
    public void write(long offset, int sizeBytes, long value) {
        int bits = Math.min(sizeBytes, Integer.BYTES) * Byte.SIZE;
        control.debugExit((int) (value & ((1L << bits) - 1)));
    }

    /** Does nothing: the device has no state. */
    public void reset() {}
}

// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.machine.platform;

import dev.isthmus.device.BusDevice;

/**
 * QEMU's pvpanic device: one port by which a panicking kernel tells the host (QEMU docs/specs/pvpanic.rst).
 *
 * <pre>
 *  offset 0, 1 byte   read: the events that the device knows; write: the events that happened
 *    bit 0  PVPANIC_PANICKED      the guest panicked; the host should take it from here
 *    bit 1  PVPANIC_CRASH_LOADED  the guest panicked and its crash kernel takes it from here
 * </pre>
 *
 * <p>No state, so no lock and nothing to reset.
 */
public final class PvPanic implements BusDevice {
    /** Number of ports. */
    public static final int LENGTH_BYTES = 1;

    static final int PVPANIC_PANICKED = 1;
    static final int PVPANIC_CRASH_LOADED = 1 << 1;

    private final MachineControl control;

    /** Makes the device of a machine. */
    public PvPanic(MachineControl control) {
        this.control = control;
    }

    @Override
    public long read(long offset, int sizeBytes) {
        return PVPANIC_PANICKED | PVPANIC_CRASH_LOADED;
    }

    @Override
    public void write(long offset, int sizeBytes, long value) {
        // As QEMU: a panic for the host outweighs one that the guest handles; unknown events are nobody's.
        if ((value & PVPANIC_PANICKED) != 0) {
            control.panicked(false);
        } else if ((value & PVPANIC_CRASH_LOADED) != 0) {
            control.panicked(true);
        }
    }

    /** Does nothing: the device has no state. */
    public void reset() {}
}

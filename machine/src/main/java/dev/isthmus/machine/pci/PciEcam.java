// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.machine.pci;

import org.jspecify.annotations.Nullable;

import dev.isthmus.device.BusDevice;
import dev.isthmus.machine.MachineLayout;

/**
 * The enhanced configuration access mechanism (PCI Express 5.0, section 7.2.2): configuration space as memory.
 *
 * <pre>
 *  offset  27..20 bus (0 here)   19..15 device   14..12 function   11..0 register
 * </pre>
 */
public final class PciEcam implements BusDevice {
    /** Size of a bus: 32 devices of 8 functions of 4 KiB. */
    public static final int LENGTH_BYTES = 1 << 20;

    private static final int DEVICE_SHIFT = 15;
    private static final int FUNCTION_SHIFT = 12;
    private static final int FUNCTIONS = 8;

    private final PciBus bus;

    /** Gives access to a bus. */
    public PciEcam(PciBus bus) {
        this.bus = bus;
    }

    @Override
    public long read(long offset, int sizeBytes) {
        PciFunction function = function(offset);
        return function == null ? -1L : function.readConfig(offset % PciConfigSpace.LENGTH_BYTES, sizeBytes);
    }

    @Override
    public void write(long offset, int sizeBytes, long value) {
        PciFunction function = function(offset);
        if (function != null) {
            function.writeConfig(offset % PciConfigSpace.LENGTH_BYTES, sizeBytes, value);
        }
    }

    private @Nullable PciFunction function(long offset) {
        boolean first = (offset >> FUNCTION_SHIFT) % FUNCTIONS == 0;
        return first ? bus.function((int) (offset >> DEVICE_SHIFT) % MachineLayout.PCI_DEVICES_MAX) : null;
    }
}

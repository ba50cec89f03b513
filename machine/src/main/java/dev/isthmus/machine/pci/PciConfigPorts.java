// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.machine.pci;

import dev.isthmus.device.BusDevice;

/**
 * Configuration mechanism #1 (PCI 3.0, section 3.2.2.3.2): CONFIG_ADDRESS at ports 0xcf8 to 0xcfb, written whole, and
 * CONFIG_DATA at 0xcfc to 0xcff. Reaches the first 256 bytes of a function.
 *
 * <pre>
 *  CONFIG_ADDRESS  31 enable   23..16 bus   15..11 device   10..8 function   7..2 register
 * </pre>
 *
 * <p>Address and data are two accesses, so CPUs that use them at the same time keep a lock among themselves.
 */
public final class PciConfigPorts implements BusDevice {
    /** First port. */
    public static final int PORT = 0xcf8;

    /** Number of ports. */
    public static final int LENGTH_BYTES = 8;

    private static final int DATA = 4;
    private static final int ENABLE = 1 << 31;
    private static final int WRITABLE = ENABLE | 0xff_fffc;

    private final PciBus bus;
    private volatile int address;

    /** Gives access to a bus. */
    public PciConfigPorts(PciBus bus) {
        this.bus = bus;
    }

    /** Takes the state after power-on. */
    public void reset() {
        address = 0;
    }

    @Override
    public long read(long offset, int sizeBytes) {
        if (offset < DATA) {
            return offset == 0 && sizeBytes == Integer.BYTES ? Integer.toUnsignedLong(address) : -1L;
        }
        int selected = address;
        PciFunction function = isFunction(selected) ? bus.function(selected >> 11 & 0x1f) : null;
        return function == null ? -1L : function.readConfig((selected & 0xfc) + offset - DATA, sizeBytes);
    }

    @Override
    public void write(long offset, int sizeBytes, long value) {
        if (offset < DATA) {
            if (offset == 0 && sizeBytes == Integer.BYTES) {
                address = (int) value & WRITABLE;
            }
            return;
        }
        int selected = address;
        PciFunction function = isFunction(selected) ? bus.function(selected >> 11 & 0x1f) : null;
        if (function != null) {
            function.writeConfig((selected & 0xfc) + offset - DATA, sizeBytes, value);
        }
    }

    /** Tells whether an address is that of a function 0 on bus 0. */
    private static boolean isFunction(int selected) {
        return (selected & ENABLE) != 0 && (selected & 0xff_0000) == 0 && (selected & 0x700) == 0;
    }
}

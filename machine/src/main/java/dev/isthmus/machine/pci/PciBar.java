// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.machine.pci;

import dev.isthmus.device.BusDevice;

/**
 * A memory BAR of a function: how much address space it takes and who answers there. Always 64 bits wide and not
 * prefetchable, so two of the six registers.
 *
 * @param register number of its first register, 0 to 4
 * @param lengthBytes a power of 2, at least 16
 * @param device who answers, at offsets within the BAR
 * @param listener is told where it is
 */
public record PciBar(int register, long lengthBytes, BusDevice device, Listener listener) {
    /** Attribute bits of the register: memory, 64 bits wide (PCI 3.0, section 6.2.5.1). */
    static final int TYPE_MEMORY_64 = 1 << 2;

    /** Told when the BAR begins and ceases to answer. One call at a time, on the thread that writes the registers or resets the machine. */
    public interface Listener {
        /** The BAR answers at an address from now on. */
        void mapped(long gpa);

        /** The BAR no longer answers where it did. */
        void unmapped();
    }

    /** Checks the ranges. */
    public PciBar {
        if (register < 0
                || register > PciConfigSpace.BARS - 2
                || lengthBytes < 16
                || Long.bitCount(lengthBytes) != 1) {
            throw new IllegalArgumentException("PCI BAR");
        }
    }

    /** Returns where in configuration space its first register is. */
    int configOffset() {
        return PciConfigSpace.BAR0 + register * Integer.BYTES;
    }
}

// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.device;

/**
 * What answers accesses to a range of MMIO or port I/O addresses.
 *
 * <p>Called by vCPU threads, several at once; a device with state takes its own lock and never holds it across a
 * call out. Offsets are within the device's range and an access lies wholly within it: the bus checks both. Values
 * come from a hostile guest. No exception leaves a device for anything that the guest does.
 */
public interface BusDevice {
    /**
     * Reads a register.
     *
     * @param offset bytes from the start of the device's range
     * @param sizeBytes width of the access: 1, 2, 4 or 8 for MMIO (KVM may also deliver 3, 5, 6 or 7 where an access was
     *     split); 1, 2 or 4 for ports
     * @return the value, zero-extended; bits above the width are ignored
     */
    long read(long offset, int sizeBytes);

    /**
     * Writes a register.
     *
     * @param offset bytes from the start of the device's range
     * @param sizeBytes width of the access, as for {@link #read}
     * @param value the value, zero-extended
     */
    void write(long offset, int sizeBytes, long value);
}

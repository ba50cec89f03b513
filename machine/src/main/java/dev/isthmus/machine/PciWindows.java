// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.machine;

/**
 * The guest physical addresses that BARs can have: a window below 4 GiB at {@link MachineLayout#PCI_MMIO32_GPA}, and one
 * above all RAM.
 *
 * @param gpa64 start of the window above RAM
 * @param length64Bytes its size, 0 for none
 */
public record PciWindows(long gpa64, long length64Bytes) {
    /** Size and alignment of the window above RAM. */
    private static final long LENGTH_64_BYTES = 16L << 30;

    /**
     * Computes the windows of a machine.
     *
     * @param ramEndGpa end of RAM
     * @param addressBits physical address bits of the CPU
     */
    public static PciWindows of(long ramEndGpa, int addressBits) {
        long start = Math.max(ramEndGpa, MachineLayout.HIGH_RAM_GPA);
        start = (start + LENGTH_64_BYTES - 1) & -LENGTH_64_BYTES;
        boolean fits = addressBits < Long.SIZE - 1 && start + LENGTH_64_BYTES <= 1L << addressBits;
        return fits ? new PciWindows(start, LENGTH_64_BYTES) : new PciWindows(0, 0);
    }

    /** Tells whether a range is wholly in one of the windows. */
    public boolean contains(long gpa, long lengthBytes) {
        return within(gpa, lengthBytes, MachineLayout.PCI_MMIO32_GPA, MachineLayout.PCI_MMIO32_LENGTH_BYTES)
                || within(gpa, lengthBytes, gpa64, length64Bytes);
    }

    private static boolean within(long gpa, long lengthBytes, long windowGpa, long windowBytes) {
        return gpa >= windowGpa && lengthBytes <= windowBytes && gpa - windowGpa <= windowBytes - lengthBytes;
    }
}

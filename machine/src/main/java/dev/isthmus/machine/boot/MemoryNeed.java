// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.machine.boot;

import dev.isthmus.machine.MachineLayout;
import dev.isthmus.machine.VmException;

/** Says how much memory a file needs where it does not fit. */
final class MemoryNeed {
    private static final long MIB = 1 << 20;

    private MemoryNeed() {}

    /**
     * Checks that a kernel fits into RAM.
     *
     * @param file the file's name
     * @param startGpa first address taken
     * @param endGpa end of what is taken, exclusive; not below {@code startGpa}
     * @param ramEndGpa end of the RAM from address 0, exclusive
     * @throws VmException.Configuration if it does not fit
     */
    static void check(String file, long startGpa, long endGpa, long ramEndGpa) {
        if (endGpa <= ramEndGpa) {
            return;
        }
        if (endGpa > MachineLayout.LOW_RAM_END_GPA) {
            throw new VmException.Configuration(
                    file + ": the kernel wants addresses 0x" + Long.toHexString(startGpa) + " to 0x"
                            + Long.toHexString(endGpa) + ", beyond the RAM below 3 GiB that a kernel can be loaded to",
                    "Link the kernel at a lower physical address.");
        }
        throw tooLittle(file + ": the kernel", endGpa);
    }

    /** Says that something needs RAM up to an address. */
    static VmException.Configuration tooLittle(String what, long endGpa) {
        long mebibytes = (endGpa + MIB - 1) / MIB;
        return new VmException.Configuration(
                what + " needs at least " + mebibytes + " MiB of memory", "Give the VM more memory.");
    }
}

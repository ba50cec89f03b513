// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.machine.boot;

import dev.isthmus.machine.MachineLayout;
import dev.isthmus.machine.VmException;

/** Finds the place of the initrd: as high as it can be, so that the kernel has free memory above itself. */
final class InitrdPlacement {
    private static final long PAGE_BYTES = 4096;

    private InitrdPlacement() {}

    /**
     * Returns the initrd's guest physical address, a multiple of 4096.
     *
     * @param kernelEndGpa end of what the kernel takes, exclusive
     * @param limitGpa where the initrd has to end at the latest, exclusive; at most {@code ramEndGpa}
     * @param ramEndGpa end of RAM, exclusive
     * @throws VmException.Configuration if there is no room
     */
    static long find(KernelFile initrd, long kernelEndGpa, long limitGpa, long ramEndGpa) {
        long sizeBytes = initrd.sizeBytes();
        long lowestGpa = (kernelEndGpa + PAGE_BYTES - 1) & -PAGE_BYTES;
        long roomBytes = limitGpa - lowestGpa;
        if (sizeBytes <= roomBytes) {
            long gpa = (limitGpa - sizeBytes) & -PAGE_BYTES;
            if (gpa >= lowestGpa) {
                return gpa;
            }
        }
        // Only more RAM below the hole helps, and only where it is RAM that limits.
        if (limitGpa == ramEndGpa && sizeBytes <= MachineLayout.LOW_RAM_END_GPA - lowestGpa - PAGE_BYTES) {
            throw MemoryNeed.tooLittle(
                    initrd.name() + ": the initrd of " + sizeBytes + " bytes, above the kernel,",
                    lowestGpa + sizeBytes + PAGE_BYTES);
        }
        throw new VmException.Configuration(
                initrd.name() + ": the initrd of " + sizeBytes + " bytes is too large for this kernel, which leaves "
                        + Math.max(0, roomBytes) + " bytes for it",
                "Use a smaller initrd, or put the root file system on a disk.");
    }
}

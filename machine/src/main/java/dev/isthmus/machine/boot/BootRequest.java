// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.machine.boot;

import org.jspecify.annotations.Nullable;

import dev.isthmus.machine.MachineLayout;
import dev.isthmus.memory.GuestMemory;
import dev.isthmus.memory.MemoryRegion;

/**
 * What a kernel is to be placed into and given.
 *
 * @param memory the guest's RAM
 * @param commandLine the kernel's command line
 * @param acpiRsdpGpa guest physical address of the RSDP, 0 for a machine without ACPI
 * @param initrd the initial RAM disk, or null for none
 */
record BootRequest(GuestMemory memory, String commandLine, long acpiRsdpGpa, @Nullable KernelFile initrd) {
    /**
     * Returns the end of the RAM that starts at address 0, exclusive: where everything that the boot protocols
     * speak of has to lie, as the entry state reaches no further.
     */
    long lowRamEndGpa() {
        MemoryRegion low = memory.find(0, 1);
        if (low == null) {
            throw new IllegalStateException("No RAM at guest physical address 0");
        }
        return Math.min(low.startGpa() + low.lengthBytes(), MachineLayout.LOW_RAM_END_GPA);
    }
}

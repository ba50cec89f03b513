// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.machine.acpi;

import org.jspecify.annotations.Nullable;

import dev.isthmus.machine.MachineLayout;
import dev.isthmus.machine.PciWindows;

/**
 * What the machine is made of, as far as the ACPI tables tell the guest. Addresses and interrupts are those of
 * {@link MachineLayout}.
 *
 * @param cpus virtual CPUs, at least 1; their APIC ids are 0 to {@code cpus} - 1
 * @param virtioMmioDevices virtio-mmio transports in use, the first ones; 0 to {@link MachineLayout#VIRTIO_MMIO_MAX}
 * @param pci the windows of the PCI host bridge, or null for a machine without
 * @param serial COM1 is there
 * @param powerButton the power button and the generic event device that reports it are there
 * @param pvpanic the pvpanic port is there
 * @param rtc the CMOS real-time clock is there
 * @param keyboardController an 8042 with a keyboard behind it is there. False for one that only resets the machine:
 *     guests would spend a second on looking for its keyboard, and those that reset through it do so unasked
 */
public record PlatformDescription(
        int cpus,
        int virtioMmioDevices,
        @Nullable PciWindows pci,
        boolean serial,
        boolean powerButton,
        boolean pvpanic,
        boolean rtc,
        boolean keyboardController) {

    /**
     * Checks the ranges.
     *
     * @throws IllegalArgumentException if there is no CPU or a number is out of range
     */
    public PlatformDescription {
        if (cpus < 1 || virtioMmioDevices < 0 || virtioMmioDevices > MachineLayout.VIRTIO_MMIO_MAX) {
            throw new IllegalArgumentException("No such machine");
        }
    }

    /** Returns the machine with everything it usually has. */
    public static PlatformDescription standard(int cpus, int virtioMmioDevices, @Nullable PciWindows pci) {
        return new PlatformDescription(cpus, virtioMmioDevices, pci, true, true, true, true, false);
    }
}

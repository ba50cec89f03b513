// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.machine;

/** How a machine's guest finds and drives its virtio devices. */
public enum VirtioTransport {
    /** As functions of a PCI Express bus, where drivers look everywhere. */
    PCI,

    /** As registers at fixed addresses, as on QEMU's microvm: faster to boot, and found only by ACPI or command line. */
    MMIO;

    /** Returns the most devices that a machine has room for. */
    public int maxDevices() {
        // Device 0 of the PCI bus is the host bridge.
        return this == PCI ? MachineLayout.PCI_DEVICES_MAX - 1 : MachineLayout.VIRTIO_MMIO_MAX;
    }
}

// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.testing.machine;

import java.util.ArrayList;
import java.util.List;

import dev.isthmus.device.BusDevice;
import dev.isthmus.machine.MachineLayout;
import dev.isthmus.machine.PciWindows;
import dev.isthmus.machine.bus.Bus;
import dev.isthmus.machine.pci.PciConfigPorts;
import dev.isthmus.machine.pci.PciHost;
import dev.isthmus.testing.virtio.PciDriver;

/** What an operating system does with a PCI bus: looks into configuration space, turns functions on, drives them. */
public final class PciGuest {
    private static final int COMMAND = 0x04;
    private static final int COMMAND_MEMORY_MASTER = 6;
    private static final int BAR0 = 0x10;
    private static final int CAPABILITIES_POINTER = 0x34;
    private static final int CAP_ID_VENDOR = 0x09;
    private static final int CAP_ID_MSIX = 0x11;
    private static final int MSIX_ENABLE = 0x8000;
    private static final int MSIX_ENTRY_BYTES = 16;

    private final Bus mmio;
    private final Bus ports;

    /** Makes the address spaces of a machine that has only a PCI bus. */
    public PciGuest(PciHost host) {
        PciWindows windows = host.windows();
        Bus.Builder builder = new Bus.Builder()
                .add("ECAM", MachineLayout.PCI_ECAM_GPA, MachineLayout.PCI_ECAM_LENGTH_BYTES, host.ecam())
                .add(
                        "low",
                        MachineLayout.PCI_MMIO32_GPA,
                        MachineLayout.PCI_MMIO32_LENGTH_BYTES,
                        host.window(MachineLayout.PCI_MMIO32_GPA));
        if (windows.length64Bytes() != 0) {
            builder.add("high", windows.gpa64(), windows.length64Bytes(), host.window(windows.gpa64()));
        }
        mmio = builder.build();
        ports = new Bus.Builder()
                .add("configuration", PciConfigPorts.PORT, PciConfigPorts.LENGTH_BYTES, host.ports())
                .build();
    }

    /** Returns the MMIO addresses. */
    public Bus mmio() {
        return mmio;
    }

    /** Returns the I/O ports. */
    public Bus ports() {
        return ports;
    }

    /** Reads configuration space. */
    public long read(int device, int register, int sizeBytes) {
        return mmio.read(ecam(device, register), sizeBytes);
    }

    /** Writes configuration space. */
    public void write(int device, int register, int sizeBytes, long value) {
        mmio.write(ecam(device, register), sizeBytes, value);
    }

    private static long ecam(int device, int register) {
        return MachineLayout.PCI_ECAM_GPA + ((long) device << 15) + register;
    }

    /** Has a device answer to memory accesses and access memory itself. */
    public void enable(int device) {
        write(device, COMMAND, 2, COMMAND_MEMORY_MASTER);
    }

    /** Has a device do neither. */
    public void disable(int device) {
        write(device, COMMAND, 2, 0);
    }

    /** Returns the address in a device's first BAR. */
    public long bar(int device) {
        return read(device, BAR0, 8) & -16L;
    }

    /** Changes the address of a device's first BAR. */
    public void setBar(int device, long gpa) {
        write(device, BAR0, 4, gpa & 0xffff_ffffL);
        write(device, BAR0 + 4, 4, gpa >>> 32);
    }

    /** Returns where the capabilities of an id are, in the order of the list. */
    public List<Integer> capabilities(int device, int id) {
        List<Integer> found = new ArrayList<>();
        int offset = (int) read(device, CAPABILITIES_POINTER, 1);
        while (offset != 0) {
            if (read(device, offset, 1) == id) {
                found.add(offset);
            }
            offset = (int) read(device, offset + 1, 1);
        }
        return found;
    }

    /** Makes a driver for a virtio device, whose BAR is where it is now. */
    public PciDriver driver(int device, boolean msix) {
        List<byte[]> vendor = new ArrayList<>();
        for (int offset : capabilities(device, CAP_ID_VENDOR)) {
            byte[] bytes = new byte[(int) read(device, offset + 2, 1)];
            for (int i = 0; i < bytes.length; i++) {
                bytes[i] = (byte) read(device, offset + i, 1);
            }
            vendor.add(bytes);
        }
        return new PciDriver(new At(bar(device)), vendor, msix);
    }

    /** Enables MSI-X and points a vector of it at the local APIC of CPU 0. */
    public void enableMsix(int device, int vector, int data) {
        int capability = capabilities(device, CAP_ID_MSIX).getFirst();
        long table = read(device, capability + 4, 4);
        write(device, capability + 2, 2, MSIX_ENABLE);
        long entry = bar(device) + (table & -8) + (long) vector * MSIX_ENTRY_BYTES;
        mmio.write(entry, 4, MachineLayout.LAPIC_GPA);
        mmio.write(entry + 4, 4, 0);
        mmio.write(entry + 8, 4, data);
        mmio.write(entry + 12, 4, 0);
    }

    /** Accesses relative to an address. */
    private final class At implements BusDevice {
        private final long gpa;

        At(long gpa) {
            this.gpa = gpa;
        }

        @Override
        public long read(long offset, int sizeBytes) {
            return mmio.read(gpa + offset, sizeBytes);
        }

        @Override
        public void write(long offset, int sizeBytes, long value) {
            mmio.write(gpa + offset, sizeBytes, value);
        }
    }
}

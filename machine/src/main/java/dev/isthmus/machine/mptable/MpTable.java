// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.machine.mptable;

import dev.isthmus.machine.MachineLayout;
import dev.isthmus.memory.GuestMemory;

/**
 * The MP floating pointer and configuration table (Intel MultiProcessor Specification 1.4, chapter 4), by which kernels
 * without ACPI find processors and interrupts.
 *
 * <p>All 24 pins of the IOAPIC are told as interrupts 0 to 23 of an ISA bus, those beyond 15 too: edge-triggered, active
 * high, GSI n at pin n. So a kernel can be given {@code virtio_mmio.device=512@0xfeb00000:16} on its command line. On a
 * machine with PCI, the pins of its interrupt lines are told as such instead: INTA of each device, level-triggered, active
 * low (appendix D.3).
 *
 * <p>The table knows 8-bit APIC ids and needs one for the IOAPIC, so it lists the first {@link #MAX_CPUS} processors
 * and no more: a guest with more needs ACPI to find the others. It follows its pointer in the EBDA where there is room,
 * that is, up to 37 processors; beyond that it lies at {@link MachineLayout#MP_CONFIG_GPA}.
 *
 * <pre>
 *  EBDA  floating pointer, 16 bytes ──→ header, 44 bytes
 *                                       processors, 20 bytes each
 *                                       buses, IOAPIC, interrupts, 2 local interrupts: 8 bytes each
 * </pre>
 */
public final class MpTable {
    /** Processors that fit: the ids below the one that means all, but for the last of them, the IOAPIC's. */
    public static final int MAX_CPUS = MachineLayout.XAPIC_BROADCAST_ID - 1;

    private static final int SPECIFICATION_REVISION_1_4 = 4;

    // Floating pointer, section 4.1.

    private static final int FLOATING_POINTER_LENGTH_BYTES = 16;
    private static final int FLOATING_POINTER_CHECKSUM_OFFSET = 10;
    private static final int PARAGRAPH_BYTES = 16;

    // Configuration table header, section 4.2.

    private static final int HEADER_LENGTH_BYTES = 44;
    private static final int HEADER_CHECKSUM_OFFSET = 7;
    private static final String OEM_ID = "ISTHMUS ";
    private static final String PRODUCT_ID = "MACHINE     ";

    // Entries, section 4.3.

    private static final int PROCESSOR = 0;
    private static final int BUS = 1;
    private static final int IOAPIC = 2;
    private static final int IO_INTERRUPT = 3;
    private static final int LOCAL_INTERRUPT = 4;

    private static final int PROCESSOR_LENGTH_BYTES = 20;
    private static final int OTHER_LENGTH_BYTES = 8;

    private static final int CPU_ENABLED = 1;
    private static final int CPU_BOOTSTRAP = 1 << 1;

    /** The version of integrated local APICs; KVM's, too. */
    private static final int LAPIC_VERSION = 0x14;

    /** Family 6: kernels only print it. */
    private static final int CPU_SIGNATURE = 0x600;

    /** Feature flags as CPUID gives them: FPU and APIC. Kernels ask CPUID itself for the rest. */
    private static final int CPU_FEATURES = 1 | 1 << 9;

    private static final int ISA_BUS_ID = 0;

    /** Systems take it for the number of the bus. */
    private static final int PCI_BUS_ID = 0;

    private static final int ISA_BUS_ID_WITH_PCI = 1;

    /** Where the number of the device begins in the source of a PCI interrupt; below it is the pin, 0 for INTA. */
    private static final int PCI_DEVICE_SHIFT = 2;

    /** The version of the 82093AA; KVM's, too. */
    private static final int IOAPIC_VERSION = 0x11;

    private static final int IOAPIC_ENABLED = 1;

    private static final int INTERRUPT_INT = 0;
    private static final int INTERRUPT_NMI = 1;
    private static final int INTERRUPT_EXTINT = 3;

    /** Polarity and trigger mode as on the bus, active high and edge for ISA. */
    private static final int CONFORMS_TO_BUS = 0;

    private static final int LOW_LEVEL = 3 | 3 << 2;

    private MpTable() {}

    /**
     * Writes the floating pointer at {@link MachineLayout#EBDA_GPA} and the configuration table.
     *
     * @param memory must have RAM there and at {@link MachineLayout#MP_CONFIG_GPA}
     * @param cpus virtual CPUs, at least 1; their APIC ids are 0 to {@code cpus} - 1. Those beyond {@link #MAX_CPUS}
     *     are left out
     * @param pciDevices devices on the PCI bus beside its host bridge, the first ones; 0 for a machine without PCI
     */
    public static void write(GuestMemory memory, int cpus, int pciDevices) {
        byte[] table = configurationTable(Math.min(cpus, MAX_CPUS), pciDevices);
        long tableGpa = MachineLayout.EBDA_GPA + FLOATING_POINTER_LENGTH_BYTES;
        if (table.length > MachineLayout.EBDA_LENGTH_BYTES - FLOATING_POINTER_LENGTH_BYTES) {
            tableGpa = MachineLayout.MP_CONFIG_GPA;
        }
        memory.write(tableGpa, table, 0, table.length);
        byte[] pointer = floatingPointer(tableGpa);
        memory.write(MachineLayout.EBDA_GPA, pointer, 0, pointer.length);
    }

    private static byte[] floatingPointer(long tableGpa) {
        Cursor out = new Cursor(FLOATING_POINTER_LENGTH_BYTES);
        out.ascii("_MP_")
                .u32(tableGpa)
                .u8(FLOATING_POINTER_LENGTH_BYTES / PARAGRAPH_BYTES)
                .u8(SPECIFICATION_REVISION_1_4)
                .u8(0) // checksum
                .u8(0) // feature byte 1: there is a configuration table
                .u32(0); // feature byte 2: no IMCR, virtual wire mode
        return out.finish(FLOATING_POINTER_CHECKSUM_OFFSET);
    }

    private static byte[] configurationTable(int cpus, int pciDevices) {
        boolean pci = pciDevices > 0;
        int pciPins = pci ? MachineLayout.pciIntxIrqCount() : 0;
        int others = (pci ? 2 : 1) + 1 + MachineLayout.IOAPIC_PINS - pciPins + pciDevices + 2;
        int lengthBytes = HEADER_LENGTH_BYTES + cpus * PROCESSOR_LENGTH_BYTES + others * OTHER_LENGTH_BYTES;
        int ioapicId = cpus;
        int isaBusId = pci ? ISA_BUS_ID_WITH_PCI : ISA_BUS_ID;

        Cursor out = new Cursor(lengthBytes);
        out.ascii("PCMP")
                .u16(lengthBytes)
                .u8(SPECIFICATION_REVISION_1_4)
                .u8(0) // checksum
                .ascii(OEM_ID)
                .ascii(PRODUCT_ID)
                .u32(0) // no OEM table
                .u16(0)
                .u16(cpus + others)
                .u32(MachineLayout.LAPIC_GPA)
                .u16(0) // no extended table
                .u16(0);
        for (int id = 0; id < cpus; id++) {
            out.u8(PROCESSOR)
                    .u8(id)
                    .u8(LAPIC_VERSION)
                    .u8(id == 0 ? CPU_ENABLED | CPU_BOOTSTRAP : CPU_ENABLED)
                    .u32(CPU_SIGNATURE)
                    .u32(CPU_FEATURES)
                    .u32(0)
                    .u32(0);
        }
        if (pci) {
            out.u8(BUS).u8(PCI_BUS_ID).ascii("PCI   ");
        }
        out.u8(BUS).u8(isaBusId).ascii("ISA   ");
        out.u8(IOAPIC).u8(ioapicId).u8(IOAPIC_VERSION).u8(IOAPIC_ENABLED).u32(MachineLayout.IOAPIC_GPA);
        for (int pin = 0; pin < MachineLayout.IOAPIC_PINS; pin++) {
            if (!pci || !isPciPin(pin)) {
                interrupt(out, IO_INTERRUPT, INTERRUPT_INT, CONFORMS_TO_BUS, isaBusId, pin, ioapicId, pin);
            }
        }
        for (int device = 1; device <= pciDevices; device++) {
            int pin = MachineLayout.pciIntxIrq(MachineLayout.pciIntxIndex(device));
            int source = device << PCI_DEVICE_SHIFT;
            interrupt(out, IO_INTERRUPT, INTERRUPT_INT, LOW_LEVEL, PCI_BUS_ID, source, ioapicId, pin);
        }
        // Virtual wire: the PIC's output at LINT0, NMI at LINT1.
        interrupt(out, LOCAL_INTERRUPT, INTERRUPT_EXTINT, CONFORMS_TO_BUS, isaBusId, 0, MachineLayout.XAPIC_BROADCAST_ID, 0);
        interrupt(out, LOCAL_INTERRUPT, INTERRUPT_NMI, CONFORMS_TO_BUS, isaBusId, 0, MachineLayout.XAPIC_BROADCAST_ID, 1);
        return out.finish(HEADER_CHECKSUM_OFFSET);
    }

    private static boolean isPciPin(int pin) {
        for (int i = 0; i < MachineLayout.pciIntxIrqCount(); i++) {
            if (MachineLayout.pciIntxIrq(i) == pin) {
                return true;
            }
        }
        return false;
    }

    private static void interrupt(
            Cursor out, int entry, int type, int flags, int busId, int source, int apicId, int pin) {
        out.u8(entry).u8(type).u16(flags).u8(busId).u8(source).u8(apicId).u8(pin);
    }

    /** Fills an array of known size with little-endian values. */
    private static final class Cursor {
        private final byte[] bytes;
        private int at;

        Cursor(int lengthBytes) {
            bytes = new byte[lengthBytes];
        }

        Cursor u8(int value) {
            bytes[at++] = (byte) value;
            return this;
        }

        Cursor u16(int value) {
            return u8(value).u8(value >>> 8);
        }

        Cursor u32(long value) {
            return u16((int) value).u16((int) (value >>> 16));
        }

        Cursor ascii(String text) {
            for (int i = 0; i < text.length(); i++) {
                u8(text.charAt(i));
            }
            return this;
        }

        /** Makes all bytes add up to 0. */
        byte[] finish(int checksumOffset) {
            if (at != bytes.length) {
                throw new IllegalStateException("Length miscounted");
            }
            int sum = 0;
            for (byte b : bytes) {
                sum += b;
            }
            bytes[checksumOffset] = (byte) -sum;
            return bytes;
        }
    }
}

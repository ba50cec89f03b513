// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.machine.acpi;

import dev.isthmus.machine.MachineLayout;

/**
 * Multiple APIC Description Table (ACPI 6.5, section 5.2.12): processors and interrupt controllers.
 *
 * <p>There are no interrupt source overrides but for the interrupt lines of PCI. KVM's default routing wires GSI n to pin n
 * of the IOAPIC ({@code KVM_CREATE_IRQCHIP} in the KVM API documentation), the timer's GSI 0 too, and all else that uses an
 * ISA interrupt here is edge-triggered and active high as on the ISA bus: identity and ISA defaults are what a guest
 * assumes without an override.
 */
final class Madt {
    /** The first revision of ACPI 6.4 and later; nothing that came after it is in use here. */
    private static final int REVISION = 5;

    /** A PC/AT-compatible pair of 8259s is there, too. */
    private static final int PCAT_COMPAT = 1;

    private static final int LAPIC = 0;
    private static final int IOAPIC = 1;
    private static final int INTERRUPT_SOURCE_OVERRIDE = 2;
    private static final int LOCAL_APIC_NMI = 4;
    private static final int X2APIC = 9;
    private static final int LOCAL_X2APIC_NMI = 10;

    private static final int ENABLED = 1;
    private static final int BUS_ISA = 0;

    /** MPS INTI flags (section 5.2.12.5): active low, level-triggered. */
    private static final int LOW_LEVEL = 3 | 3 << 2;

    private static final int NMI_LINT = 1;

    private Madt() {}

    /**
     * Builds the table.
     *
     * @param pci whether interrupts of the ISA range are PCI's, see {@link MachineLayout#pciIntxIrq}
     */
    static byte[] build(int cpus, boolean pci) {
        ByteSink table = SystemDescriptionTable.begin("APIC", REVISION, 128 + cpus * 16);
        table.u32(MachineLayout.LAPIC_GPA).u32(PCAT_COMPAT);
        for (int id = 0; id < cpus; id++) {
            if (id < MachineLayout.XAPIC_BROADCAST_ID) {
                table.u8(LAPIC).u8(8).u8(id).u8(id).u32(ENABLED);
            } else {
                table.u8(X2APIC).u8(16).u16(0).u32(id).u32(ENABLED).u32(id);
            }
        }
        table.u8(IOAPIC).u8(12).u8(0).u8(0).u32(MachineLayout.IOAPIC_GPA).u32(0);
        for (int i = 0; pci && i < MachineLayout.pciIntxIrqCount(); i++) {
            int irq = MachineLayout.pciIntxIrq(i);
            table.u8(INTERRUPT_SOURCE_OVERRIDE).u8(10).u8(BUS_ISA).u8(irq).u32(irq).u16(LOW_LEVEL);
        }
        // NMI reaches all processors at LINT1, with the polarity and trigger mode of the bus.
        table.u8(LOCAL_APIC_NMI).u8(6).u8(MachineLayout.XAPIC_BROADCAST_ID).u16(0).u8(NMI_LINT);
        if (cpus > MachineLayout.XAPIC_BROADCAST_ID) {
            table.u8(LOCAL_X2APIC_NMI).u8(12).u16(0).u32(0xffff_ffffL).u8(NMI_LINT).zeros(3);
        }
        return SystemDescriptionTable.finish(table);
    }
}

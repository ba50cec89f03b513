// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.machine;

/**
 * Every fixed guest physical address, port and interrupt of the machine.
 *
 * <pre>
 *  0x0000_0000 ┌──────────────────────────────┐
 *              │ 0x500  GDT                   │
 *              │ 0x6000 hvm_start_info (PVH)  │
 *              │ 0x7000 boot_params           │
 *              │ 0x8ff0 initial stack (down)  │
 *              │ 0x9000 page tables, 6 pages  │
 *              │ 0x20000 command line         │
 *  0x0009_fc00 │ EBDA: MP table, 1 KiB        │
 *  0x000a_0000 ├──────────────────────────────┤ legacy video hole (RAM in KVM's eyes, reserved in E820)
 *  0x000e_0000 │ ACPI: RSDP and tables        │
 *  0x000f_e000 │ MP table of many CPUs        │
 *  0x0010_0000 ├──────────────────────────────┤
 *              │ kernel, initrd, RAM          │
 *  0xc000_0000 ├──────────────────────────────┤ or less, where RAM ends before
 *  0xc000_0000 │ PCI: 32-bit window of BARs   │
 *  0xe000_0000 │ PCI: ECAM of bus 0           │
 *  0xfeb0_0000 │ virtio-mmio transports       │
 *  0xfec0_0000 │ IOAPIC                       │
 *  0xfee0_0000 │ local APICs                  │
 *  0xfffb_c000 │ KVM: identity map, TSS       │
 * 0x1_0000_0000├──────────────────────────────┤
 *              │ the rest of RAM              │
 *              │ PCI: 64-bit window of BARs   │ at the next multiple of 16 GiB
 *              └──────────────────────────────┘
 * </pre>
 */
public final class MachineLayout {
    private MachineLayout() {}

    // Low memory, as the boot loaders use it.

    /** The GDT at kernel entry. */
    public static final long GDT_GPA = 0x500;

    /** {@code hvm_start_info}, its module list and memory map behind it; up to {@link #BOOT_PARAMS_GPA}. */
    public static final long PVH_START_INFO_GPA = 0x6000;

    /** {@code boot_params}, the "zero page", 4096 bytes. */
    public static final long BOOT_PARAMS_GPA = 0x7000;

    /** Initial stack pointer, growing down to the end of {@code boot_params}. */
    public static final long BOOT_STACK_GPA = 0x8ff0;

    /** Page tables at 64-bit entry: PML4, PDPT and four page directories identity-map 4 GiB. */
    public static final long PAGE_TABLES_GPA = 0x9000;

    /** The kernel's command line, NUL-terminated. */
    public static final long COMMAND_LINE_GPA = 0x2_0000;

    /** Room for the command line, its NUL included. */
    public static final int COMMAND_LINE_MAX_BYTES = 0x1_0000;

    /** Extended BIOS data area: end of usable base memory. The MP floating pointer is its first structure. */
    public static final long EBDA_GPA = 0x9_fc00;

    /** Size of the EBDA: up to the legacy video hole. */
    public static final long EBDA_LENGTH_BYTES = 0xa_0000 - EBDA_GPA;

    /** The legacy video and option ROM hole: not usable RAM for the guest. */
    public static final long LEGACY_HOLE_GPA = 0xa_0000;

    /** RSDP, 16-byte aligned in the area that the ACPI specification has operating systems search (5.2.5.1). */
    public static final long ACPI_RSDP_GPA = 0xe_0000;

    /** Room for the RSDP and all tables. */
    public static final long ACPI_LENGTH_BYTES = 0x1_e000;

    /** The MP configuration table where the EBDA has no room for it: the rest of the BIOS area, 8 KiB. */
    public static final long MP_CONFIG_GPA = ACPI_RSDP_GPA + ACPI_LENGTH_BYTES;

    /** Where high memory begins. */
    public static final long HIGH_MEMORY_GPA = 0x10_0000;

    // The hole below 4 GiB.

    /** End of RAM below 4 GiB at most: 3 GiB, which leaves 1 GiB for devices as QEMU's microvm does. */
    public static final long LOW_RAM_END_GPA = 0xc000_0000L;

    /** PCI: the window of BARs below 4 GiB; where QEMU's microvm has it. */
    public static final long PCI_MMIO32_GPA = LOW_RAM_END_GPA;

    /** Size of {@link #PCI_MMIO32_GPA}. */
    public static final long PCI_MMIO32_LENGTH_BYTES = 0x2000_0000L;

    /** PCI: configuration space of bus 0; where QEMU's microvm has it. */
    public static final long PCI_ECAM_GPA = PCI_MMIO32_GPA + PCI_MMIO32_LENGTH_BYTES;

    /** Size of {@link #PCI_ECAM_GPA}: one bus. */
    public static final long PCI_ECAM_LENGTH_BYTES = 1L << 20;

    /** First virtio-mmio transport; the address that QEMU's microvm has. */
    public static final long VIRTIO_MMIO_GPA = 0xfeb0_0000L;

    /** Distance between virtio-mmio transports: registers 0x000 to 0x0ff and 256 bytes of configuration. */
    public static final long VIRTIO_MMIO_LENGTH_BYTES = 0x200;

    /** The IOAPIC, Intel's default address. */
    public static final long IOAPIC_GPA = 0xfec0_0000L;

    /** The local APICs, Intel's default address. */
    public static final long LAPIC_GPA = 0xfee0_0000L;

    /**
     * The 8-bit APIC id that means all processors and is nobody's own (Intel SDM volume 3A, "Determining IPI
     * Destination"); from here on ids are known to x2APIC structures only.
     */
    public static final int XAPIC_BROADCAST_ID = 0xff;

    /** One page for KVM's real-mode identity map (Intel hosts without unrestricted guest); QEMU's choice. */
    public static final long KVM_IDENTITY_MAP_GPA = 0xfffb_c000L;

    /** Three pages for KVM's real-mode TSS, next to the identity map; QEMU's choice. */
    public static final long KVM_TSS_GPA = 0xfffb_d000L;

    /** Where RAM goes on above the hole. */
    public static final long HIGH_RAM_GPA = 0x1_0000_0000L;

    // Ports.

    /** i8042 data port; status and command at +4. */
    public static final int I8042_PORT = 0x60;

    /** CMOS/RTC index port; data at +1. */
    public static final int CMOS_PORT = 0x70;

    /** Default port of the debug-exit device; QEMU's isa-debug-exit convention. */
    public static final int DEBUG_EXIT_PORT = 0xf4;

    /** COM1, 8 ports. */
    public static final int COM1_PORT = 0x3f8;

    /** pvpanic; QEMU's default. */
    public static final int PVPANIC_PORT = 0x505;

    /** {@link dev.isthmus.machine.serial.SerialGate}: a port that QEMU's machines leave free. */
    public static final int SERIAL_GATE_PORT = 0x508;

    /** ACPI sleep control register (hardware-reduced, ACPI 6.5 section 4.8.3.7). */
    public static final int ACPI_SLEEP_CONTROL_PORT = 0x600;

    /** Sleep type for power off (S5): what the guest writes to bits 2 to 4 of {@link #ACPI_SLEEP_CONTROL_PORT}. */
    public static final int ACPI_SLP_TYP_S5 = 5;

    /** ACPI sleep status register. */
    public static final int ACPI_SLEEP_STATUS_PORT = 0x601;

    /** ACPI reset register. */
    public static final int ACPI_RESET_PORT = 0x602;

    /** Value that the FADT tells the guest to write to {@link #ACPI_RESET_PORT}. */
    public static final int ACPI_RESET_VALUE = 0x42;

    /** Event selector of the generic event device: 4 bytes, read by AML, cleared by reading. */
    public static final int ACPI_GED_PORT = 0x604;

    /** Bit of the event selector: the power button was pressed. */
    public static final int ACPI_GED_POWER_BUTTON = 1;

    // Interrupts: GSI n is pin n of the IOAPIC; 0 to 15 also reach the PIC.

    /** COM1. */
    public static final int COM1_IRQ = 4;

    /** Generic event device, where other machines have the SCI. */
    public static final int ACPI_GED_IRQ = 9;

    /** Pins of KVM's IOAPIC. */
    public static final int IOAPIC_PINS = 24;

    /**
     * The GSIs that PCI functions share for their interrupt lines, all level-triggered: such as reach the PICs, too, for
     * systems that use nothing else (and set the trigger mode by the ports that KVM has for it, 0x4d0 and 0x4d1); without
     * 7 and 15, where PICs report spurious interrupts.
     */
    private static final int[] PCI_INTX_IRQS = {5, 6, 10, 11};

    /** Devices of a PCI bus, the host bridge included. */
    public static final int PCI_DEVICES_MAX = 32;

    /**
     * The GSI of each virtio-mmio transport in order: edge-triggered, never shared; a machine has these or
     * {@link #PCI_INTX_IRQS}. First those beyond the ISA range, then ISA interrupts without a device (not 0 timer, 1 and
     * 12 i8042, 2 cascade, 3 COM2, 4 COM1, 8 RTC, 9 GED, 13 FPU).
     */
    private static final int[] VIRTIO_MMIO_IRQS = {16, 17, 18, 19, 20, 21, 22, 23, 5, 6, 7, 10, 11, 14, 15};

    /** Number of virtio-mmio transports that the machine has room for. */
    public static final int VIRTIO_MMIO_MAX = VIRTIO_MMIO_IRQS.length;

    /** Returns the address of a virtio-mmio transport, 0 up to {@link #VIRTIO_MMIO_MAX} - 1. */
    public static long virtioMmioGpa(int index) {
        return VIRTIO_MMIO_GPA + index * VIRTIO_MMIO_LENGTH_BYTES;
    }

    /** Returns the GSI of a virtio-mmio transport, 0 up to {@link #VIRTIO_MMIO_MAX} - 1. */
    public static int virtioMmioIrq(int index) {
        return VIRTIO_MMIO_IRQS[index];
    }

    /** Returns the number of GSIs for the interrupt lines of PCI functions. */
    public static int pciIntxIrqCount() {
        return PCI_INTX_IRQS.length;
    }

    /** Returns one of those GSIs, 0 up to {@link #pciIntxIrqCount} - 1. */
    public static int pciIntxIrq(int index) {
        return PCI_INTX_IRQS[index];
    }

    /** Returns which of them INTA of a PCI device has, 0 up to {@link #PCI_DEVICES_MAX} - 1. */
    public static int pciIntxIndex(int device) {
        return device % PCI_INTX_IRQS.length;
    }
}

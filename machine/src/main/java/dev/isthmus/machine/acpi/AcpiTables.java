// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.machine.acpi;

import dev.isthmus.machine.MachineLayout;
import dev.isthmus.machine.VmException;
import dev.isthmus.memory.GuestMemory;

/**
 * Writes all ACPI tables of a machine to guest memory.
 *
 * <pre>
 *  MachineLayout.ACPI_RSDP_GPA   RSDP ──→ XSDT ──→ FADT ──→ DSDT
 *                                              ├─→ MADT
 *                                              └─→ MCFG on a machine with PCI
 * </pre>
 *
 * <p>There is no RSDT, which only systems before ACPI 2.0 need, and no FACS, which hardware-reduced machines do without
 * (ACPI 6.5, section 5.2.10).
 */
public final class AcpiTables {
    /** Root System Description Pointer (section 5.2.5.3). */
    private static final int RSDP_LENGTH_BYTES = 36;

    /** Of the RSDP's bytes, those that the checksum of ACPI 1.0 covers. */
    private static final int RSDP_V1_LENGTH_BYTES = 20;

    private static final int RSDP_CHECKSUM_OFFSET = 8;
    private static final int RSDP_EXTENDED_CHECKSUM_OFFSET = 32;

    /** Tables start on cache lines; the specification asks for 8-byte alignment of none but the FACS. */
    private static final long TABLE_ALIGNMENT_BYTES = 64;

    private AcpiTables() {}

    /**
     * Writes the tables, the RSDP at {@link MachineLayout#ACPI_RSDP_GPA} and the others behind it.
     *
     * @param memory must have RAM at {@link MachineLayout#ACPI_RSDP_GPA} for {@link MachineLayout#ACPI_LENGTH_BYTES}
     * @param platform what to describe
     * @throws VmException.Configuration if there are so many CPUs that the tables outgrow their area
     */
    public static void write(GuestMemory memory, PlatformDescription platform) {
        byte[] dsdt = Dsdt.build(platform);
        byte[] madt = Madt.build(platform.cpus(), platform.pci() != null);

        long dsdtGpa = align(MachineLayout.ACPI_RSDP_GPA + RSDP_LENGTH_BYTES);
        byte[] fadt = Fadt.build(platform, dsdtGpa);
        long fadtGpa = align(dsdtGpa + dsdt.length);
        long madtGpa = align(fadtGpa + fadt.length);
        byte[] mcfg = platform.pci() == null ? new byte[0] : Mcfg.build();
        long mcfgGpa = align(madtGpa + madt.length);
        byte[] xsdt = xsdt(fadtGpa, madtGpa, mcfg.length == 0 ? 0 : mcfgGpa);
        long xsdtGpa = align(mcfgGpa + mcfg.length);
        if (xsdtGpa + xsdt.length > MachineLayout.ACPI_RSDP_GPA + MachineLayout.ACPI_LENGTH_BYTES) {
            throw new VmException.Configuration(
                    "The ACPI tables have no room for " + platform.cpus() + " CPUs.", "Give the machine fewer CPUs.");
        }

        // The pointer last, though no guest runs yet: whoever finds an RSDP finds tables.
        put(memory, dsdtGpa, dsdt);
        put(memory, fadtGpa, fadt);
        put(memory, madtGpa, madt);
        put(memory, mcfgGpa, mcfg);
        put(memory, xsdtGpa, xsdt);
        put(memory, MachineLayout.ACPI_RSDP_GPA, rsdp(xsdtGpa));
    }

    /** Extended System Description Table (section 5.2.8): the addresses of all others but the DSDT. */
    private static byte[] xsdt(long fadtGpa, long madtGpa, long mcfgGpa) {
        ByteSink table = SystemDescriptionTable.begin("XSDT", 1, SystemDescriptionTable.HEADER_LENGTH_BYTES + 24);
        table.u64(fadtGpa).u64(madtGpa);
        if (mcfgGpa != 0) {
            table.u64(mcfgGpa);
        }
        return SystemDescriptionTable.finish(table);
    }

    private static byte[] rsdp(long xsdtGpa) {
        ByteSink pointer = new ByteSink(RSDP_LENGTH_BYTES);
        pointer.ascii("RSD PTR ")
                .u8(0) // checksum
                .ascii(SystemDescriptionTable.OEM_ID)
                .u8(2) // revision: ACPI 2.0 and later
                .u32(0) // RSDT: none
                .u32(RSDP_LENGTH_BYTES)
                .u64(xsdtGpa)
                .u8(0) // extended checksum
                .zeros(3);
        pointer.set8(RSDP_CHECKSUM_OFFSET, -pointer.sum(0, RSDP_V1_LENGTH_BYTES));
        pointer.set8(RSDP_EXTENDED_CHECKSUM_OFFSET, -pointer.sum(0, RSDP_LENGTH_BYTES));
        return pointer.toByteArray();
    }

    private static long align(long gpa) {
        return (gpa + TABLE_ALIGNMENT_BYTES - 1) & -TABLE_ALIGNMENT_BYTES;
    }

    private static void put(GuestMemory memory, long gpa, byte[] bytes) {
        memory.write(gpa, bytes, 0, bytes.length);
    }
}

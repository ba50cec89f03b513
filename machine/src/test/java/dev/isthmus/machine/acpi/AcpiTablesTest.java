// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.machine.acpi;

import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

import dev.isthmus.machine.MachineLayout;
import dev.isthmus.machine.PciWindows;
import dev.isthmus.machine.VmException;
import dev.isthmus.memory.GuestMemory;
import dev.isthmus.testing.memory.FakeGuestMemory;

import static dev.isthmus.machine.acpi.PublishedTables.sum;
import static dev.isthmus.machine.acpi.PublishedTables.u16;
import static dev.isthmus.machine.acpi.PublishedTables.u32;
import static dev.isthmus.machine.acpi.PublishedTables.u64;
import static dev.isthmus.machine.acpi.PublishedTables.u8;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

class AcpiTablesTest {
    private static final PciWindows PCI = new PciWindows(0x4_0000_0000L, 0x4_0000_0000L);

    @Test
    void rsdpHasBothChecksumsAndLeadsToTheXsdtOnly() {
        byte[] rsdp = new PublishedTables(PlatformDescription.standard(1, 0, null)).rsdp();

        assertEquals("RSD PTR ", new String(rsdp, 0, 8, StandardCharsets.US_ASCII));
        assertEquals(2, u8(rsdp, 15), "revision");
        assertEquals(0, u32(rsdp, 16), "RSDT");
        assertEquals(36, u32(rsdp, 20), "length");
        assertEquals(0, sum(rsdp, 20), "checksum of ACPI 1.0");
        assertEquals(0, sum(rsdp, 36), "extended checksum");
    }

    @Test
    void everyTableHasItsLengthAndAZeroSum() {
        PublishedTables tables = new PublishedTables(PlatformDescription.standard(2, 3, null));

        for (byte[] table : List.of(tables.xsdt(), tables.find("FACP"), tables.find("APIC"), tables.dsdt())) {
            assertEquals(table.length, u32(table, 4), PublishedTables.signature(table));
            assertEquals(0, sum(table, table.length), PublishedTables.signature(table));
        }
    }

    @Test
    void fadtDescribesAHardwareReducedMachineWithSleepAndResetPorts() {
        byte[] fadt = new PublishedTables(PlatformDescription.standard(1, 0, null)).find("FACP");

        assertEquals(276, fadt.length);
        assertEquals(6, u8(fadt, 8), "major version");
        assertEquals(5, u8(fadt, 131), "minor version");
        assertEquals(1 << 20 | 1 << 12 | 1 << 10 | 1 << 6 | 1 << 5 | 1 << 4 | 1, u32(fadt, 112), "flags");
        assertEquals(u32(fadt, 40), u64(fadt, 140), "DSDT and X_DSDT");
        assertIoRegister(fadt, 116, 0x602, "RESET_REG");
        assertEquals(0x42, u8(fadt, 128), "RESET_VALUE");
        assertIoRegister(fadt, 244, 0x600, "SLEEP_CONTROL_REG");
        assertIoRegister(fadt, 256, 0x601, "SLEEP_STATUS_REG");
    }

    /** A generic address structure: system I/O, 8 bits wide from bit 0 on, accessed by byte. */
    private static void assertIoRegister(byte[] fadt, int offset, int port, String name) {
        assertEquals(1, u8(fadt, offset), name);
        assertEquals(8, u8(fadt, offset + 1), name);
        assertEquals(0, u8(fadt, offset + 2), name);
        assertEquals(1, u8(fadt, offset + 3), name);
        assertEquals(port, u64(fadt, offset + 4), name);
    }

    @Test
    void fadtBootArchitectureFollowsTheDevices() {
        byte[] everything =
                new PublishedTables(new PlatformDescription(1, 0, null, true, true, true, true, true)).find("FACP");
        byte[] nothing =
                new PublishedTables(new PlatformDescription(1, 0, null, false, false, false, false, false)).find("FACP");

        assertEquals(0b000111, u16(everything, 109), "legacy devices, 8042, no VGA");
        assertEquals(0b100100, u16(nothing, 109), "no VGA, no CMOS RTC");
    }

    @Test
    void madtListsProcessorsIoapicAndNmi() {
        byte[] madt = new PublishedTables(PlatformDescription.standard(2, 0, null)).find("APIC");

        assertEquals(0xfee0_0000L, u32(madt, 36), "local APIC address");
        assertEquals(1, u32(madt, 40), "PCAT_COMPAT");
        assertEquals(
                List.of(
                        "00 08 00 00 01 00 00 00",
                        "00 08 01 01 01 00 00 00",
                        "01 0c 00 00 00 00 c0 fe 00 00 00 00",
                        "04 06 ff 00 00 01"),
                interruptControllers(madt));
    }

    @Test
    void madtOverridesTheInterruptsOfTheIsaRangeThatArePcis() {
        byte[] madt = new PublishedTables(PlatformDescription.standard(1, 0, PCI)).find("APIC");

        assertEquals(
                List.of(
                        "02 0a 00 05 05 00 00 00 0f 00",
                        "02 0a 00 06 06 00 00 00 0f 00",
                        "02 0a 00 0a 0a 00 00 00 0f 00",
                        "02 0a 00 0b 0b 00 00 00 0f 00"),
                interruptControllers(madt).subList(2, 6));
    }

    @Test
    void mcfgHasOneBusWithItsConfigurationSpace() {
        byte[] mcfg = new PublishedTables(PlatformDescription.standard(1, 0, PCI)).find("MCFG");

        assertEquals(60, mcfg.length);
        assertEquals(0, sum(mcfg, mcfg.length));
        assertEquals(MachineLayout.PCI_ECAM_GPA, u64(mcfg, 44), "base of bus 0");
        assertEquals(0, u16(mcfg, 52), "segment");
        assertEquals(0, u8(mcfg, 54), "first bus");
        assertEquals(0, u8(mcfg, 55), "last bus");
    }

    @Test
    void machineWithoutPciSaysNothingOfIt() {
        PublishedTables tables = new PublishedTables(PlatformDescription.standard(1, 3, null));
        String dsdt = new String(tables.dsdt(), StandardCharsets.ISO_8859_1);

        assertFalse(dsdt.contains("PCI0") || dsdt.contains("MCFG"));
        assertEquals(36 + 2 * 8, tables.xsdt().length, "XSDT with FADT and MADT");
    }

    @Test
    void madtGivesProcessorsFromId255OnX2apicStructures() {
        byte[] madt = new PublishedTables(PlatformDescription.standard(257, 0, null)).find("APIC");

        List<String> structures = interruptControllers(madt);
        assertEquals("00 08 fe fe 01 00 00 00", structures.get(254));
        assertEquals("09 10 00 00 ff 00 00 00 01 00 00 00 ff 00 00 00", structures.get(255));
        assertEquals("09 10 00 00 00 01 00 00 01 00 00 00 00 01 00 00", structures.get(256));
        assertEquals("0a 0c 00 00 ff ff ff ff 01 00 00 00", structures.getLast());
    }

    private static List<String> interruptControllers(byte[] madt) {
        List<String> structures = new ArrayList<>();
        for (int offset = 44; offset < madt.length; offset += u8(madt, offset + 1)) {
            StringBuilder hex = new StringBuilder();
            for (int i = 0; i < u8(madt, offset + 1); i++) {
                hex.append(i == 0 ? "" : " ").append(String.format("%02x", u8(madt, offset + i)));
            }
            structures.add(hex.toString());
        }
        return structures;
    }

    @Test
    void dsdtOfASmallMachineIsSmall() {
        byte[] dsdt = new PublishedTables(PlatformDescription.standard(1, 1, null)).dsdt();

        assertTrue(dsdt.length < 512, "guests interpret every byte of its " + dsdt.length);
    }

    @ParameterizedTest
    @ValueSource(ints = {1, 254, 255, 1024})
    void tablesStayInTheirAreaWithAllTransports(int cpus) {
        GuestMemory memory = FakeGuestMemory.ofBytes(MachineLayout.HIGH_MEMORY_GPA);
        long end = MachineLayout.ACPI_RSDP_GPA + MachineLayout.ACPI_LENGTH_BYTES;
        memory.fill(end, 0x2000, (byte) 0xa5);

        AcpiTables.write(memory, PlatformDescription.standard(cpus, MachineLayout.VIRTIO_MMIO_MAX, null));

        for (long gpa = end; gpa < end + 0x2000; gpa++) {
            assertEquals(0xa5, memory.readU8(gpa));
        }
    }

    @Test
    void moreCpusThanTablesHaveRoomForAreAConfigurationError() {
        GuestMemory memory = FakeGuestMemory.ofBytes(MachineLayout.HIGH_MEMORY_GPA);

        assertThrows(
                VmException.Configuration.class,
                () -> AcpiTables.write(memory, PlatformDescription.standard(4096, 0, null)));
    }

    @Test
    void writingAgainGivesTheSameBytes() {
        byte[] first = new PublishedTables(PlatformDescription.standard(2, 3, null)).dsdt();
        byte[] second = new PublishedTables(PlatformDescription.standard(2, 3, null)).dsdt();

        assertArrayEquals(first, second);
    }

    @ParameterizedTest
    @ValueSource(ints = {-1, 16})
    void transportsOutOfRangeAreRefused(int virtioMmioDevices) {
        assertThrows(IllegalArgumentException.class, () -> PlatformDescription.standard(1, virtioMmioDevices, null));
    }
}

// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.machine.mptable;

import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

import dev.isthmus.machine.MachineLayout;
import dev.isthmus.memory.GuestMemory;
import dev.isthmus.testing.memory.FakeGuestMemory;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

/** Layouts of the MultiProcessor Specification 1.4, chapter 4. */
class MpTableTest {
    private static final long POINTER_GPA = 0x9_fc00;

    private final GuestMemory memory = FakeGuestMemory.ofBytes(MachineLayout.HIGH_MEMORY_GPA);

    @Test
    void floatingPointerIsTheFirstStructureOfTheEbda() {
        MpTable.write(memory, 1, 0);

        assertEquals("5f 4d 50 5f 10 fc 09 00 01 04", hex(POINTER_GPA, 10), "_MP_, table address, length, revision");
        assertEquals("00 00 00 00 00", hex(POINTER_GPA + 11, 5), "features: a table, no IMCR");
        assertEquals(0, sum(POINTER_GPA, 16));
    }

    @Test
    void configurationTableOfOneCpuHasAllEntries() {
        MpTable.write(memory, 1, 0);

        long table = memory.readU32(POINTER_GPA + 4);
        assertEquals("50 43 4d 50", hex(table, 4), "PCMP");
        assertEquals(44 + 20 + 28 * 8, memory.readU16(table + 4), "length");
        assertEquals(29, memory.readU16(table + 34), "entry count");
        assertEquals(0xfee0_0000L, memory.readU32(table + 36), "local APIC");
        assertEquals(0, sum(table, memory.readU16(table + 4)));

        List<String> entries = entries(table);
        assertEquals("00 00 14 03 00 06 00 00 01 02 00 00 00 00 00 00 00 00 00 00", entries.get(0), "CPU");
        assertEquals("01 00 49 53 41 20 20 20", entries.get(1), "bus");
        assertEquals("02 01 11 01 00 00 c0 fe", entries.get(2), "IOAPIC");
        assertEquals("03 00 00 00 00 00 01 00", entries.get(3), "timer");
        assertEquals("03 00 00 00 00 04 01 04", entries.get(7), "COM1");
        assertEquals("03 00 00 00 00 17 01 17", entries.get(26), "last pin");
        assertEquals("04 03 00 00 00 00 ff 00", entries.get(27), "ExtINT at LINT0");
        assertEquals("04 01 00 00 00 00 ff 01", entries.get(28), "NMI at LINT1");
        assertEquals(29, entries.size());
    }

    @Test
    void onlyTheFirstOfSeveralCpusBoots() {
        MpTable.write(memory, 2, 0);

        List<String> entries = entries(memory.readU32(POINTER_GPA + 4));
        assertEquals("00 00 14 03", entries.get(0).substring(0, 11));
        assertEquals("00 01 14 01", entries.get(1).substring(0, 11));
    }

    @ParameterizedTest
    @CsvSource({"37, 0x9fc10", "38, 0xfe000", "254, 0xfe000"})
    void tableLeavesTheEbdaWhereItOutgrowsIt(int cpus, String tableGpa) {
        MpTable.write(memory, cpus, 0);

        assertEquals((long) Long.decode(tableGpa), memory.readU32(POINTER_GPA + 4));
        long table = memory.readU32(POINTER_GPA + 4);
        assertEquals(0, sum(table, memory.readU16(table + 4)));
        assertEquals(cpus + 28, entries(table).size());
    }

    @ParameterizedTest
    @CsvSource({"37, 0", "254, 0", "255, 0", "1024, 0", "32, 31", "254, 31"})
    void nothingElseIsTouched(int cpus, int pciDevices) {
        byte mark = (byte) 0xa5;
        memory.fill(0, MachineLayout.HIGH_MEMORY_GPA, mark);

        MpTable.write(memory, cpus, pciDevices);

        assertEquals(0xa5, memory.readU8(POINTER_GPA - 1));
        assertEquals(0xa5, memory.readU8(MachineLayout.LEGACY_HOLE_GPA));
        assertEquals(0xa5, memory.readU8(MachineLayout.MP_CONFIG_GPA - 1));
    }

    @Test
    void pciDevicesHaveTheirInterruptLinesAndIsaHasTheOtherPins() {
        // Appendix D.3: source bus 0, the device in bits 2 to 6, INTA in bits 0 and 1; 0x0f is active low, level.
        MpTable.write(memory, 1, 5);

        long table = memory.readU32(POINTER_GPA + 4);
        assertEquals(0, sum(table, memory.readU16(table + 4)));
        List<String> entries = entries(table);
        assertEquals("01 00 50 43 49 20 20 20", entries.get(1), "PCI's bus id is its number");
        assertEquals("01 01 49 53 41 20 20 20", entries.get(2));
        assertEquals("02 01 11 01 00 00 c0 fe", entries.get(3), "IOAPIC");
        assertEquals("03 00 00 00 01 00 01 00", entries.get(4), "timer");
        assertEquals(
                List.of(
                        "03 00 0f 00 00 04 01 06",
                        "03 00 0f 00 00 08 01 0a",
                        "03 00 0f 00 00 0c 01 0b",
                        "03 00 0f 00 00 10 01 05",
                        "03 00 0f 00 00 14 01 06"),
                entries.stream().filter(entry -> entry.startsWith("03 00 0f")).toList());
        assertEquals(20, entries.stream().filter(entry -> entry.startsWith("03 00 00 00 01")).count(), "ISA");
        assertEquals("04 03 00 00 01 00 ff 00", entries.get(29), "ExtINT at LINT0");
        assertEquals("04 01 00 00 01 00 ff 01", entries.get(30), "NMI at LINT1");
        assertEquals(31, entries.size());
    }

    @Test
    void noPinIsBothIsasAndPcis() {
        MpTable.write(memory, 254, 31);

        List<String> interrupts = entries(memory.readU32(POINTER_GPA + 4)).stream()
                .filter(entry -> entry.startsWith("03 "))
                .toList();
        List<String> pci = pins(interrupts, "0f");
        List<String> isa = pins(interrupts, "00");
        assertEquals(List.of("05", "06", "0a", "0b"), pci);
        assertEquals(20, isa.size());
        assertTrue(isa.stream().noneMatch(pci::contains), isa::toString);
    }

    private static List<String> pins(List<String> interrupts, String flags) {
        return interrupts.stream()
                .filter(entry -> entry.startsWith(flags, 6))
                .map(entry -> entry.substring(21))
                .distinct()
                .sorted()
                .toList();
    }

    @ParameterizedTest
    @ValueSource(ints = {254, 255, 256, 1024})
    void cpusBeyondEightBitIdsAreLeftOut(int cpus) {
        MpTable.write(memory, cpus, 0);

        List<String> entries = entries(memory.readU32(POINTER_GPA + 4));
        assertEquals("00 fd 14 01", entries.get(253).substring(0, 11), "the last CPU");
        assertEquals("01 00 49 53", entries.get(254).substring(0, 11), "then the bus");
        assertEquals("02 fe 11 01", entries.get(255).substring(0, 11), "the IOAPIC has the next id");
    }

    private List<String> entries(long table) {
        List<String> entries = new ArrayList<>();
        long gpa = table + 44;
        int count = memory.readU16(table + 34);
        for (int i = 0; i < count; i++) {
            int lengthBytes = memory.readU8(gpa) == 0 ? 20 : 8;
            entries.add(hex(gpa, lengthBytes));
            gpa += lengthBytes;
        }
        assertEquals(memory.readU16(table + 4), gpa - table, "entries fill the table");
        return entries;
    }

    private String hex(long gpa, int lengthBytes) {
        byte[] bytes = new byte[lengthBytes];
        memory.read(gpa, bytes, 0, lengthBytes);
        return HexFormat.ofDelimiter(" ").formatHex(bytes);
    }

    private int sum(long gpa, int lengthBytes) {
        int sum = 0;
        for (int i = 0; i < lengthBytes; i++) {
            sum += memory.readU8(gpa + i);
        }
        return sum & 0xff;
    }
}

// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.machine.boot;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.Arrays;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

import dev.isthmus.machine.MachineLayout;
import dev.isthmus.machine.VmException;
import dev.isthmus.machine.boot.payload.Packer;
import dev.isthmus.memory.GuestMemory;
import dev.isthmus.testing.boot.TestElf;
import dev.isthmus.testing.memory.FakeGuestMemory;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

class ElfKernelTest {
    private static final long MIB = 1L << 20;
    private static final byte[] CODE = Packer.programLike(10_000, 1);

    @TempDir
    Path directory;

    private final GuestMemory memory = FakeGuestMemory.ofBytes(16 * MIB);

    @Test
    void segmentsGoToTheirPhysicalAddressesAndTheirRestIsZeroed() {
        memory.fill(0, 16 * MIB, (byte) 0xee);
        byte[] data = Packer.programLike(777, 2);
        byte[] image = new TestElf()
                .segment(4 * MIB, data, 5000)
                .segment(TestElf.CODE_GPA, CODE, CODE.length)
                .segment(6 * MIB, new byte[0], 100)
                .build();

        place(image);

        assertArrayEquals(CODE, read(TestElf.CODE_GPA, CODE.length));
        assertEquals(0xee, memory.readU8(TestElf.CODE_GPA + CODE.length));
        assertArrayEquals(data, read(4 * MIB, data.length));
        assertArrayEquals(new byte[5000 - data.length], read(4 * MIB + data.length, 5000 - data.length));
        assertEquals(0xee, memory.readU8(4 * MIB + 5000));
        assertArrayEquals(new byte[100], read(6 * MIB, 100));
    }

    @Test
    void fileHeadersInThePageBeforeTheCodeAreNotLoaded() throws Exception {
        memory.fill(0, 2 * MIB, (byte) 0xee);
        byte[] image = elf().build();
        // What ld makes of code linked at 1 MiB: a segment from 0xff000 on, which starts with the ELF header.
        byte[] linked = Arrays.copyOf(image, 4096 + CODE.length);
        System.arraycopy(CODE, 0, linked, 4096, CODE.length);
        ByteBuffer phdr = ByteBuffer.wrap(linked).order(ByteOrder.LITTLE_ENDIAN).position(TestElf.PHDRS_OFFSET + 8);
        phdr.putLong(0).putLong(0xf_f000).putLong(0xf_f000).putLong(linked.length).putLong(linked.length);

        place(linked);

        assertArrayEquals(CODE, read(MIB, CODE.length));
        assertEquals(0xee, memory.readU8(MIB - 1));
        assertEquals(0xee, memory.readU8(0xf_f000));
    }

    @Test
    void kernelWithoutPvhNoteIsEnteredInLongMode() {
        InitialCpuState state = place(TestElf.linux64(CODE));

        assertEquals(InitialCpuState.Mode.LONG, state.mode());
        assertEquals(TestElf.CODE_GPA, state.rip());
        assertEquals(MachineLayout.BOOT_PARAMS_GPA, state.rsi());
        assertEquals(MachineLayout.PAGE_TABLES_GPA, state.cr3());
        assertEquals(0x10, state.codeSelector());
        assertEquals(0x18, state.dataSelector());
        assertEquals(0x00af_9b00_0000_ffffL, memory.readU64(state.gdtGpa() + 0x10));
        assertEquals(0x00cf_9300_0000_ffffL, memory.readU64(state.gdtGpa() + 0x18));
    }

    @ParameterizedTest
    @ValueSource(longs = {0, 0x10_0000, 0x1234_5678, 0xbfff_ffffL, 0xfee0_0020L, 0xffff_ffffL})
    void pageTablesMapTheFirstFourGibibytesToThemselves(long address) {
        InitialCpuState state = place(TestElf.linux64(CODE));

        long pml4e = memory.readU64(state.cr3() + 8 * (address >>> 39 & 511));
        long pdpte = memory.readU64((pml4e & ~0xfffL) + 8 * (address >>> 30 & 511));
        long pde = memory.readU64((pdpte & ~0xfffL) + 8 * (address >>> 21 & 511));

        // Present and writable; the last one a large page.
        assertEquals(0x003, pml4e & 0xfff);
        assertEquals(0x003, pdpte & 0xfff);
        assertEquals(0x083, pde & 0xfff);
        assertEquals(address & -(2 * MIB), pde & ~0xfffL);
    }

    @Test
    void kernelWithPvhNoteIsEnteredInProtectedModeThere() {
        byte[] image = new TestElf()
                .segment(2 * MIB, CODE, CODE.length)
                .entry(2 * MIB)
                .pvhNote(2 * MIB + 16)
                .build();

        InitialCpuState state = place(image);

        assertEquals(InitialCpuState.Mode.PROTECTED, state.mode());
        assertEquals(2 * MIB + 16, state.rip());
        assertEquals(MachineLayout.PVH_START_INFO_GPA, state.rbx());
        assertEquals(0, state.cr3());
        assertEquals(0x00cf_9b00_0000_ffffL, memory.readU64(state.gdtGpa() + state.codeSelector()));
        assertEquals(0x00cf_9300_0000_ffffL, memory.readU64(state.gdtGpa() + state.dataSelector()));
    }

    @Test
    void pvhNoteIsFoundInAnyFormThatKernelsHave() {
        assertEquals("pvh", protocol(elf().pvhNote64(TestElf.CODE_GPA)));
        assertEquals("pvh", protocol(elf().pvhNote(TestElf.CODE_GPA).notesInSection()));
        assertEquals("pvh", protocol(elf().note("GNU\0", 3, new byte[20]).pvhNote(TestElf.CODE_GPA)));
        assertEquals("pvh", protocol(elf().note("Linux\0", 0x101, new byte[1]).pvhNote64(TestElf.CODE_GPA)));
        assertEquals(
                "pvh",
                protocol(elf().noteAlignment(8).note("GNU\0", 5, new byte[12]).pvhNote(TestElf.CODE_GPA)));
    }

    @Test
    void otherNotesDoNotMakeAPvhKernel() {
        assertEquals("linux64", protocol(elf()));
        assertEquals("linux64", protocol(elf().note("GNU\0", 18, new byte[4])));
        assertEquals("linux64", protocol(elf().note("Xen\0", 6, new byte[4])));
        assertEquals("linux64", protocol(elf().note("Xenon\0", 18, new byte[4])));
    }

    @Test
    void damagedPvhNoteIsRefused() {
        assertRefused(elf().note("Xen\0", 18, new byte[3]), "without a 32-bit entry point");
        assertRefused(elf().pvhNote64(0x1_0010_0000L), "without a 32-bit entry point");
        assertRefused(elf().pvhNote64(-1), "without a 32-bit entry point");
        assertRefused(elf().pvhNote(5 * MIB), "PVH entry point (0x500000) outside");
    }

    @Test
    void bootParamsTellCommandLineMemoryMapAndTables() {
        Kernel kernel = open(TestElf.linux64(CODE));

        kernel.place(memory, "console=ttyS0 quiet", MachineLayout.ACPI_RSDP_GPA);

        long page = MachineLayout.BOOT_PARAMS_GPA;
        assertEquals(0xaa55, memory.readU16(page + 0x1fe));
        assertEquals(0x5372_6448, memory.readU32(page + 0x202));
        assertEquals(0xff, memory.readU8(page + 0x210));
        assertEquals(0, memory.readU8(page + 0x1ef));
        assertEquals(0, memory.readU32(page + 0x218));
        assertEquals(0, memory.readU32(page + 0x21c));
        assertEquals(MachineLayout.ACPI_RSDP_GPA, memory.readU64(page + 0x070));
        assertEquals("console=ttyS0 quiet", readText(memory.readU32(page + 0x228)));
        assertEquals(7, memory.readU8(page + 0x1e8));
        assertEquals(0, memory.readU64(page + 0x2d0));
        assertEquals(0x9_fc00, memory.readU64(page + 0x2d8));
        assertEquals(1, memory.readU32(page + 0x2e0));
        assertEquals(MIB, memory.readU64(page + 0x2d0 + 4 * 20));
        assertEquals(15 * MIB, memory.readU64(page + 0x2d0 + 4 * 20 + 8));
    }

    @Test
    void startInfoTellsCommandLineMemoryMapAndTables() {
        Kernel kernel = open(TestElf.pvh(CODE));

        kernel.place(memory, "a b", MachineLayout.ACPI_RSDP_GPA);

        long info = MachineLayout.PVH_START_INFO_GPA;
        assertEquals(0x336e_c578, memory.readU32(info));
        assertEquals(1, memory.readU32(info + 4));
        assertEquals(0, memory.readU32(info + 8));
        assertEquals(0, memory.readU32(info + 12));
        assertEquals("a b", readText(memory.readU64(info + 0x18)));
        assertEquals(MachineLayout.ACPI_RSDP_GPA, memory.readU64(info + 0x20));
        assertEquals(7, memory.readU32(info + 0x30));
        long map = memory.readU64(info + 0x28);
        assertEquals(MIB, memory.readU64(map + 4 * 24));
        assertEquals(15 * MIB, memory.readU64(map + 4 * 24 + 8));
        assertEquals(1, memory.readU64(map + 4 * 24 + 16));
    }

    @Test
    void machineWithoutAcpiSaysSo() {
        open(TestElf.pvh(CODE)).place(memory, "", 0);
        open(TestElf.linux64(CODE)).place(memory, "", 0);

        assertEquals(0, memory.readU64(MachineLayout.PVH_START_INFO_GPA + 0x20));
        assertEquals(0, memory.readU64(MachineLayout.BOOT_PARAMS_GPA + 0x070));
    }

    @Test
    void placingAgainAfterTheGuestRanGivesTheSameMemory() {
        Kernel kernel = open(new TestElf()
                .segment(MIB, CODE, 50_000)
                .pvhNote(MIB)
                .build());
        kernel.place(memory, "x", 0);
        byte[] first = read(0, (int) (2 * MIB));
        for (int at = 0; at < first.length; at++) {
            if (first[at] != 0 || (at >= MIB && at < MIB + 50_000)) {
                memory.writeU8(at, 0x55);
            }
        }

        kernel.place(memory, "x", 0);

        assertArrayEquals(first, read(0, first.length));
    }

    @Test
    void kernelThatDoesNotFitSaysHowMuchMemoryItNeeds() {
        Kernel kernel = open(new TestElf().segment(MIB, CODE, 16 * MIB).build());

        VmException.Configuration e =
                assertThrows(VmException.Configuration.class, () -> kernel.place(memory, "", 0));

        assertTrue(Messages.of(e).endsWith("needs at least 17 MiB of memory"), e.getMessage());
    }

    @Test
    void kernelThatEndsWithTheMemoryFits() {
        Kernel kernel = open(new TestElf().segment(MIB, CODE, 15 * MIB).build());

        assertEquals(TestElf.CODE_GPA, kernel.place(memory, "", 0).rip());
    }

    @Test
    void kernelInTheDeviceHoleOrAboveCanNeverFit() {
        Kernel kernel = open(
                elf().segment(0xbfff_f000L, CODE, CODE.length).build());

        VmException.Configuration e =
                assertThrows(VmException.Configuration.class, () -> kernel.place(memory, "", 0));

        assertTrue(Messages.of(e).contains("beyond the RAM below 3 GiB"), e.getMessage());
    }

    @Test
    void commandLineOfTheLongestLengthIsTakenAndOneByteMoreIsNot() {
        Kernel kernel = open(TestElf.linux64(CODE));
        String longest = "x".repeat(2047);

        kernel.place(memory, longest, 0);
        VmException.Configuration e =
                assertThrows(VmException.Configuration.class, () -> kernel.place(memory, longest + "x", 0));

        assertEquals(longest, readText(MachineLayout.COMMAND_LINE_GPA));
        assertEquals(
                "The kernel command line has 2048 bytes, and the kernel takes at most 2047", e.getMessage());
    }

    @Test
    void commandLineIsUtf8AndHasNoNulWithin() {
        Kernel kernel = open(TestElf.linux64(CODE));

        kernel.place(memory, "naïve", 0);

        assertEquals("naïve", readText(MachineLayout.COMMAND_LINE_GPA));
        assertThrows(VmException.Configuration.class, () -> kernel.place(memory, "a\0b", 0));
    }

    @Test
    void closedKernelIsNotPlaced() {
        Kernel kernel = open(TestElf.linux64(CODE));
        kernel.close();
        kernel.close();

        assertThrows(IllegalStateException.class, () -> kernel.place(memory, "", 0));
    }

    private static TestElf elf() {
        return new TestElf().segment(TestElf.CODE_GPA, CODE, CODE.length);
    }

    private Kernel open(byte[] image) {
        return KernelLoader.open(TestElf.write(directory, image), KernelFormat.AUTO, null);
    }

    private InitialCpuState place(byte[] image) {
        try (Kernel kernel = open(image)) {
            return kernel.place(memory, "", 0);
        }
    }

    private String protocol(TestElf elf) {
        try (Kernel kernel = open(elf.build())) {
            return kernel.protocol();
        }
    }

    private void assertRefused(TestElf elf, String cause) {
        VmException.Configuration e = assertThrows(VmException.Configuration.class, () -> open(elf.build()));
        assertTrue(Messages.of(e).contains(cause), e.getMessage());
    }

    private byte[] read(long gpa, int count) {
        byte[] bytes = new byte[count];
        memory.read(gpa, bytes, 0, count);
        return bytes;
    }

    private String readText(long gpa) {
        byte[] bytes = read(gpa, 4096);
        int length = 0;
        while (bytes[length] != 0) {
            length++;
        }
        return new String(bytes, 0, length, StandardCharsets.UTF_8);
    }
}

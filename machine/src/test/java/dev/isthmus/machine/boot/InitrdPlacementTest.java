// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.machine.boot;

import java.io.RandomAccessFile;
import java.nio.file.Files;
import java.nio.file.Path;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

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

class InitrdPlacementTest {
    private static final long MIB = 1L << 20;

    @TempDir
    Path directory;

    private final GuestMemory memory = FakeGuestMemory.ofBytes(16 * MIB);

    @ParameterizedTest
    @CsvSource({
        // size, kernel's end, limit, RAM's end, expected
        "1, 0x200000, 0x1000000, 0x1000000, 0xfff000",
        "4096, 0x200000, 0x1000000, 0x1000000, 0xfff000",
        "4097, 0x200000, 0x1000000, 0x1000000, 0xffe000",
        "0xe00000, 0x200000, 0x1000000, 0x1000000, 0x200000",
        "0xdff000, 0x200001, 0x1000000, 0x1000000, 0x201000",
        "4096, 0x200000, 0x38000000, 0xc0000000, 0x37fff000",
        "4096, 0x200000, 0xc0000000, 0xc0000000, 0xbffff000",
        "100, 0x200000, 0x7ffffff1, 0xc0000000, 0x7ffff000"
    })
    void initrdIsPageAlignedAsHighAsItCanBe(String size, String end, String limit, String ram, String expected)
            throws Exception {
        KernelFile initrd = sparse(Long.decode(size));

        long gpa = InitrdPlacement.find(initrd, Long.decode(end), Long.decode(limit), Long.decode(ram));

        assertEquals(Long.decode(expected), gpa);
    }

    @Test
    void initrdThatDoesNotFitSaysHowMuchMemoryItNeeds() throws Exception {
        KernelFile initrd = sparse(15 * MIB);

        VmException.Configuration e = assertThrows(
                VmException.Configuration.class, () -> InitrdPlacement.find(initrd, 2 * MIB, 16 * MIB, 16 * MIB));

        assertTrue(Messages.of(e).endsWith("needs at least 18 MiB of memory"), e.getMessage());
        assertEquals(2 * MIB, InitrdPlacement.find(initrd, 2 * MIB, 17 * MIB, 17 * MIB));
    }

    @ParameterizedTest
    @CsvSource({
        "0x10000000000, 0x200000, 0x1000000, 0x1000000",
        "0xc0000000, 0x200000, 0xc0000000, 0xc0000000",
        "0x1000000, 0x200000, 0x800000, 0x10000000",
        "4096, 0x200000, 0x1000, 0x10000000"
    })
    void initrdThatNoMemoryHelpsIsTooLarge(String size, String end, String limit, String ram) throws Exception {
        KernelFile initrd = sparse(Long.decode(size));

        VmException.Configuration e = assertThrows(
                VmException.Configuration.class,
                () -> InitrdPlacement.find(initrd, Long.decode(end), Long.decode(limit), Long.decode(ram)));

        assertTrue(Messages.of(e).contains("is too large for this kernel"), e.getMessage());
    }

    @Test
    void pvhKernelFindsItsInitrdInTheModuleList() throws Exception {
        byte[] content = Packer.programLike(10_001, 1);
        Path initrd = Files.write(directory.resolve("initrd"), content);
        Path file = TestElf.write(directory, TestElf.pvh(new byte[16]));

        try (Kernel kernel = KernelLoader.open(file, KernelFormat.AUTO, initrd)) {
            kernel.place(memory, "", 0);
        }

        long info = MachineLayout.PVH_START_INFO_GPA;
        assertEquals(1, memory.readU32(info + 0x0c));
        long module = memory.readU64(info + 0x10);
        assertEquals(content.length, memory.readU64(module + 8));
        assertArrayEquals(content, read(memory.readU64(module), content.length));
    }

    @Test
    void linuxKernelFindsItsInitrdInBootParams() throws Exception {
        byte[] content = Packer.programLike(10_001, 1);
        Path initrd = Files.write(directory.resolve("initrd"), content);
        Path file = TestElf.write(directory, TestElf.linux64(new byte[16]));

        try (Kernel kernel = KernelLoader.open(file, KernelFormat.AUTO, initrd)) {
            kernel.place(memory, "", 0);
        }

        assertEquals(content.length, memory.readU32(MachineLayout.BOOT_PARAMS_GPA + 0x21c));
        assertArrayEquals(
                content, read(memory.readU32(MachineLayout.BOOT_PARAMS_GPA + 0x218), content.length));
    }

    @Test
    void initrdDoesNotTouchTheKernelsBss() throws Exception {
        long bssEnd = 12 * MIB;
        byte[] image =
                new TestElf().segment(MIB, new byte[16], bssEnd - MIB).build();
        Path fits = Files.write(directory.resolve("fits"), new byte[(int) (4 * MIB)]);
        Path tooLarge = Files.write(directory.resolve("large"), new byte[(int) (4 * MIB) + 1]);
        Path file = TestElf.write(directory, image);

        try (Kernel kernel = KernelLoader.open(file, KernelFormat.AUTO, fits)) {
            kernel.place(memory, "", 0);
        }
        try (Kernel kernel = KernelLoader.open(file, KernelFormat.AUTO, tooLarge)) {
            assertThrows(VmException.Configuration.class, () -> kernel.place(memory, "", 0));
        }

        assertEquals(bssEnd, memory.readU32(MachineLayout.BOOT_PARAMS_GPA + 0x218));
    }

    private KernelFile sparse(long sizeBytes) throws Exception {
        Path path = Files.createTempFile(directory, "initrd", "");
        try (RandomAccessFile file = new RandomAccessFile(path.toFile(), "rw")) {
            file.setLength(sizeBytes);
        }
        return KernelFile.open(path, "initrd");
    }

    private byte[] read(long gpa, int count) {
        byte[] bytes = new byte[count];
        memory.read(gpa, bytes, 0, count);
        return bytes;
    }
}

// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.machine.boot;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;

import dev.isthmus.machine.MachineLayout;
import dev.isthmus.machine.VmException;
import dev.isthmus.machine.boot.payload.Packer;
import dev.isthmus.machine.boot.payload.PayloadFormat;
import dev.isthmus.memory.GuestMemory;
import dev.isthmus.testing.boot.TestBzImage;
import dev.isthmus.testing.boot.TestElf;
import dev.isthmus.testing.memory.FakeGuestMemory;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

class BzImageTest {
    private static final String SUPPORTED = "GZIP|LZ4|ZSTD|XZ|LZMA";
    private static final long MIB = 1L << 20;
    private static final byte[] CODE = Packer.programLike(300_000, 1);
    private static final byte[] VMLINUX =
            new TestElf().segment(2 * MIB, CODE, 2 * MIB).entry(2 * MIB).build();

    @TempDir
    Path directory;

    private final GuestMemory memory = FakeGuestMemory.ofBytes(16 * MIB);

    @ParameterizedTest
    @EnumSource(mode = EnumSource.Mode.MATCH_ANY, names = SUPPORTED)
    void kernelIsUnpackedAndPlacedEachTime(PayloadFormat format) {
        try (Kernel kernel = open(image().build(payload(format, VMLINUX)))) {
            for (int i = 0; i < 2; i++) {
                memory.fill(0, 16 * MIB, (byte) 0xee);

                InitialCpuState state = kernel.place(memory, "", 0);

                assertEquals("linux64", kernel.protocol());
                assertEquals(2 * MIB, state.rip());
                assertArrayEquals(CODE, read(2 * MIB, CODE.length));
                assertEquals(0, memory.readU8(4 * MIB - 1));
                assertEquals(0xee, memory.readU8(4 * MIB));
            }
        }
    }

    @ParameterizedTest
    @EnumSource(mode = EnumSource.Mode.MATCH_ANY, names = SUPPORTED)
    void kernelPackedByLinuxsToolsIsPlaced(PayloadFormat format) throws Exception {
        byte[] packed = Packer.packByTool(format, VMLINUX);
        byte[] payload = format == PayloadFormat.GZIP
                ? packed
                : TestBzImage.withSize(packed, VMLINUX.length);

        try (Kernel kernel = open(image().build(payload))) {
            kernel.place(memory, "", 0);
        }

        assertArrayEquals(CODE, read(2 * MIB, CODE.length));
    }

    @Test
    void uncompressedKernelIsPlaced() {
        try (Kernel kernel = open(image().build(VMLINUX))) {
            kernel.place(memory, "", 0);
            kernel.place(memory, "", 0);
        }

        assertArrayEquals(CODE, read(2 * MIB, CODE.length));
    }

    @Test
    void kernelWithPvhNoteInsideIsEnteredByPvh() {
        byte[] vmlinux =
                new TestElf().segment(2 * MIB, CODE, CODE.length).pvhNote64(2 * MIB + 4).build();

        try (Kernel kernel = open(image().build(payload(PayloadFormat.GZIP, vmlinux)))) {
            InitialCpuState state = kernel.place(memory, "", 0);

            assertEquals("pvh", kernel.protocol());
            assertEquals(InitialCpuState.Mode.PROTECTED, state.mode());
            assertEquals(2 * MIB + 4, state.rip());
        }
    }

    @Test
    void bootParamsCarryTheKernelsOwnSetupHeader() {
        byte[] bytes = image().put32(0x230, 0x12_3456).put64(0x250, 0x9999).build(gzip());

        try (Kernel kernel = open(bytes)) {
            kernel.place(memory, "abc", MachineLayout.ACPI_RSDP_GPA);
        }

        long page = MachineLayout.BOOT_PARAMS_GPA;
        assertEquals(TestBzImage.SETUP_SECTORS, memory.readU8(page + 0x1f1));
        assertEquals(0x5372_6448, memory.readU32(page + 0x202));
        assertEquals(0x12_3456, memory.readU32(page + 0x230));
        assertEquals(2 * MIB, memory.readU64(page + 0x258));
        assertEquals(0xff, memory.readU8(page + 0x210));
        assertEquals(1, memory.readU8(page + 0x211) & 1);
        assertEquals(MachineLayout.COMMAND_LINE_GPA, memory.readU32(page + 0x228));
        assertEquals(0, memory.readU64(page + 0x250));
        assertEquals(MachineLayout.ACPI_RSDP_GPA, memory.readU64(page + 0x070));
        // What is not of the header stays zero.
        assertEquals(0, memory.readU8(page + 0x1f0));
        assertEquals(0, memory.readU32(page + 0x290));
    }

    @Test
    void setupSectorsOfZeroMeanFour() {
        try (Kernel kernel = open(image().put8(0x1f1, 0).build(gzip()))) {
            assertEquals("linux64", kernel.protocol());
        }
    }

    @Test
    void commandLineLimitIsTheHeaders() {
        try (Kernel kernel = open(image().put32(0x238, 10).build(gzip()))) {
            kernel.place(memory, "0123456789", 0);
            VmException.Configuration e =
                    assertThrows(VmException.Configuration.class, () -> kernel.place(memory, "0123456789a", 0));

            assertEquals(
                    "The kernel command line has 11 bytes, and the kernel takes at most 10", e.getMessage());
        }
    }

    @Test
    void initrdStaysBelowTheHeadersLimitAndAboveTheMemoryThatTheKernelNeeds() throws Exception {
        Path initrd = Files.write(directory.resolve("initrd"), new byte[5000]);
        Path file = TestElf.write(directory, image().put32(0x22c, 8 * MIB - 1).build(gzip()));
        try (Kernel kernel = KernelLoader.open(file, KernelFormat.AUTO, initrd)) {
            kernel.place(memory, "", 0);
        }
        assertEquals(8 * MIB - 8192, memory.readU32(MachineLayout.BOOT_PARAMS_GPA + 0x218));

        Path tight = TestElf.write(
                directory,
                image().put32(0x22c, 8 * MIB - 1).put32(0x260, 6 * MIB - 8191).build(gzip()));
        try (Kernel kernel = KernelLoader.open(tight, KernelFormat.AUTO, initrd)) {
            assertThrows(VmException.Configuration.class, () -> kernel.place(memory, "", 0));
        }
    }

    @Test
    void kernelThatNeedsMoreMemoryThanThereIsSaysHowMuch() {
        try (Kernel kernel = open(image().put32(0x260, 30 * MIB + 1).build(gzip()))) {
            VmException.Configuration e =
                    assertThrows(VmException.Configuration.class, () -> kernel.place(memory, "", 0));

            assertTrue(Messages.of(e).endsWith("needs at least 33 MiB of memory"), e.getMessage());
        }
    }

    @ParameterizedTest
    @CsvSource({
        "0x206, 2, 0x20b, has boot protocol 2.11",
        "0x236, 2, 2, is a 32-bit kernel",
        "0x201, 1, 0, has a setup header of impossible length",
        "0x201, 1, 0xff, has a setup header of impossible length",
        "0x248, 4, 0xffffffff, ends within the compressed kernel",
        "0x24c, 4, 0xffffffff, ends within the compressed kernel",
        "0x24c, 4, 0, has no compressed kernel in it",
        "0x24c, 4, 4, has a compressed kernel of impossible size",
        "0x1f1, 1, 0xff, ends within the compressed kernel",
        "0x260, 4, 1000, more than it says to need",
        "0x258, 8, 0x7fffffffffffffff, beyond the RAM below 3 GiB",
        "0x258, 8, -1, beyond the RAM below 3 GiB"
    })
    void headerThatCannotBeIsRefused(int offset, int width, String value, String cause) {
        byte[] bytes = image().build(gzip());
        for (int i = 0; i < width; i++) {
            bytes[offset + i] = (byte) (Long.decode(value) >>> (8 * i));
        }

        assertRefused(bytes, cause);
    }

    @ParameterizedTest
    @EnumSource(mode = EnumSource.Mode.MATCH_ANY, names = SUPPORTED)
    void damagedPayloadIsRefused(PayloadFormat format) {
        byte[] payload = payload(format, VMLINUX);
        Arrays.fill(payload, payload.length / 2, payload.length / 2 + 100, (byte) 0xa5);

        assertRefused(image().build(payload), "can't be unpacked: " + format.title());
    }

    @ParameterizedTest
    @EnumSource(mode = EnumSource.Mode.MATCH_ANY, names = SUPPORTED)
    void payloadThatUnpacksToMoreThanItSaysIsRefused(PayloadFormat format) {
        byte[] payload = payload(format, VMLINUX);
        byte[] lie = TestBzImage.withSize(Arrays.copyOf(payload, payload.length - 4), VMLINUX.length - 1);

        assertRefused(image().build(lie), "can't be unpacked: " + format.title());
    }

    @Test
    void payloadThatIsNoElfFileIsRefused() {
        assertRefused(image().build(payload(PayloadFormat.GZIP, new byte[1000])), "is not an ELF file");
    }

    @Test
    void compressionsWithoutALibraryAreNamed() {
        assertRefused(image().build(new byte[] {'B', 'Z', 'h', '9', 0, 0, 0, 0, 0}), "is compressed with bzip2");
        assertRefused(
                image().build(new byte[] {(byte) 0x89, 'L', 'Z', 'O', 0, 13, 10, 26, 10, 0}),
                "is compressed with LZO");
        assertRefused(image().build(new byte[100]), "is compressed in an unknown way");
    }

    @Test
    void fileThatEndsWithinTheHeaderIsRefused() {
        byte[] bytes = image().build(gzip());

        assertRefused(Arrays.copyOf(bytes, 0x210), "ends within the setup header");
        assertRefused(Arrays.copyOf(bytes, 0x300), "ends within the compressed kernel");
    }

    @Test
    void elfFileIsNotTakenForABzImage() {
        Path file = TestElf.write(directory, VMLINUX);

        assertThrows(VmException.Configuration.class, () -> KernelLoader.open(file, KernelFormat.BZIMAGE, null));
    }

    private static TestBzImage image() {
        return new TestBzImage(2 * MIB, 4 * MIB);
    }

    private static byte[] gzip() {
        return payload(PayloadFormat.GZIP, VMLINUX);
    }

    private static byte[] payload(PayloadFormat format, byte[] vmlinux) {
        byte[] packed = Packer.pack(format, vmlinux);
        return format == PayloadFormat.GZIP ? packed : TestBzImage.withSize(packed, vmlinux.length);
    }

    private Kernel open(byte[] bytes) {
        return KernelLoader.open(TestElf.write(directory, bytes), KernelFormat.AUTO, null);
    }

    private void assertRefused(byte[] bytes, String cause) {
        VmException.Configuration e = assertThrows(VmException.Configuration.class, () -> {
            try (Kernel kernel = open(bytes)) {
                kernel.place(memory, "", 0);
            }
        });

        assertTrue(Messages.of(e).contains(cause), e.getMessage());
        assertFalse(Messages.of(e).contains("\n"));
        assertFalse(e.remedy().isEmpty());
    }

    private byte[] read(long gpa, int count) {
        byte[] bytes = new byte[count];
        memory.read(gpa, bytes, 0, count);
        return bytes;
    }
}

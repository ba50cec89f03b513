// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.machine.boot;

import java.io.RandomAccessFile;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.Arrays;
import java.util.HexFormat;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

import dev.isthmus.machine.VmException;
import dev.isthmus.machine.boot.payload.Packer;
import dev.isthmus.memory.GuestMemory;
import dev.isthmus.testing.boot.TestElf;
import dev.isthmus.testing.memory.FakeGuestMemory;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

class KernelFileTest {
    private static final long TIB = 1L << 40;

    @TempDir
    Path directory;

    @Test
    void missingFileIsNamed() {
        Path missing = directory.resolve("vmlinux");

        assertRefused(missing, KernelFormat.AUTO, "there is no such kernel file");
        assertRefused(missing, KernelFormat.FLAT, "there is no such kernel file");
    }

    @Test
    void missingInitrdIsNamedAndTheKernelClosed() {
        Path kernel = TestElf.write(directory, TestElf.pvh(new byte[16]));
        Path initrd = directory.resolve("initrd");

        VmException.Configuration e = assertThrows(
                VmException.Configuration.class, () -> KernelLoader.open(kernel, KernelFormat.AUTO, initrd));

        assertEquals(initrd + ": there is no such initrd file", e.getMessage());
    }

    @Test
    void directoryIsRefused() {
        assertRefused(directory, KernelFormat.AUTO, "is a directory");
    }

    @Test
    void emptyFileIsRefused() throws Exception {
        assertRefused(Files.createFile(directory.resolve("empty")), KernelFormat.AUTO, "is empty");
    }

    @Test
    void unreadableFileIsRefused() {
        // An attribute that can only be written: the kernel refuses even root, for whom permissions are no obstacle.
        Path file = Path.of("/sys/bus/cpu/drivers_probe");

        assertRefused(file, KernelFormat.AUTO, "no permission to read the kernel");
    }

    @Test
    void deviceIsRefusedWithoutBeingOpened() {
        Path device = Path.of("/dev/zero");
        assumeTrue(Files.exists(device));

        assertRefused(device, KernelFormat.AUTO, "is not a regular file");
    }

    @ParameterizedTest
    @CsvSource({"AUTO, is no kernel", "ELF, is not an ELF file", "BZIMAGE, is not a bzImage", "FLAT, can have"})
    void hugeSparseFileIsRefusedAtOnce(KernelFormat format, String cause) throws Exception {
        Path file = directory.resolve("huge");
        try (RandomAccessFile sparse = new RandomAccessFile(file.toFile(), "rw")) {
            sparse.setLength(TIB);
        }

        assertRefused(file, format, cause);
    }

    @Test
    void kernelInAHugeSparseFileLoads() throws Exception {
        byte[] code = Packer.programLike(100, 1);
        Path file = TestElf.write(directory, TestElf.pvh(code));
        try (RandomAccessFile sparse = new RandomAccessFile(file.toFile(), "rw")) {
            sparse.setLength(TIB);
        }
        GuestMemory memory = FakeGuestMemory.ofBytes(4 << 20);

        try (Kernel kernel = KernelLoader.open(file, KernelFormat.AUTO, null)) {
            kernel.place(memory, "", 0);
        }

        assertArrayEquals(code, read(memory, TestElf.CODE_GPA, code.length));
    }

    @ParameterizedTest
    @CsvSource({
        "1f8b0800, is a compressed file",
        "fd377a585a00, is a compressed file",
        "28b52ffd, is a compressed file",
        "425a6839, is a compressed file",
        "514649fb, is a disk image",
        "4d5a9000, is an EFI program",
        "303730373031, is a cpio archive",
        "2321, is no kernel",
        "7f454c, is no kernel",
        "00, is no kernel"
    })
    void fileThatIsNoKernelIsToldForWhatItIs(String head, String cause) throws Exception {
        byte[] bytes = Arrays.copyOf(HexFormat.of().parseHex(head), 2048);
        Path file = Files.write(directory.resolve("file"), bytes);
        Path shortFile = Files.write(directory.resolve("short"), Arrays.copyOf(bytes, head.length() / 2));

        assertRefused(file, KernelFormat.AUTO, cause);
        assertRefused(shortFile, KernelFormat.AUTO, cause);
    }

    @Test
    void kernelOfAnotherProcessorAndPartitionTableAreTold() throws Exception {
        byte[] arm = new byte[2048];
        System.arraycopy("ARMd".getBytes(StandardCharsets.US_ASCII), 0, arm, 0x38, 4);
        byte[] disk = new byte[2048];
        disk[0x1fe] = 0x55;
        disk[0x1ff] = (byte) 0xaa;

        assertRefused(Files.write(directory.resolve("a"), arm), KernelFormat.AUTO, "for another processor");
        assertRefused(Files.write(directory.resolve("d"), disk), KernelFormat.AUTO, "is a disk image");
    }

    @Test
    void fileThatShrinksUnderTheVmIsAHostFault() throws Exception {
        Path file = TestElf.write(directory, TestElf.pvh(new byte[8192]));
        try (Kernel kernel = KernelLoader.open(file, KernelFormat.AUTO, null)) {
            try (FileChannel channel = FileChannel.open(file, StandardOpenOption.WRITE)) {
                channel.truncate(4096);
            }

            VmException.HostFault e = assertThrows(
                    VmException.HostFault.class, () -> kernel.place(FakeGuestMemory.ofBytes(4 << 20), "", 0));

            assertEquals(file + ": has become shorter while it was in use", e.getMessage());
        }
    }

    @Test
    void interruptedThreadPlacesTheKernelAndStaysInterrupted() {
        byte[] code = Packer.programLike(5000, 1);
        GuestMemory memory = FakeGuestMemory.ofBytes(4 << 20);
        try (Kernel kernel = KernelLoader.open(TestElf.write(directory, TestElf.pvh(code)), KernelFormat.AUTO, null)) {
            Thread.currentThread().interrupt();

            kernel.place(memory, "", 0);
            assertTrue(Thread.interrupted());

            memory.fill(0, 4 << 20, (byte) 0);
            kernel.place(memory, "", 0);
            assertArrayEquals(code, read(memory, TestElf.CODE_GPA, code.length));
        }
    }

    @Test
    void interruptedThreadOpensAKernel() {
        Path file = TestElf.write(directory, TestElf.pvh(new byte[16]));
        Thread.currentThread().interrupt();

        try (Kernel kernel = KernelLoader.open(file, KernelFormat.AUTO, null)) {
            assertEquals("pvh", kernel.protocol());
        }

        assertTrue(Thread.interrupted());
    }

    private static byte[] read(GuestMemory memory, long gpa, int count) {
        byte[] bytes = new byte[count];
        memory.read(gpa, bytes, 0, count);
        return bytes;
    }

    private static void assertRefused(Path file, KernelFormat format, String cause) {
        VmException.Configuration e = assertThrows(
                VmException.Configuration.class, () -> KernelLoader.open(file, format, null).close());

        assertTrue(Messages.of(e).startsWith(file + ": "), e.getMessage());
        assertTrue(Messages.of(e).contains(cause), e.getMessage());
        assertFalse(e.remedy().isEmpty());
    }
}

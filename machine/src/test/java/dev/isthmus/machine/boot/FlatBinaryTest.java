// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.machine.boot;

import java.nio.file.Files;
import java.nio.file.Path;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

import dev.isthmus.machine.VmException;
import dev.isthmus.machine.boot.payload.Packer;
import dev.isthmus.memory.GuestMemory;
import dev.isthmus.testing.memory.FakeGuestMemory;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

class FlatBinaryTest {
    private static final int LOAD_GPA = 0x1_0000;
    private static final int LARGEST_BYTES = 0x9_fc00 - LOAD_GPA;

    @TempDir
    Path directory;

    @Test
    void flatBinaryIsEnteredInRealModeAtItsFirstByte() throws Exception {
        byte[] code = Packer.programLike(LARGEST_BYTES, 1);
        GuestMemory memory = FakeGuestMemory.ofBytes(1 << 20);

        InitialCpuState state = place(code, memory);

        byte[] loaded = new byte[code.length];
        memory.read(LOAD_GPA, loaded, 0, loaded.length);
        assertArrayEquals(code, loaded);
        assertEquals(
                new InitialCpuState(InitialCpuState.Mode.REAL, 0, 0x8000, 0, 0, 0, 0, 0, 0x1000, 0x1000), state);
    }

    @Test
    void flatBinaryIsNeverGuessed() throws Exception {
        Path file = Files.write(directory.resolve("flat"), new byte[] {(byte) 0xf4});

        assertThrows(VmException.Configuration.class, () -> KernelLoader.open(file, KernelFormat.AUTO, null));
        try (Kernel kernel = KernelLoader.open(file, KernelFormat.FLAT, null)) {
            assertEquals("flat", kernel.protocol());
        }
    }

    @Test
    void flatBinaryThatReachesTheEbdaIsRefused() throws Exception {
        VmException.Configuration e = assertThrows(
                VmException.Configuration.class,
                () -> place(new byte[LARGEST_BYTES + 1], FakeGuestMemory.ofBytes(1 << 20)));

        assertTrue(Messages.of(e).contains("has 588801 bytes, and a flat binary can have 588800"), e.getMessage());
    }

    @Test
    void flatBinaryTakesNoInitrd() throws Exception {
        Path file = Files.write(directory.resolve("flat"), new byte[] {(byte) 0xf4});

        assertThrows(VmException.Configuration.class, () -> KernelLoader.open(file, KernelFormat.FLAT, file));
    }

    @Test
    void flatBinaryNeedsAMebibyte() {
        VmException.Configuration e = assertThrows(
                VmException.Configuration.class,
                () -> place(new byte[] {(byte) 0xf4}, FakeGuestMemory.ofBytes(512 << 10)));

        assertTrue(Messages.of(e).endsWith("needs at least 1 MiB of memory"), e.getMessage());
    }

    private InitialCpuState place(byte[] code, GuestMemory memory) throws Exception {
        Path file = Files.write(directory.resolve("flat"), code);
        try (Kernel kernel = KernelLoader.open(file, KernelFormat.FLAT, null)) {
            return kernel.place(memory, "ignored", 0);
        }
    }
}

// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.testing.machine;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;

import dev.isthmus.testing.boot.TestElf;

/** Writes hand-assembled code as kernel files that a machine boots. */
public final class GuestKernel {
    private GuestKernel() {}

    /** Writes code as it is: a flat binary, entered in real mode. */
    public static Path flat(Path directory, GuestCode code) throws IOException {
        return Files.write(directory.resolve("guest.bin"), code.bytes());
    }

    /** Writes code as an ELF file with a PVH note, entered in 32-bit protected mode at its first byte. */
    public static Path pvh(Path directory, GuestCode code) throws IOException {
        return Files.write(directory.resolve("guest.elf"), TestElf.pvh(code.bytes()));
    }
}

// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.machine.boot;

import dev.isthmus.machine.MachineLayout;
import dev.isthmus.machine.VmException;

/**
 * Bare instructions, loaded at 0x10000 and entered there in real mode with CS = DS = ES = SS = 0x1000 and IP = 0, as
 * kvmtool does. Takes no initrd; nothing else is written into memory.
 */
final class FlatBinary implements KernelImage {
    private static final int SELECTOR = 0x1000;
    private static final long LOAD_GPA = (long) SELECTOR << 4;

    /** kvmtool's BOOT_LOADER_SP: below 32 KiB of the segment, which a larger binary has to move. */
    private static final long STACK_POINTER = 0x8000;

    private final KernelFile file;

    private FlatBinary(KernelFile file) {
        this.file = file;
    }

    static FlatBinary of(KernelFile file, boolean hasInitrd) {
        long maxBytes = MachineLayout.EBDA_GPA - LOAD_GPA;
        if (file.sizeBytes() > maxBytes) {
            throw new VmException.Configuration(
                    file.name() + ": has " + file.sizeBytes() + " bytes, and a flat binary can have " + maxBytes
                            + " at most",
                    "Give larger kernels as ELF files.");
        }
        if (hasInitrd) {
            throw new VmException.Configuration(
                    file.name() + ": a flat binary takes no initrd", "Leave the initrd out, or give a Linux kernel.");
        }
        return new FlatBinary(file);
    }

    @Override
    public String protocol() {
        return "flat";
    }

    @Override
    public InitialCpuState place(BootRequest request) {
        if (request.lowRamEndGpa() < MachineLayout.HIGH_MEMORY_GPA) {
            throw MemoryNeed.tooLittle(file.name() + ": a flat binary", MachineLayout.HIGH_MEMORY_GPA);
        }
        file.copyTo(request.memory(), LOAD_GPA, 0, file.sizeBytes());
        return new InitialCpuState(
                InitialCpuState.Mode.REAL, 0, STACK_POINTER, 0, 0, 0, 0, 0, SELECTOR, SELECTOR);
    }

    @Override
    public void close() {
        file.close();
    }
}

// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.machine.boot;

import org.jspecify.annotations.Nullable;

import dev.isthmus.machine.MachineLayout;
import dev.isthmus.memory.GuestMemory;

/**
 * Places an ELF kernel and everything it is given, by PVH or by the 64-bit Linux boot protocol. The entry states are
 * those of Xen's {@code docs/misc/pvh.pandoc} and of Linux's Documentation/arch/x86/boot.rst, "64-bit Boot Protocol".
 */
final class ElfPlacement {
    private ElfPlacement() {}

    static String protocol(ElfImage elf) {
        return elf.isPvh() ? "pvh" : "linux64";
    }

    /**
     * Writes everything into guest RAM.
     *
     * @param header the setup header, where the kernel came in a bzImage
     */
    static InitialCpuState place(ElfImage elf, @Nullable SetupHeader header, BootRequest request) {
        GuestMemory memory = request.memory();
        long ramEndGpa = request.lowRamEndGpa();
        long kernelEndGpa = elf.endGpa();
        long initrdLimitGpa = ramEndGpa;
        int commandLineMaxBytes = CommandLine.LINUX_MAX_BYTES;
        if (header != null) {
            // What the kernel says it needs until it manages its memory itself may be more than its segments.
            kernelEndGpa = Math.max(kernelEndGpa, header.initEndGpa());
            initrdLimitGpa = Math.min(ramEndGpa, header.initrdMaxGpa() + 1);
            commandLineMaxBytes = header.commandLineMaxBytes();
        }
        MemoryNeed.check(elf.name(), elf.startGpa(), kernelEndGpa, ramEndGpa);
        byte[] commandLine = CommandLine.encode(request.commandLine(), commandLineMaxBytes);
        KernelFile initrd = request.initrd();
        long initrdGpa = 0;
        if (initrd != null) {
            initrdGpa = InitrdPlacement.find(initrd, kernelEndGpa, initrdLimitGpa, ramEndGpa);
        }

        elf.copyTo(memory);
        long initrdBytes = 0;
        if (initrd != null) {
            initrdBytes = initrd.sizeBytes();
            initrd.copyTo(memory, initrdGpa, 0, initrdBytes);
        }
        BootWriter.write(memory, MachineLayout.COMMAND_LINE_GPA, commandLine);
        E820Map map = E820Map.of(memory, ramEndGpa, request.acpiRsdpGpa() != 0);
        boolean pvh = elf.isPvh();
        BootGdt.write(memory, !pvh);
        if (pvh) {
            PvhStartInfo.write(memory, map, initrdGpa, initrdBytes, request.acpiRsdpGpa());
            return new InitialCpuState(
                    InitialCpuState.Mode.PROTECTED,
                    elf.entryGpa(),
                    MachineLayout.BOOT_STACK_GPA,
                    MachineLayout.PVH_START_INFO_GPA,
                    0,
                    0,
                    MachineLayout.GDT_GPA,
                    BootGdt.LIMIT,
                    BootGdt.BOOT_CS,
                    BootGdt.BOOT_DS);
        }
        BootParams.write(memory, header, map, commandLine.length - 1, initrdGpa, initrdBytes, request.acpiRsdpGpa());
        return new InitialCpuState(
                InitialCpuState.Mode.LONG,
                elf.entryGpa(),
                MachineLayout.BOOT_STACK_GPA,
                0,
                MachineLayout.BOOT_PARAMS_GPA,
                BootPageTables.write(memory),
                MachineLayout.GDT_GPA,
                BootGdt.LIMIT,
                BootGdt.BOOT_CS,
                BootGdt.BOOT_DS);
    }
}

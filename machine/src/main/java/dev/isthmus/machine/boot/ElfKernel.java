// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.machine.boot;

/** An ELF kernel in a file of its own, read straight into guest RAM each time it is placed. */
final class ElfKernel implements KernelImage {
    private final KernelFile file;
    private final ElfImage elf;

    ElfKernel(KernelFile file, ElfImage elf) {
        this.file = file;
        this.elf = elf;
    }

    @Override
    public String protocol() {
        return ElfPlacement.protocol(elf);
    }

    @Override
    public InitialCpuState place(BootRequest request) {
        return ElfPlacement.place(elf, null, request);
    }

    @Override
    public void close() {
        file.close();
    }
}

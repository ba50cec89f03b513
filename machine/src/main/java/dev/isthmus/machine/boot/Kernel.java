// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.machine.boot;

import org.jspecify.annotations.Nullable;

import dev.isthmus.memory.GuestMemory;

/**
 * A kernel, with its initrd where there is one, ready to be placed into a guest's memory: at start and at each reset.
 *
 * <p>Holds the files open and their headers parsed; contents go from file to guest RAM, without a copy kept here
 * for the guest's life. One thread at a time.
 */
public final class Kernel implements AutoCloseable {
    private final KernelImage image;
    private final @Nullable KernelFile initrd;
    private boolean closed;

    Kernel(KernelImage image, @Nullable KernelFile initrd) {
        this.image = image;
        this.initrd = initrd;
    }

    /**
     * Writes kernel, initrd, command line, boot parameters or start info, page tables and GDT into guest RAM, and
     * zeroes what the kernel calls its bss. Nothing is assumed of the RAM's contents, and nothing else of it is
     * touched. Addresses are those of {@link dev.isthmus.machine.MachineLayout}.
     *
     * @param memory the guest's RAM, native memory: a region at address 0, and one at 4 GiB where there is more than
     *     fits below
     * @param commandLine the kernel's command line; without effect on a flat binary
     * @param acpiRsdpGpaOr0 guest physical address of the ACPI RSDP, 0 where the machine has no ACPI
     * @return the state in which the first vCPU enters the kernel
     * @throws dev.isthmus.machine.VmException.Configuration if kernel, initrd or command line do not fit; the message
     *     says how much memory is needed
     * @throws dev.isthmus.machine.VmException.HostFault if a file can't be read any more or has changed
     * @throws IllegalStateException if this kernel has been closed
     */
    public InitialCpuState place(GuestMemory memory, String commandLine, long acpiRsdpGpaOr0) {
        if (closed) {
            throw new IllegalStateException("The kernel has been closed");
        }
        return image.place(new BootRequest(memory, commandLine, acpiRsdpGpaOr0, initrd));
    }

    /**
     * Returns how the kernel is entered: {@code "linux64"} (the 64-bit Linux boot protocol), {@code "pvh"} or
     * {@code "flat"} (real mode).
     */
    public String protocol() {
        return image.protocol();
    }

    /** Closes the files. Idempotent. */
    @Override
    public void close() {
        closed = true;
        image.close();
        if (initrd != null) {
            initrd.close();
        }
    }
}

// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.machine.boot;

/** A kernel whose headers have been read and found sound. One thread at a time. */
sealed interface KernelImage permits ElfKernel, BzImage, FlatBinary {
    /** Returns the name of the protocol by which the kernel is entered: "linux64", "pvh" or "flat". */
    String protocol();

    /**
     * Writes the kernel and what it expects to find into guest RAM.
     *
     * @throws dev.isthmus.machine.VmException.Configuration if it does not fit
     * @throws dev.isthmus.machine.VmException.HostFault if the file can't be read any more
     */
    InitialCpuState place(BootRequest request);

    /** Closes the file. */
    void close();
}

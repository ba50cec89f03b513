// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.machine.accel;

/**
 * The latest exit of a vCPU: one view for each vCPU, used again, so that an exit allocates nothing.
 *
 * <p>Valid on the vCPU's thread until it runs on; each method only for the kinds it names. The values come from the
 * guest.
 */
public interface VcpuExit {
    /** Returns why the vCPU came out. */
    ExitKind kind();

    /** Returns the port, 0 to 0xffff. PORT_*. */
    int port();

    /** Returns the width of each access in bytes: 1, 2 or 4 for PORT_*, 1 to 8 for MMIO_*. */
    int sizeBytes();

    /** Returns how many accesses to the same port there are, at least 1: more for string instructions. PORT_*. */
    int count();

    /** Returns what an access writes, zero-extended. PORT_WRITE. */
    long portData(int access);

    /** Sets what an access reads; bits above the width are ignored. PORT_READ. */
    void setPortData(int access, long value);

    /** Returns the guest physical address. MMIO_*. */
    long mmioGpa();

    /** Returns what is written, zero-extended. MMIO_WRITE. */
    long mmioData();

    /** Sets what is read; bits above the width are ignored. MMIO_READ. */
    void setMmioData(long value);

    /** Returns the linear address of the instruction that stopped. DEBUG. */
    long debugAddress();

    /** Returns the bytes of the instruction as far as the accelerator tells, else none. Allocates. INTERNAL_ERROR. */
    byte[] instructionBytes();

    /** Returns the exit with all its particulars in the accelerator's own words, for a developer. Allocates. */
    String describe();
}

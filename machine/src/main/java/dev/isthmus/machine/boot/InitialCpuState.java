// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.machine.boot;

/**
 * The state in which the first vCPU enters a kernel, in neutral words: what an accelerator needs to set registers
 * and what a boot protocol asks for. All other registers are as after reset.
 *
 * @param mode the processor mode
 * @param rip first instruction: an offset in the code segment in {@link Mode#REAL}, a linear address otherwise
 * @param rsp stack pointer
 * @param rbx RBX: the address of {@code hvm_start_info} under PVH
 * @param rsi RSI: the address of {@code boot_params} under the Linux boot protocol
 * @param cr3 page table root, 0 where paging is off
 * @param gdtGpa guest physical address of the GDT, 0 for none
 * @param gdtLimit the GDT's limit (size - 1), 0 for none
 * @param codeSelector CS; in {@link Mode#REAL} its base is selector * 16
 * @param dataSelector DS, ES, FS, GS and SS
 */
public record InitialCpuState(
        Mode mode,
        long rip,
        long rsp,
        long rbx,
        long rsi,
        long cr3,
        long gdtGpa,
        int gdtLimit,
        int codeSelector,
        int dataSelector) {

    /** Processor modes at kernel entry. */
    public enum Mode {
        /** 16-bit real mode. */
        REAL,
        /** 32-bit protected mode, flat 4 GiB segments, paging off. */
        PROTECTED,
        /** 64-bit long mode, paging on with CR4.PAE and EFER.LME|LMA|SCE=0. */
        LONG
    }
}

// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.machine.accel;

import java.util.List;

/**
 * A copy of a vCPU's registers.
 *
 * @param general RAX, RCX, RDX, RBX, RSP, RBP, RSI, RDI, R8 to R15: the order in which instructions number them
 * @param rip instruction pointer
 * @param rflags flags
 * @param segments the segment registers
 * @param control the control registers
 */
public record CpuRegisters(
        List<Long> general, long rip, long rflags, Segments segments, Control control) {

    /** Names of {@link #general}. */
    public static final List<String> GENERAL_NAMES = List.of(
            "rax", "rcx", "rdx", "rbx", "rsp", "rbp", "rsi", "rdi", "r8", "r9", "r10", "r11", "r12", "r13", "r14",
            "r15");

    /**
     * Segment registers and descriptor tables.
     *
     * @param named by name, in the order of a dump
     * @param gdt global descriptor table
     * @param idt interrupt descriptor table
     */
    public record Segments(List<Segment> named, DescriptorTable gdt, DescriptorTable idt) {
        /** Returns the register of a name: es, cs, ss, ds, fs, gs, ldtr or tr. */
        public Segment get(String name) {
            for (Segment segment : named) {
                if (segment.name.equals(name)) {
                    return segment;
                }
            }
            throw new IllegalArgumentException("No segment register " + name);
        }
    }

    /**
     * A segment register with its hidden part (Intel SDM volume 3, section 3.4.5).
     *
     * @param name in lower case
     * @param selector visible part
     * @param base linear address
     * @param limit offset of the last byte
     * @param type descriptor type, 4 bits
     * @param dpl privilege level
     * @param attributes letters as in {@code present, 32-bit (db), long, granularity}
     */
    public record Segment(
            String name, int selector, long base, long limit, int type, int dpl, Attributes attributes) {}

    /**
     * Flags of a segment descriptor.
     *
     * @param present usable at all
     * @param code whether it is a code or data segment (S), not a system segment
     * @param big default operand size 32 bits (D/B)
     * @param longMode 64-bit code (L)
     * @param granular limit counted in pages (G)
     */
    public record Attributes(boolean present, boolean code, boolean big, boolean longMode, boolean granular) {}

    /**
     * GDTR or IDTR.
     *
     * @param base linear address
     * @param limit offset of the last byte
     */
    public record DescriptorTable(long base, int limit) {}

    /**
     * Control registers.
     *
     * @param cr0 CR0
     * @param cr2 CR2, the address of the last page fault
     * @param cr3 CR3
     * @param cr4 CR4
     * @param cr8 CR8
     * @param efer the MSR EFER
     * @param apicBase the MSR IA32_APIC_BASE
     */
    public record Control(long cr0, long cr2, long cr3, long cr4, long cr8, long efer, long apicBase) {
        /** CR0.PE. */
        public static final long CR0_PE = 1;
        /** CR0.PG. */
        public static final long CR0_PG = 1L << 31;
        /** CR4.PSE. */
        public static final long CR4_PSE = 1 << 4;
        /** CR4.PAE. */
        public static final long CR4_PAE = 1 << 5;
        /** CR4.LA57. */
        public static final long CR4_LA57 = 1 << 12;
        /** EFER.LME. */
        public static final long EFER_LME = 1 << 8;
        /** EFER.LMA. */
        public static final long EFER_LMA = 1 << 10;
    }
}

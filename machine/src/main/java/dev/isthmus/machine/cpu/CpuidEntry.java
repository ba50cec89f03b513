// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.machine.cpu;

/** One answer of CPUID: the neutral mirror of an accelerator's entry. */
public final class CpuidEntry {
    /** EAX asked for. */
    public int function;

    /** ECX asked for, where it matters. */
    public int index;

    /** Flags: 1 where the index matters. */
    public int flags;

    /** Answer. */
    public int eax;

    /** Answer. */
    public int ebx;

    /** Answer. */
    public int ecx;

    /** Answer. */
    public int edx;

    /** Makes an entry. */
    public CpuidEntry(int function, int index, int flags, int eax, int ebx, int ecx, int edx) {
        this.function = function;
        this.index = index;
        this.flags = flags;
        this.eax = eax;
        this.ebx = ebx;
        this.ecx = ecx;
        this.edx = edx;
    }
}

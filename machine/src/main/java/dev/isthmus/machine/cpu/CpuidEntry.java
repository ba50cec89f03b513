// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.machine.cpu;

/**
 * What CPUID answers for one leaf, or one subleaf: a neutral mirror of {@code struct kvm_cpuid_entry2}. All values are
 * unsigned 32-bit numbers in {@code int}s. Mutable and not thread-safe.
 */
public final class CpuidEntry {
    /** {@link #flags}: the entry is for the subleaf {@link #index} alone ({@code KVM_CPUID_FLAG_SIGNIFCANT_INDEX}). */
    public static final int SIGNIFICANT_INDEX = 1;

    /** The leaf: EAX of the question. */
    public final int function;

    /** The subleaf: ECX of the question, where {@link #SIGNIFICANT_INDEX} is set; else 0. */
    public final int index;

    /** {@link #SIGNIFICANT_INDEX} or 0. */
    public final int flags;

    /** EAX of the answer. */
    public int eax;

    /** EBX of the answer. */
    public int ebx;

    /** ECX of the answer. */
    public int ecx;

    /** EDX of the answer. */
    public int edx;

    /** Makes an entry with all its values. */
    public CpuidEntry(int function, int index, int flags, int eax, int ebx, int ecx, int edx) {
        this.function = function;
        this.index = index;
        this.flags = flags;
        this.eax = eax;
        this.ebx = ebx;
        this.ecx = ecx;
        this.edx = edx;
    }

    /** Makes an equal entry that changes on its own. */
    public CpuidEntry copy() {
        return new CpuidEntry(function, index, flags, eax, ebx, ecx, edx);
    }

    /** Tells whether this entry answers a question. */
    boolean answers(int askedFunction, int askedIndex) {
        return function == askedFunction && ((flags & SIGNIFICANT_INDEX) == 0 || index == askedIndex);
    }

    /** Returns the answer's register. */
    int get(CpuidRegister register) {
        return switch (register) {
            case EAX -> eax;
            case EBX -> ebx;
            case ECX -> ecx;
            case EDX -> edx;
        };
    }

    /** Clears bits of the answer's register. */
    void clear(CpuidRegister register, int bits) {
        switch (register) {
            case EAX -> eax &= ~bits;
            case EBX -> ebx &= ~bits;
            case ECX -> ecx &= ~bits;
            case EDX -> edx &= ~bits;
        }
    }

    @Override
    public String toString() {
        return String.format(
                "0x%08x 0x%02x %d 0x%08x 0x%08x 0x%08x 0x%08x", function, index, flags, eax, ebx, ecx, edx);
    }
}

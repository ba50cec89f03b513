// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.kvm;

import java.lang.foreign.SegmentAllocator;
import java.util.Objects;

import dev.isthmus.kvm.generated.Linux;

/**
 * {@code struct kvm_cpuid2}: what CPUID answers, an entry for each function and, where the function has
 * several answers, index (the guest's ECX).
 */
public final class CpuidTable extends KvmStruct {
    /** An entry's flag: its index matters. The spelling is the kernel's. */
    public static final int KVM_CPUID_FLAG_SIGNIFCANT_INDEX = 1;

    /** The most entries that KVM takes (KVM_MAX_CPUID_ENTRIES). */
    public static final int MAX_ENTRIES = 256;

    private final int capacity;

    /**
     * An empty table.
     *
     * @param capacity for how many entries there is room, 1 to {@link #MAX_ENTRIES}
     */
    public CpuidTable(SegmentAllocator allocator, int capacity) {
        super(allocator, offset(capacityChecked(capacity, MAX_ENTRIES)));
        this.capacity = capacity;
    }

    /** For how many entries there is room. */
    public int capacity() {
        return capacity;
    }

    /** How many entries there are. */
    public int nent() {
        return fields.getInt(Linux.OFFSETOF_kvm_cpuid2_nent());
    }

    /** Sets how many entries there are; new ones hold what was there before. */
    public void nent(int count) {
        Objects.checkFromToIndex(0, count, capacity);
        fields.putInt(Linux.OFFSETOF_kvm_cpuid2_nent(), count);
    }

    /** Adds an entry of zeroes and returns its position. */
    public int add(int function, int index, int flags) {
        int entry = nent();
        nent(entry + 1);
        fields.putInt(at(entry) + Linux.OFFSETOF_kvm_cpuid_entry2_function(), function);
        fields.putInt(at(entry) + Linux.OFFSETOF_kvm_cpuid_entry2_index(), index);
        fields.putInt(at(entry) + Linux.OFFSETOF_kvm_cpuid_entry2_flags(), flags);
        set(entry, 0, 0, 0, 0);
        return entry;
    }

    /** Adds a copy of another table's entry and returns its position. */
    public int add(CpuidTable from, int fromEntry) {
        int entry = nent();
        nent(entry + 1);
        fields.put(at(entry), from.fields, from.at(fromEntry), Linux.SIZEOF_kvm_cpuid_entry2());
        return entry;
    }

    /** The position of the entry that answers for a function and index, or -1. */
    public int find(int function, int index) {
        int count = nent();
        for (int entry = 0; entry < count; entry++) {
            boolean indexFits =
                    (flags(entry) & KVM_CPUID_FLAG_SIGNIFCANT_INDEX) == 0 || index(entry) == index;
            if (function(entry) == function && indexFits) {
                return entry;
            }
        }
        return -1;
    }

    /** Which function (the guest's EAX) an entry answers for. */
    public int function(int entry) {
        return fields.getInt(at(entry) + Linux.OFFSETOF_kvm_cpuid_entry2_function());
    }

    /** Which index (the guest's ECX) an entry answers for. */
    public int index(int entry) {
        return fields.getInt(at(entry) + Linux.OFFSETOF_kvm_cpuid_entry2_index());
    }

    /** An entry's flags. */
    public int flags(int entry) {
        return fields.getInt(at(entry) + Linux.OFFSETOF_kvm_cpuid_entry2_flags());
    }

    /** The answer in EAX. */
    public int eax(int entry) {
        return fields.getInt(at(entry) + Linux.OFFSETOF_kvm_cpuid_entry2_eax());
    }

    /** The answer in EBX. */
    public int ebx(int entry) {
        return fields.getInt(at(entry) + Linux.OFFSETOF_kvm_cpuid_entry2_ebx());
    }

    /** The answer in ECX. */
    public int ecx(int entry) {
        return fields.getInt(at(entry) + Linux.OFFSETOF_kvm_cpuid_entry2_ecx());
    }

    /** The answer in EDX. */
    public int edx(int entry) {
        return fields.getInt(at(entry) + Linux.OFFSETOF_kvm_cpuid_entry2_edx());
    }

    /** Sets an entry's answer. */
    public void set(int entry, int eax, int ebx, int ecx, int edx) {
        eax(entry, eax);
        ebx(entry, ebx);
        ecx(entry, ecx);
        edx(entry, edx);
    }

    /** Sets {@link #eax(int)}. */
    public void eax(int entry, int value) {
        fields.putInt(at(entry) + Linux.OFFSETOF_kvm_cpuid_entry2_eax(), value);
    }

    /** Sets {@link #ebx(int)}. */
    public void ebx(int entry, int value) {
        fields.putInt(at(entry) + Linux.OFFSETOF_kvm_cpuid_entry2_ebx(), value);
    }

    /** Sets {@link #ecx(int)}. */
    public void ecx(int entry, int value) {
        fields.putInt(at(entry) + Linux.OFFSETOF_kvm_cpuid_entry2_ecx(), value);
    }

    /** Sets {@link #edx(int)}. */
    public void edx(int entry, int value) {
        fields.putInt(at(entry) + Linux.OFFSETOF_kvm_cpuid_entry2_edx(), value);
    }

    private int at(int entry) {
        return offset(Objects.checkIndex(entry, nent()));
    }

    private static int offset(int entry) {
        return Linux.OFFSETOF_kvm_cpuid2_entries() + entry * Linux.SIZEOF_kvm_cpuid_entry2();
    }
}

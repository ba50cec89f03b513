// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.kvm;

import java.lang.foreign.SegmentAllocator;
import java.util.Objects;

import dev.isthmus.kvm.generated.Linux;

/** {@code struct kvm_msrs}: model-specific registers and their values, to be got or set at once. */
public final class MsrList extends KvmStruct {
    /** The most entries that KVM takes in one call (MAX_IO_MSRS in the kernel's kvm/x86.c). */
    public static final int MAX_ENTRIES = 256;

    private final int capacity;

    /**
     * An empty list.
     *
     * @param capacity for how many registers there is room, 1 to {@link #MAX_ENTRIES}
     */
    public MsrList(SegmentAllocator allocator, int capacity) {
        super(allocator, offset(capacityChecked(capacity, MAX_ENTRIES)));
        this.capacity = capacity;
    }

    /** How many registers there are. */
    public int nmsrs() {
        return fields.getInt(Linux.OFFSETOF_kvm_msrs_nmsrs());
    }

    /** Empties the list. */
    public void clear() {
        fields.putInt(Linux.OFFSETOF_kvm_msrs_nmsrs(), 0);
    }

    /** Adds a register with its value and returns its position. */
    public int add(int index, long data) {
        int entry = nmsrs();
        Objects.checkIndex(entry, capacity);
        fields.putInt(Linux.OFFSETOF_kvm_msrs_nmsrs(), entry + 1);
        fields.putLong(offset(entry), 0);
        fields.putInt(offset(entry) + Linux.OFFSETOF_kvm_msr_entry_index(), index);
        fields.putLong(offset(entry) + Linux.OFFSETOF_kvm_msr_entry_data(), data);
        return entry;
    }

    /** Which register an entry is for. */
    public int index(int entry) {
        return fields.getInt(at(entry) + Linux.OFFSETOF_kvm_msr_entry_index());
    }

    /** An entry's value. */
    public long data(int entry) {
        return fields.getLong(at(entry) + Linux.OFFSETOF_kvm_msr_entry_data());
    }

    /** Sets {@link #data(int)}. */
    public void data(int entry, long value) {
        fields.putLong(at(entry) + Linux.OFFSETOF_kvm_msr_entry_data(), value);
    }

    private int at(int entry) {
        return offset(Objects.checkIndex(entry, nmsrs()));
    }

    private static int offset(int entry) {
        return Linux.OFFSETOF_kvm_msrs_entries() + entry * Linux.SIZEOF_kvm_msr_entry();
    }
}

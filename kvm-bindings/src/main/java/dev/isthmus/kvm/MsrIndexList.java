// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.kvm;

import java.lang.foreign.SegmentAllocator;
import java.util.Objects;

import dev.isthmus.kvm.generated.Linux;

/** {@code struct kvm_msr_list}: the numbers of model-specific registers. */
public final class MsrIndexList extends KvmStruct {
    private static final int MAX_ENTRIES = 65_536;

    private final int capacity;

    /**
     * An empty list.
     *
     * @param capacity for how many numbers there is room, 1 to 65,536
     */
    public MsrIndexList(SegmentAllocator allocator, int capacity) {
        super(allocator, offset(capacityChecked(capacity, MAX_ENTRIES)));
        this.capacity = capacity;
    }

    /** For how many numbers there is room. */
    public int capacity() {
        return capacity;
    }

    /** How many numbers there are; after a call that failed with E2BIG, how many there would be. */
    public int nmsrs() {
        return fields.getInt(Linux.OFFSETOF_kvm_msr_list_nmsrs());
    }

    /** Says how many numbers there is room for, which the kernel replaces by how many there are. */
    void offerCapacity() {
        fields.putInt(Linux.OFFSETOF_kvm_msr_list_nmsrs(), capacity);
    }

    /** A register's number. */
    public int index(int entry) {
        return fields.getInt(offset(Objects.checkIndex(entry, Math.min(nmsrs(), capacity))));
    }

    /** Whether a register is in the list. */
    public boolean contains(int msr) {
        int count = Math.min(nmsrs(), capacity);
        for (int entry = 0; entry < count; entry++) {
            if (fields.getInt(offset(entry)) == msr) {
                return true;
            }
        }
        return false;
    }

    private static int offset(int entry) {
        return Linux.OFFSETOF_kvm_msr_list_indices() + entry * Integer.BYTES;
    }
}

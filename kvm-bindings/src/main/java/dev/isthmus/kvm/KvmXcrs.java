// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.kvm;

import java.lang.foreign.SegmentAllocator;
import java.util.Objects;

import dev.isthmus.kvm.generated.Linux;

/** {@code struct kvm_xcrs}: the extended control registers. */
public final class KvmXcrs extends KvmStruct {
    /** A struct that is all zero. */
    public KvmXcrs(SegmentAllocator allocator) {
        super(allocator, Linux.SIZEOF_kvm_xcrs());
    }

    /** Overwrites this struct with another. */
    public void copyFrom(KvmXcrs other) {
        copyBytesFrom(other);
    }

    /** How many extended control registers there are, 0 to 16. */
    public int nrXcrs() {
        return fields.getInt(Linux.OFFSETOF_kvm_xcrs_nr_xcrs());
    }

    /** Sets {@link #nrXcrs()}. */
    public void nrXcrs(int value) {
        fields.putInt(Linux.OFFSETOF_kvm_xcrs_nr_xcrs(), value);
    }

    /** An entry's register number; XCR0 is the only one that KVM knows. */
    public int xcr(int index) {
        return fields.getInt(offset(index) + Linux.OFFSETOF_kvm_xcr_xcr());
    }

    /** An entry's value. */
    public long value(int index) {
        return fields.getLong(offset(index) + Linux.OFFSETOF_kvm_xcr_value());
    }

    /** Sets an entry. */
    public void set(int index, int xcr, long value) {
        int offset = offset(index);
        fields.putInt(offset + Linux.OFFSETOF_kvm_xcr_xcr(), xcr);
        fields.putLong(offset + Linux.OFFSETOF_kvm_xcr_value(), value);
    }

    private static int offset(int index) {
        return Linux.OFFSETOF_kvm_xcrs_xcrs()
                + Objects.checkIndex(index, Linux.KVM_MAX_XCRS()) * Linux.SIZEOF_kvm_xcr();
    }
}

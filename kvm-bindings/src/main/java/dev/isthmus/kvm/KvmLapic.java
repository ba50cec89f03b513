// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.kvm;

import java.lang.foreign.SegmentAllocator;
import java.util.Objects;

import dev.isthmus.kvm.generated.Linux;

/** {@code struct kvm_lapic_state}: the registers of a vCPU's local APIC. */
public final class KvmLapic extends KvmStruct {
    /** A struct that is all zero. */
    public KvmLapic(SegmentAllocator allocator) {
        super(allocator, Linux.SIZEOF_kvm_lapic_state());
    }

    /** Overwrites this struct with another. */
    public void copyFrom(KvmLapic other) {
        copyBytesFrom(other);
    }

    /**
     * A register of the local APIC.
     *
     * @param offset its offset in the APIC's page, a multiple of 16 below 0x400 (Intel SDM volume 3, table
     *     11-1)
     */
    public int register(int offset) {
        return fields.getInt(Objects.checkIndex(offset, lengthBytes()));
    }

    /** Sets {@link #register(int)}. */
    public void register(int offset, int value) {
        fields.putInt(Objects.checkIndex(offset, lengthBytes()), value);
    }
}

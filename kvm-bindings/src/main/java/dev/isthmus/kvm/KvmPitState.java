// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.kvm;

import java.lang.foreign.SegmentAllocator;
import java.util.Objects;

import dev.isthmus.kvm.generated.Linux;

/** {@code struct kvm_pit_state2}: the three channels of the in-kernel PIT. */
public final class KvmPitState extends KvmStruct {
    /** A struct that is all zero. */
    public KvmPitState(SegmentAllocator allocator) {
        super(allocator, Linux.SIZEOF_kvm_pit_state2());
    }

    /** Overwrites this struct with another. */
    public void copyFrom(KvmPitState other) {
        copyBytesFrom(other);
    }

    /** A set of {@code KVM_PIT_FLAGS_…} bits. */
    public int flags() {
        return fields.getInt(Linux.OFFSETOF_kvm_pit_state2_flags());
    }

    /** Sets {@link #flags()}. */
    public void flags(int value) {
        fields.putInt(Linux.OFFSETOF_kvm_pit_state2_flags(), value);
    }

    /** A channel's reload value, up to 65,536. */
    public int count(int channel) {
        return fields.getInt(offset(channel) + Linux.OFFSETOF_kvm_pit_channel_state_count());
    }

    /** Sets {@link #count(int)}. */
    public void count(int channel, int value) {
        fields.putInt(offset(channel) + Linux.OFFSETOF_kvm_pit_channel_state_count(), value);
    }

    /** A channel's mode, 0 to 5. */
    public int mode(int channel) {
        return unsignedByte(offset(channel) + Linux.OFFSETOF_kvm_pit_channel_state_mode());
    }

    /** Sets {@link #mode(int)}. */
    public void mode(int channel, int value) {
        putByte(offset(channel) + Linux.OFFSETOF_kvm_pit_channel_state_mode(), value);
    }

    private static int offset(int channel) {
        return Linux.OFFSETOF_kvm_pit_state2_channels()
                + Objects.checkIndex(channel, 3) * Linux.SIZEOF_kvm_pit_channel_state();
    }
}

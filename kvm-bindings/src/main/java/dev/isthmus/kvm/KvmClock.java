// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.kvm;

import java.lang.foreign.SegmentAllocator;

import dev.isthmus.kvm.generated.Linux;

/** {@code struct kvm_clock_data}: the VM's paravirtual clock. */
public final class KvmClock extends KvmStruct {
    /** All vCPUs see one monotonous clock. */
    public static final int KVM_CLOCK_TSC_STABLE = 2;

    /** {@link #realtime()} is valid. */
    public static final int KVM_CLOCK_REALTIME = 4;

    /** {@link #hostTsc()} is valid. */
    public static final int KVM_CLOCK_HOST_TSC = 8;

    /** A struct that is all zero. */
    public KvmClock(SegmentAllocator allocator) {
        super(allocator, Linux.SIZEOF_kvm_clock_data());
    }

    /** The guest's time since it started (kvmclock), in nanoseconds. */
    public long clock() {
        return fields.getLong(Linux.OFFSETOF_kvm_clock_data_clock());
    }

    /** Sets {@link #clock()}. */
    public void clock(long value) {
        fields.putLong(Linux.OFFSETOF_kvm_clock_data_clock(), value);
    }

    /** Which other fields are valid: a set of {@code KVM_CLOCK_…} bits. */
    public int flags() {
        return fields.getInt(Linux.OFFSETOF_kvm_clock_data_flags());
    }

    /** Sets {@link #flags()}. */
    public void flags(int value) {
        fields.putInt(Linux.OFFSETOF_kvm_clock_data_flags(), value);
    }

    /** The host's real-time clock at the same moment, in nanoseconds since 1970. */
    public long realtime() {
        return fields.getLong(Linux.OFFSETOF_kvm_clock_data_realtime());
    }

    /** Sets {@link #realtime()}. */
    public void realtime(long value) {
        fields.putLong(Linux.OFFSETOF_kvm_clock_data_realtime(), value);
    }

    /** The host's TSC at the same moment. */
    public long hostTsc() {
        return fields.getLong(Linux.OFFSETOF_kvm_clock_data_host_tsc());
    }

    /** Sets {@link #hostTsc()}. */
    public void hostTsc(long value) {
        fields.putLong(Linux.OFFSETOF_kvm_clock_data_host_tsc(), value);
    }
}

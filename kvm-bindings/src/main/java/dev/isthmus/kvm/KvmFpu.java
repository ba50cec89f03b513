// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.kvm;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.SegmentAllocator;
import java.util.Objects;

import dev.isthmus.kvm.generated.Linux;

/** {@code struct kvm_fpu}: the x87 and SSE registers. */
public final class KvmFpu extends KvmStruct {
    /** A struct that is all zero. */
    public KvmFpu(SegmentAllocator allocator) {
        super(allocator, Linux.SIZEOF_kvm_fpu());
    }

    /** Overwrites this struct with another. */
    public void copyFrom(KvmFpu other) {
        copyBytesFrom(other);
    }

    /** The x87 control word. */
    public int fcw() {
        return unsignedShort(Linux.OFFSETOF_kvm_fpu_fcw());
    }

    /** Sets {@link #fcw()}. */
    public void fcw(int value) {
        putShort(Linux.OFFSETOF_kvm_fpu_fcw(), value);
    }

    /** The x87 status word. */
    public int fsw() {
        return unsignedShort(Linux.OFFSETOF_kvm_fpu_fsw());
    }

    /** Sets {@link #fsw()}. */
    public void fsw(int value) {
        putShort(Linux.OFFSETOF_kvm_fpu_fsw(), value);
    }

    /** The x87 tag word as FXSAVE abridges it. */
    public int ftwx() {
        return unsignedByte(Linux.OFFSETOF_kvm_fpu_ftwx());
    }

    /** Sets {@link #ftwx()}. */
    public void ftwx(int value) {
        putByte(Linux.OFFSETOF_kvm_fpu_ftwx(), value);
    }

    /** The opcode of the last x87 instruction. */
    public int lastOpcode() {
        return unsignedShort(Linux.OFFSETOF_kvm_fpu_last_opcode());
    }

    /** Sets {@link #lastOpcode()}. */
    public void lastOpcode(int value) {
        putShort(Linux.OFFSETOF_kvm_fpu_last_opcode(), value);
    }

    /** The address of the last x87 instruction. */
    public long lastIp() {
        return fields.getLong(Linux.OFFSETOF_kvm_fpu_last_ip());
    }

    /** Sets {@link #lastIp()}. */
    public void lastIp(long value) {
        fields.putLong(Linux.OFFSETOF_kvm_fpu_last_ip(), value);
    }

    /** The address of the last x87 operand. */
    public long lastDp() {
        return fields.getLong(Linux.OFFSETOF_kvm_fpu_last_dp());
    }

    /** Sets {@link #lastDp()}. */
    public void lastDp(long value) {
        fields.putLong(Linux.OFFSETOF_kvm_fpu_last_dp(), value);
    }

    /** MXCSR, which KVM neither gets nor sets this way: see {@link KvmXsave}. */
    public int mxcsr() {
        return fields.getInt(Linux.OFFSETOF_kvm_fpu_mxcsr());
    }

    /** Sets {@link #mxcsr()}. */
    public void mxcsr(int value) {
        fields.putInt(Linux.OFFSETOF_kvm_fpu_mxcsr(), value);
    }

    /** The bytes of an x87 register: 16 bytes for each of 8, of which 10 are used. */
    public MemorySegment fpr(int register) {
        return segment().asSlice(Linux.OFFSETOF_kvm_fpu_fpr() + Objects.checkIndex(register, 8) * 16L, 16);
    }

    /** The bytes of an SSE register, one of 16. */
    public MemorySegment xmm(int register) {
        return segment().asSlice(Linux.OFFSETOF_kvm_fpu_xmm() + Objects.checkIndex(register, 16) * 16L, 16);
    }
}

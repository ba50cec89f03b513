// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.kvm;

import java.lang.foreign.SegmentAllocator;

import dev.isthmus.kvm.generated.Linux;

/** {@code struct kvm_regs}: the general registers, the instruction pointer and the flags. */
public final class KvmRegs extends KvmStruct {
    /** Registers that are all zero. */
    public KvmRegs(SegmentAllocator allocator) {
        super(allocator, Linux.SIZEOF_kvm_regs());
    }

    /** Overwrites these registers with others. */
    public void copyFrom(KvmRegs other) {
        copyBytesFrom(other);
    }

    /** RAX. */
    public long rax() {
        return fields.getLong(Linux.OFFSETOF_kvm_regs_rax());
    }

    /** Sets RAX. */
    public void rax(long value) {
        fields.putLong(Linux.OFFSETOF_kvm_regs_rax(), value);
    }

    /** RBX. */
    public long rbx() {
        return fields.getLong(Linux.OFFSETOF_kvm_regs_rbx());
    }

    /** Sets RBX. */
    public void rbx(long value) {
        fields.putLong(Linux.OFFSETOF_kvm_regs_rbx(), value);
    }

    /** RCX. */
    public long rcx() {
        return fields.getLong(Linux.OFFSETOF_kvm_regs_rcx());
    }

    /** Sets RCX. */
    public void rcx(long value) {
        fields.putLong(Linux.OFFSETOF_kvm_regs_rcx(), value);
    }

    /** RDX. */
    public long rdx() {
        return fields.getLong(Linux.OFFSETOF_kvm_regs_rdx());
    }

    /** Sets RDX. */
    public void rdx(long value) {
        fields.putLong(Linux.OFFSETOF_kvm_regs_rdx(), value);
    }

    /** RSI. */
    public long rsi() {
        return fields.getLong(Linux.OFFSETOF_kvm_regs_rsi());
    }

    /** Sets RSI. */
    public void rsi(long value) {
        fields.putLong(Linux.OFFSETOF_kvm_regs_rsi(), value);
    }

    /** RDI. */
    public long rdi() {
        return fields.getLong(Linux.OFFSETOF_kvm_regs_rdi());
    }

    /** Sets RDI. */
    public void rdi(long value) {
        fields.putLong(Linux.OFFSETOF_kvm_regs_rdi(), value);
    }

    /** RSP. */
    public long rsp() {
        return fields.getLong(Linux.OFFSETOF_kvm_regs_rsp());
    }

    /** Sets RSP. */
    public void rsp(long value) {
        fields.putLong(Linux.OFFSETOF_kvm_regs_rsp(), value);
    }

    /** RBP. */
    public long rbp() {
        return fields.getLong(Linux.OFFSETOF_kvm_regs_rbp());
    }

    /** Sets RBP. */
    public void rbp(long value) {
        fields.putLong(Linux.OFFSETOF_kvm_regs_rbp(), value);
    }

    /** R8. */
    public long r8() {
        return fields.getLong(Linux.OFFSETOF_kvm_regs_r8());
    }

    /** Sets R8. */
    public void r8(long value) {
        fields.putLong(Linux.OFFSETOF_kvm_regs_r8(), value);
    }

    /** R9. */
    public long r9() {
        return fields.getLong(Linux.OFFSETOF_kvm_regs_r9());
    }

    /** Sets R9. */
    public void r9(long value) {
        fields.putLong(Linux.OFFSETOF_kvm_regs_r9(), value);
    }

    /** R10. */
    public long r10() {
        return fields.getLong(Linux.OFFSETOF_kvm_regs_r10());
    }

    /** Sets R10. */
    public void r10(long value) {
        fields.putLong(Linux.OFFSETOF_kvm_regs_r10(), value);
    }

    /** R11. */
    public long r11() {
        return fields.getLong(Linux.OFFSETOF_kvm_regs_r11());
    }

    /** Sets R11. */
    public void r11(long value) {
        fields.putLong(Linux.OFFSETOF_kvm_regs_r11(), value);
    }

    /** R12. */
    public long r12() {
        return fields.getLong(Linux.OFFSETOF_kvm_regs_r12());
    }

    /** Sets R12. */
    public void r12(long value) {
        fields.putLong(Linux.OFFSETOF_kvm_regs_r12(), value);
    }

    /** R13. */
    public long r13() {
        return fields.getLong(Linux.OFFSETOF_kvm_regs_r13());
    }

    /** Sets R13. */
    public void r13(long value) {
        fields.putLong(Linux.OFFSETOF_kvm_regs_r13(), value);
    }

    /** R14. */
    public long r14() {
        return fields.getLong(Linux.OFFSETOF_kvm_regs_r14());
    }

    /** Sets R14. */
    public void r14(long value) {
        fields.putLong(Linux.OFFSETOF_kvm_regs_r14(), value);
    }

    /** R15. */
    public long r15() {
        return fields.getLong(Linux.OFFSETOF_kvm_regs_r15());
    }

    /** Sets R15. */
    public void r15(long value) {
        fields.putLong(Linux.OFFSETOF_kvm_regs_r15(), value);
    }

    /** RIP. */
    public long rip() {
        return fields.getLong(Linux.OFFSETOF_kvm_regs_rip());
    }

    /** Sets RIP. */
    public void rip(long value) {
        fields.putLong(Linux.OFFSETOF_kvm_regs_rip(), value);
    }

    /** RFLAGS. */
    public long rflags() {
        return fields.getLong(Linux.OFFSETOF_kvm_regs_rflags());
    }

    /** Sets RFLAGS. */
    public void rflags(long value) {
        fields.putLong(Linux.OFFSETOF_kvm_regs_rflags(), value);
    }
}

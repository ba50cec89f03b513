// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.kvm;

import java.lang.foreign.SegmentAllocator;
import java.util.Objects;

import dev.isthmus.kvm.generated.Linux;

/** {@code struct kvm_sregs}: segments, descriptor tables, control registers, EFER and the APIC's base. */
public final class KvmSregs extends KvmStruct {
    private final KvmSegment cs = new KvmSegment(this, Linux.OFFSETOF_kvm_sregs_cs());
    private final KvmSegment ds = new KvmSegment(this, Linux.OFFSETOF_kvm_sregs_ds());
    private final KvmSegment es = new KvmSegment(this, Linux.OFFSETOF_kvm_sregs_es());
    private final KvmSegment fs = new KvmSegment(this, Linux.OFFSETOF_kvm_sregs_fs());
    private final KvmSegment gs = new KvmSegment(this, Linux.OFFSETOF_kvm_sregs_gs());
    private final KvmSegment ss = new KvmSegment(this, Linux.OFFSETOF_kvm_sregs_ss());
    private final KvmSegment tr = new KvmSegment(this, Linux.OFFSETOF_kvm_sregs_tr());
    private final KvmSegment ldt = new KvmSegment(this, Linux.OFFSETOF_kvm_sregs_ldt());
    private final KvmDtable gdt = new KvmDtable(this, Linux.OFFSETOF_kvm_sregs_gdt());
    private final KvmDtable idt = new KvmDtable(this, Linux.OFFSETOF_kvm_sregs_idt());

    /** Registers that are all zero. */
    public KvmSregs(SegmentAllocator allocator) {
        super(allocator, Linux.SIZEOF_kvm_sregs());
    }

    /** Overwrites these registers with others. */
    public void copyFrom(KvmSregs other) {
        copyBytesFrom(other);
    }

    /** CS. */
    public KvmSegment cs() {
        return cs;
    }

    /** DS. */
    public KvmSegment ds() {
        return ds;
    }

    /** ES. */
    public KvmSegment es() {
        return es;
    }

    /** FS. */
    public KvmSegment fs() {
        return fs;
    }

    /** GS. */
    public KvmSegment gs() {
        return gs;
    }

    /** SS. */
    public KvmSegment ss() {
        return ss;
    }

    /** The task register. */
    public KvmSegment tr() {
        return tr;
    }

    /** The local descriptor table register. */
    public KvmSegment ldt() {
        return ldt;
    }

    /** GDTR. */
    public KvmDtable gdt() {
        return gdt;
    }

    /** IDTR. */
    public KvmDtable idt() {
        return idt;
    }

    /** CR0. */
    public long cr0() {
        return fields.getLong(Linux.OFFSETOF_kvm_sregs_cr0());
    }

    /** Sets {@link #cr0()}. */
    public void cr0(long value) {
        fields.putLong(Linux.OFFSETOF_kvm_sregs_cr0(), value);
    }

    /** CR2. */
    public long cr2() {
        return fields.getLong(Linux.OFFSETOF_kvm_sregs_cr2());
    }

    /** Sets {@link #cr2()}. */
    public void cr2(long value) {
        fields.putLong(Linux.OFFSETOF_kvm_sregs_cr2(), value);
    }

    /** CR3. */
    public long cr3() {
        return fields.getLong(Linux.OFFSETOF_kvm_sregs_cr3());
    }

    /** Sets {@link #cr3()}. */
    public void cr3(long value) {
        fields.putLong(Linux.OFFSETOF_kvm_sregs_cr3(), value);
    }

    /** CR4. */
    public long cr4() {
        return fields.getLong(Linux.OFFSETOF_kvm_sregs_cr4());
    }

    /** Sets {@link #cr4()}. */
    public void cr4(long value) {
        fields.putLong(Linux.OFFSETOF_kvm_sregs_cr4(), value);
    }

    /** CR8. */
    public long cr8() {
        return fields.getLong(Linux.OFFSETOF_kvm_sregs_cr8());
    }

    /** Sets {@link #cr8()}. */
    public void cr8(long value) {
        fields.putLong(Linux.OFFSETOF_kvm_sregs_cr8(), value);
    }

    /** The MSR EFER. */
    public long efer() {
        return fields.getLong(Linux.OFFSETOF_kvm_sregs_efer());
    }

    /** Sets {@link #efer()}. */
    public void efer(long value) {
        fields.putLong(Linux.OFFSETOF_kvm_sregs_efer(), value);
    }

    /** The MSR IA32_APIC_BASE. */
    public long apicBase() {
        return fields.getLong(Linux.OFFSETOF_kvm_sregs_apic_base());
    }

    /** Sets {@link #apicBase()}. */
    public void apicBase(long value) {
        fields.putLong(Linux.OFFSETOF_kvm_sregs_apic_base(), value);
    }

    /**
     * Which vector waits to be injected, as a bitmap of 256.
     *
     * @param word 0 to 3: 64 vectors each
     */
    public long interruptBitmap(int word) {
        return fields.getLong(interruptBitmapOffset(word));
    }

    /** Sets {@link #interruptBitmap(int)}. */
    public void interruptBitmap(int word, long value) {
        fields.putLong(interruptBitmapOffset(word), value);
    }

    private static int interruptBitmapOffset(int word) {
        return Linux.OFFSETOF_kvm_sregs_interrupt_bitmap() + Objects.checkIndex(word, 4) * Long.BYTES;
    }
}

// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.kvm;

import dev.isthmus.kvm.generated.Linux;

/**
 * {@code struct kvm_segment}: a segment register with its hidden part, as a view into {@link KvmSregs}.
 *
 * <p>The hidden part's fields are those of a segment descriptor (Intel SDM volume 3, section 3.4.5).
 */
public final class KvmSegment {
    private final KvmSregs sregs;
    private final int offset;

    KvmSegment(KvmSregs sregs, int offset) {
        this.sregs = sregs;
        this.offset = offset;
    }

    /** Overwrites this segment with another, of the same vCPU or not. */
    public void copyFrom(KvmSegment other) {
        sregs.fields.put(offset, other.sregs.fields, other.offset, Linux.SIZEOF_kvm_segment());
    }

    /** The linear address of the segment's first byte. */
    public long base() {
        return sregs.fields.getLong(offset + Linux.OFFSETOF_kvm_segment_base());
    }

    /** Sets {@link #base()}. */
    public void base(long value) {
        sregs.fields.putLong(offset + Linux.OFFSETOF_kvm_segment_base(), value);
    }

    /** The offset of the segment's last byte, whatever the granularity; unsigned. */
    public int limit() {
        return sregs.fields.getInt(offset + Linux.OFFSETOF_kvm_segment_limit());
    }

    /** Sets {@link #limit()}. */
    public void limit(int value) {
        sregs.fields.putInt(offset + Linux.OFFSETOF_kvm_segment_limit(), value);
    }

    /** The selector, the visible part. */
    public int selector() {
        return sregs.unsignedShort(offset + Linux.OFFSETOF_kvm_segment_selector());
    }

    /** Sets {@link #selector()}. */
    public void selector(int value) {
        sregs.putShort(offset + Linux.OFFSETOF_kvm_segment_selector(), value);
    }

    /** The descriptor type, four bits. */
    public int type() {
        return sregs.unsignedByte(offset + Linux.OFFSETOF_kvm_segment_type());
    }

    /** Sets {@link #type()}. */
    public void type(int value) {
        sregs.putByte(offset + Linux.OFFSETOF_kvm_segment_type(), value);
    }

    /** Whether the segment is present, 0 or 1. */
    public int present() {
        return sregs.unsignedByte(offset + Linux.OFFSETOF_kvm_segment_present());
    }

    /** Sets {@link #present()}. */
    public void present(int value) {
        sregs.putByte(offset + Linux.OFFSETOF_kvm_segment_present(), value);
    }

    /** The privilege level, 0 to 3. */
    public int dpl() {
        return sregs.unsignedByte(offset + Linux.OFFSETOF_kvm_segment_dpl());
    }

    /** Sets {@link #dpl()}. */
    public void dpl(int value) {
        sregs.putByte(offset + Linux.OFFSETOF_kvm_segment_dpl(), value);
    }

    /** The default operation size: 1 for 32 bits. */
    public int db() {
        return sregs.unsignedByte(offset + Linux.OFFSETOF_kvm_segment_db());
    }

    /** Sets {@link #db()}. */
    public void db(int value) {
        sregs.putByte(offset + Linux.OFFSETOF_kvm_segment_db(), value);
    }

    /** 1 for code and data, 0 for system segments. */
    public int s() {
        return sregs.unsignedByte(offset + Linux.OFFSETOF_kvm_segment_s());
    }

    /** Sets {@link #s()}. */
    public void s(int value) {
        sregs.putByte(offset + Linux.OFFSETOF_kvm_segment_s(), value);
    }

    /** 1 for a 64-bit code segment. */
    public int l() {
        return sregs.unsignedByte(offset + Linux.OFFSETOF_kvm_segment_l());
    }

    /** Sets {@link #l()}. */
    public void l(int value) {
        sregs.putByte(offset + Linux.OFFSETOF_kvm_segment_l(), value);
    }

    /** The granularity: 1 for a limit in pages. */
    public int g() {
        return sregs.unsignedByte(offset + Linux.OFFSETOF_kvm_segment_g());
    }

    /** Sets {@link #g()}. */
    public void g(int value) {
        sregs.putByte(offset + Linux.OFFSETOF_kvm_segment_g(), value);
    }

    /** The bit for software. */
    public int avl() {
        return sregs.unsignedByte(offset + Linux.OFFSETOF_kvm_segment_avl());
    }

    /** Sets {@link #avl()}. */
    public void avl(int value) {
        sregs.putByte(offset + Linux.OFFSETOF_kvm_segment_avl(), value);
    }

    /** 1 if nothing may be accessed through the segment. */
    public int unusable() {
        return sregs.unsignedByte(offset + Linux.OFFSETOF_kvm_segment_unusable());
    }

    /** Sets {@link #unusable()}. */
    public void unusable(int value) {
        sregs.putByte(offset + Linux.OFFSETOF_kvm_segment_unusable(), value);
    }
}

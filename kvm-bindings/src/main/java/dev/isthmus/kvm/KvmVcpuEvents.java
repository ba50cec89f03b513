// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.kvm;

import java.lang.foreign.SegmentAllocator;

import dev.isthmus.kvm.generated.Linux;

/** {@code struct kvm_vcpu_events}: exceptions, interrupts, NMIs and SMIs on their way into the vCPU. */
public final class KvmVcpuEvents extends KvmStruct {
    /** {@link #flags()}: {@link #nmiPending()} is valid. */
    public static final int KVM_VCPUEVENT_VALID_NMI_PENDING = 0x1;

    /** {@link #flags()}: {@link #sipiVector()} is valid. */
    public static final int KVM_VCPUEVENT_VALID_SIPI_VECTOR = 0x2;

    /** {@link #flags()}: {@link #interruptShadow()} is valid. */
    public static final int KVM_VCPUEVENT_VALID_SHADOW = 0x4;

    /** {@link #flags()}: the fields of system management mode are valid. */
    public static final int KVM_VCPUEVENT_VALID_SMM = 0x8;

    /** {@link #flags()}: {@link #exceptionPayload()} and {@link #exceptionPending()} are valid. */
    public static final int KVM_VCPUEVENT_VALID_PAYLOAD = 0x10;

    /** {@link #flags()}: {@link #tripleFaultPending()} is valid. */
    public static final int KVM_VCPUEVENT_VALID_TRIPLE_FAULT = 0x20;

    /** {@link #interruptShadow()}: the instruction before wrote SS. */
    public static final int KVM_X86_SHADOW_INT_MOV_SS = 0x1;

    /** {@link #interruptShadow()}: the instruction before was STI. */
    public static final int KVM_X86_SHADOW_INT_STI = 0x2;

    /** A struct that is all zero. */
    public KvmVcpuEvents(SegmentAllocator allocator) {
        super(allocator, Linux.SIZEOF_kvm_vcpu_events());
    }

    /** Overwrites this struct with another. */
    public void copyFrom(KvmVcpuEvents other) {
        copyBytesFrom(other);
    }

    /** 1 if an exception is injected but not delivered yet. */
    public int exceptionInjected() {
        return unsignedByte(Linux.OFFSETOF_kvm_vcpu_events_exception_injected());
    }

    /** Sets {@link #exceptionInjected()}. */
    public void exceptionInjected(int value) {
        putByte(Linux.OFFSETOF_kvm_vcpu_events_exception_injected(), value);
    }

    /** The exception's vector. */
    public int exceptionNr() {
        return unsignedByte(Linux.OFFSETOF_kvm_vcpu_events_exception_nr());
    }

    /** Sets {@link #exceptionNr()}. */
    public void exceptionNr(int value) {
        putByte(Linux.OFFSETOF_kvm_vcpu_events_exception_nr(), value);
    }

    /** 1 if the exception has an error code. */
    public int exceptionHasErrorCode() {
        return unsignedByte(Linux.OFFSETOF_kvm_vcpu_events_exception_has_error_code());
    }

    /** Sets {@link #exceptionHasErrorCode()}. */
    public void exceptionHasErrorCode(int value) {
        putByte(Linux.OFFSETOF_kvm_vcpu_events_exception_has_error_code(), value);
    }

    /** 1 if an exception is pending (with KVM_CAP_EXCEPTION_PAYLOAD). */
    public int exceptionPending() {
        return unsignedByte(Linux.OFFSETOF_kvm_vcpu_events_exception_pending());
    }

    /** Sets {@link #exceptionPending()}. */
    public void exceptionPending(int value) {
        putByte(Linux.OFFSETOF_kvm_vcpu_events_exception_pending(), value);
    }

    /** The exception's error code. */
    public int exceptionErrorCode() {
        return fields.getInt(Linux.OFFSETOF_kvm_vcpu_events_exception_error_code());
    }

    /** Sets {@link #exceptionErrorCode()}. */
    public void exceptionErrorCode(int value) {
        fields.putInt(Linux.OFFSETOF_kvm_vcpu_events_exception_error_code(), value);
    }

    /** 1 if an interrupt is injected but not delivered yet. */
    public int interruptInjected() {
        return unsignedByte(Linux.OFFSETOF_kvm_vcpu_events_interrupt_injected());
    }

    /** Sets {@link #interruptInjected()}. */
    public void interruptInjected(int value) {
        putByte(Linux.OFFSETOF_kvm_vcpu_events_interrupt_injected(), value);
    }

    /** The interrupt's vector. */
    public int interruptNr() {
        return unsignedByte(Linux.OFFSETOF_kvm_vcpu_events_interrupt_nr());
    }

    /** Sets {@link #interruptNr()}. */
    public void interruptNr(int value) {
        putByte(Linux.OFFSETOF_kvm_vcpu_events_interrupt_nr(), value);
    }

    /** 1 if it comes from an INT instruction. */
    public int interruptSoft() {
        return unsignedByte(Linux.OFFSETOF_kvm_vcpu_events_interrupt_soft());
    }

    /** Sets {@link #interruptSoft()}. */
    public void interruptSoft(int value) {
        putByte(Linux.OFFSETOF_kvm_vcpu_events_interrupt_soft(), value);
    }

    /** The interrupt shadow: a set of KVM_X86_SHADOW_… bits. */
    public int interruptShadow() {
        return unsignedByte(Linux.OFFSETOF_kvm_vcpu_events_interrupt_shadow());
    }

    /** Sets {@link #interruptShadow()}. */
    public void interruptShadow(int value) {
        putByte(Linux.OFFSETOF_kvm_vcpu_events_interrupt_shadow(), value);
    }

    /** 1 if an NMI is injected but not delivered yet. */
    public int nmiInjected() {
        return unsignedByte(Linux.OFFSETOF_kvm_vcpu_events_nmi_injected());
    }

    /** Sets {@link #nmiInjected()}. */
    public void nmiInjected(int value) {
        putByte(Linux.OFFSETOF_kvm_vcpu_events_nmi_injected(), value);
    }

    /** How many NMIs are pending. */
    public int nmiPending() {
        return unsignedByte(Linux.OFFSETOF_kvm_vcpu_events_nmi_pending());
    }

    /** Sets {@link #nmiPending()}. */
    public void nmiPending(int value) {
        putByte(Linux.OFFSETOF_kvm_vcpu_events_nmi_pending(), value);
    }

    /** 1 while an NMI is handled. */
    public int nmiMasked() {
        return unsignedByte(Linux.OFFSETOF_kvm_vcpu_events_nmi_masked());
    }

    /** Sets {@link #nmiMasked()}. */
    public void nmiMasked(int value) {
        putByte(Linux.OFFSETOF_kvm_vcpu_events_nmi_masked(), value);
    }

    /** 1 in system management mode. */
    public int smiSmm() {
        return unsignedByte(Linux.OFFSETOF_kvm_vcpu_events_smi_smm());
    }

    /** Sets {@link #smiSmm()}. */
    public void smiSmm(int value) {
        putByte(Linux.OFFSETOF_kvm_vcpu_events_smi_smm(), value);
    }

    /** 1 if an SMI is pending. */
    public int smiPending() {
        return unsignedByte(Linux.OFFSETOF_kvm_vcpu_events_smi_pending());
    }

    /** Sets {@link #smiPending()}. */
    public void smiPending(int value) {
        putByte(Linux.OFFSETOF_kvm_vcpu_events_smi_pending(), value);
    }

    /** 1 if the SMI came while an NMI was handled. */
    public int smiSmmInsideNmi() {
        return unsignedByte(Linux.OFFSETOF_kvm_vcpu_events_smi_smm_inside_nmi());
    }

    /** Sets {@link #smiSmmInsideNmi()}. */
    public void smiSmmInsideNmi(int value) {
        putByte(Linux.OFFSETOF_kvm_vcpu_events_smi_smm_inside_nmi(), value);
    }

    /** 1 if an INIT waits for the end of system management mode. */
    public int smiLatchedInit() {
        return unsignedByte(Linux.OFFSETOF_kvm_vcpu_events_smi_latched_init());
    }

    /** Sets {@link #smiLatchedInit()}. */
    public void smiLatchedInit(int value) {
        putByte(Linux.OFFSETOF_kvm_vcpu_events_smi_latched_init(), value);
    }

    /** 1 if a triple fault is pending. */
    public int tripleFaultPending() {
        return unsignedByte(Linux.OFFSETOF_kvm_vcpu_events_triple_fault_pending());
    }

    /** Sets {@link #tripleFaultPending()}. */
    public void tripleFaultPending(int value) {
        putByte(Linux.OFFSETOF_kvm_vcpu_events_triple_fault_pending(), value);
    }

    /** The vector of a startup IPI. */
    public int sipiVector() {
        return fields.getInt(Linux.OFFSETOF_kvm_vcpu_events_sipi_vector());
    }

    /** Sets {@link #sipiVector()}. */
    public void sipiVector(int value) {
        fields.putInt(Linux.OFFSETOF_kvm_vcpu_events_sipi_vector(), value);
    }

    /** Which optional fields are valid: a set of KVM_VCPUEVENT_VALID_… bits. */
    public int flags() {
        return fields.getInt(Linux.OFFSETOF_kvm_vcpu_events_flags());
    }

    /** Sets {@link #flags()}. */
    public void flags(int value) {
        fields.putInt(Linux.OFFSETOF_kvm_vcpu_events_flags(), value);
    }

    /** 1 if the exception has a payload (CR2, DR6). */
    public int exceptionHasPayload() {
        return unsignedByte(Linux.OFFSETOF_kvm_vcpu_events_exception_has_payload());
    }

    /** Sets {@link #exceptionHasPayload()}. */
    public void exceptionHasPayload(int value) {
        putByte(Linux.OFFSETOF_kvm_vcpu_events_exception_has_payload(), value);
    }

    /** The exception's payload. */
    public long exceptionPayload() {
        return fields.getLong(Linux.OFFSETOF_kvm_vcpu_events_exception_payload());
    }

    /** Sets {@link #exceptionPayload()}. */
    public void exceptionPayload(long value) {
        fields.putLong(Linux.OFFSETOF_kvm_vcpu_events_exception_payload(), value);
    }
}

// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.kvm;

import java.lang.invoke.VarHandle;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Objects;

import dev.isthmus.kvm.generated.Linux;
import dev.isthmus.kvm.linux.HostMapping;

/**
 * {@code struct kvm_run}: the page that a vCPU shares with user space, read in place.
 *
 * <p>The vCPU's thread reads and writes it between two KVM_RUNs; the kernel writes it in between. Only
 * {@link #immediateExit} may be called by any thread. The fields of an exit are valid from the KVM_RUN that
 * returned with its {@link #exitReason} until the next one. They come from the guest and the kernel together:
 * a consumer checks them as it would check the guest's.
 *
 * @see <a href="https://docs.kernel.org/virt/kvm/api.html">api.rst, section 5</a>
 */
public final class KvmRun {
    /** {@link #flags}: the vCPU is in system management mode. */
    public static final int KVM_RUN_X86_SMM = 1;

    /** {@link #flags}: the guest locked the bus. */
    public static final int KVM_RUN_X86_BUS_LOCK = 2;

    /** {@link #ioDirection} of an IN. */
    public static final int KVM_EXIT_IO_IN = 0;

    /** {@link #ioDirection} of an OUT. */
    public static final int KVM_EXIT_IO_OUT = 1;

    /** {@link #internalSuberror}: an instruction could not be emulated. */
    public static final int KVM_INTERNAL_ERROR_EMULATION = 1;

    /** {@link #internalSuberror}: exceptions came at once. */
    public static final int KVM_INTERNAL_ERROR_SIMUL_EX = 2;

    /** {@link #internalSuberror}: an exit while an event was delivered. */
    public static final int KVM_INTERNAL_ERROR_DELIVERY_EV = 3;

    /** {@link #internalSuberror}: an exit that KVM does not know. */
    public static final int KVM_INTERNAL_ERROR_UNEXPECTED_EXIT_REASON = 4;

    /** {@link #emulationFailureFlags}: the instruction's bytes are valid. */
    public static final int KVM_INTERNAL_ERROR_EMULATION_FLAG_INSTRUCTION_BYTES = 1;

    /** {@link #systemEventType}: the guest powers off. */
    public static final int KVM_SYSTEM_EVENT_SHUTDOWN = 1;

    /** {@link #systemEventType}: the guest resets. */
    public static final int KVM_SYSTEM_EVENT_RESET = 2;

    /** {@link #systemEventType}: the guest crashed. */
    public static final int KVM_SYSTEM_EVENT_CRASH = 3;

    /** The most data of an internal error or a system event. */
    public static final int MAX_DATA_WORDS = 16;

    /** The most bytes of an instruction. */
    private static final int MAX_INSTRUCTION_BYTES = 15;

    private final ByteBuffer page;

    KvmRun(HostMapping mapping) {
        page = mapping.segment().asByteBuffer().order(ByteOrder.nativeOrder());
    }

    /** Why KVM_RUN returned, one of {@link ExitReason}'s; valid if it returned 0. */
    public int exitReason() {
        return page.getInt(Linux.OFFSETOF_kvm_run_exit_reason());
    }

    /**
     * Makes KVM_RUN return EINTR at once, or not any more. Any thread may set it. It is seen by a KVM_RUN
     * that starts later: to stop one that is under way, a signal must follow.
     */
    public void immediateExit(boolean value) {
        page.put(Linux.OFFSETOF_kvm_run_immediate_exit(), value ? (byte) 1 : 0);
        // Pairs with the kernel's READ_ONCE at the start of KVM_RUN. Without it the signal that follows could
        // overtake the store, and the vCPU, having taken the signal, enter the guest once more without seeing
        // it.
        VarHandle.fullFence();
    }

    /** Whether {@link #immediateExit(boolean)} is set. */
    public boolean immediateExit() {
        VarHandle.fullFence();
        return page.get(Linux.OFFSETOF_kvm_run_immediate_exit()) != 0;
    }

    /**
     * Asks for an exit when an interrupt can be injected; only without the in-kernel interrupt controller.
     */
    public void requestInterruptWindow(boolean value) {
        page.put(Linux.OFFSETOF_kvm_run_request_interrupt_window(), value ? (byte) 1 : 0);
    }

    /** Whether an interrupt can be injected now. */
    public boolean readyForInterruptInjection() {
        return page.get(Linux.OFFSETOF_kvm_run_ready_for_interrupt_injection()) != 0;
    }

    /** The guest's interrupt flag; only without the in-kernel interrupt controller. */
    public boolean ifFlag() {
        return page.get(Linux.OFFSETOF_kvm_run_if_flag()) != 0;
    }

    /** A set of {@code KVM_RUN_X86_…} bits. */
    public int flags() {
        return unsignedShort(Linux.OFFSETOF_kvm_run_flags());
    }

    /** CR8; only without the in-kernel interrupt controller. */
    public long cr8() {
        return page.getLong(Linux.OFFSETOF_kvm_run_cr8());
    }

    /** Sets {@link #cr8()}. */
    public void cr8(long value) {
        page.putLong(Linux.OFFSETOF_kvm_run_cr8(), value);
    }

    /** The MSR IA32_APIC_BASE; only without the in-kernel interrupt controller. */
    public long apicBase() {
        return page.getLong(Linux.OFFSETOF_kvm_run_apic_base());
    }

    // KVM_EXIT_IO

    /** {@link #KVM_EXIT_IO_IN} or {@link #KVM_EXIT_IO_OUT}. */
    public int ioDirection() {
        return unsignedByte(Linux.OFFSETOF_kvm_run_io_direction());
    }

    /** How wide each access is: 1, 2 or 4 bytes. */
    public int ioSizeBytes() {
        return unsignedByte(Linux.OFFSETOF_kvm_run_io_size());
    }

    /** The port. */
    public int ioPort() {
        return unsignedShort(Linux.OFFSETOF_kvm_run_io_port());
    }

    /** How many accesses there are; more than one for string instructions. */
    public int ioCount() {
        return page.getInt(Linux.OFFSETOF_kvm_run_io_count());
    }

    /**
     * Where in the mapping the accesses' data lie, one after the other: {@link #ioCount} of {@link
     * #ioSizeBytes}.
     */
    public long ioDataOffset() {
        return page.getLong(Linux.OFFSETOF_kvm_run_io_data_offset());
    }

    /**
     * The data of one access, zero-extended.
     *
     * @param index 0 to {@link #ioCount} - 1
     */
    public int ioData(int index) {
        int size = ioSizeBytes();
        int offset = ioDataOffset(index, size);
        return switch (size) {
            case 1 -> unsignedByte(offset);
            case 2 -> unsignedShort(offset);
            case 4 -> page.getInt(offset);
            default -> throw new IllegalStateException("an I/O exit of " + size + " bytes");
        };
    }

    /**
     * Sets the data of one access of an IN, which the guest gets with the next KVM_RUN.
     *
     * @param index 0 to {@link #ioCount} - 1
     * @param value of which the low {@link #ioSizeBytes} count
     */
    public void ioData(int index, int value) {
        int size = ioSizeBytes();
        int offset = ioDataOffset(index, size);
        switch (size) {
            case 1 -> page.put(offset, (byte) value);
            case 2 -> page.putShort(offset, (short) value);
            case 4 -> page.putInt(offset, value);
            default -> throw new IllegalStateException("an I/O exit of " + size + " bytes");
        }
    }

    private int ioDataOffset(int index, int size) {
        Objects.checkIndex(index, ioCount());
        // The buffer's own bounds check covers the rest: nothing outside the mapping is reachable.
        return Math.toIntExact(ioDataOffset() + (long) index * size);
    }

    // KVM_EXIT_MMIO

    /** The guest address of the access. */
    public long mmioPhysAddr() {
        return page.getLong(Linux.OFFSETOF_kvm_run_mmio_phys_addr());
    }

    /** How many bytes it has, 1 to 8. */
    public int mmioLen() {
        return page.getInt(Linux.OFFSETOF_kvm_run_mmio_len());
    }

    /** Whether it is a write. */
    public boolean mmioIsWrite() {
        return page.get(Linux.OFFSETOF_kvm_run_mmio_is_write()) != 0;
    }

    /**
     * The eight bytes of data, of which the first {@link #mmioLen} count: the low ones, the guest being
     * little-endian.
     */
    public long mmioData() {
        return page.getLong(Linux.OFFSETOF_kvm_run_mmio_data());
    }

    /** Sets what a read returns, which the guest gets with the next KVM_RUN. */
    public void mmioData(long value) {
        page.putLong(Linux.OFFSETOF_kvm_run_mmio_data(), value);
    }

    // KVM_EXIT_FAIL_ENTRY

    /** The hardware's reason. */
    public long failEntryReason() {
        return page.getLong(Linux.OFFSETOF_kvm_run_fail_entry_hardware_entry_failure_reason());
    }

    /** The host's CPU. */
    public int failEntryCpu() {
        return page.getInt(Linux.OFFSETOF_kvm_run_fail_entry_cpu());
    }

    // KVM_EXIT_UNKNOWN

    /** The hardware's reason. */
    public long hardwareExitReason() {
        return page.getLong(Linux.OFFSETOF_kvm_run_hw_hardware_exit_reason());
    }

    // KVM_EXIT_INTERNAL_ERROR

    /** One of {@code KVM_INTERNAL_ERROR_…}. */
    public int internalSuberror() {
        return page.getInt(Linux.OFFSETOF_kvm_run_internal_suberror());
    }

    /** How many words of {@link #internalData} are valid, 0 to {@link #MAX_DATA_WORDS}. */
    public int internalNdata() {
        return dataWords(page.getInt(Linux.OFFSETOF_kvm_run_internal_ndata()));
    }

    /** A word of data whose meaning depends on the suberror. */
    public long internalData(int index) {
        int offset = Objects.checkIndex(index, MAX_DATA_WORDS) * Long.BYTES;
        return page.getLong(Linux.OFFSETOF_kvm_run_internal_data() + offset);
    }

    /** For {@link #KVM_INTERNAL_ERROR_EMULATION}: which of its fields are valid, 0 if none is there. */
    public long emulationFailureFlags() {
        return internalNdata() == 0 ? 0 : page.getLong(Linux.OFFSETOF_kvm_run_emulation_failure_flags());
    }

    /**
     * For {@link #KVM_INTERNAL_ERROR_EMULATION}: how many bytes of the instruction are known, 0 to 15. The
     * instruction may be shorter.
     */
    public int emulationFailureInsnSize() {
        if ((emulationFailureFlags() & KVM_INTERNAL_ERROR_EMULATION_FLAG_INSTRUCTION_BYTES) == 0) {
            return 0;
        }
        int size = unsignedByte(Linux.OFFSETOF_kvm_run_emulation_failure_insn_size());
        return Math.min(size, MAX_INSTRUCTION_BYTES);
    }

    /** A byte of the instruction that could not be emulated. */
    public int emulationFailureInsnByte(int index) {
        int offset = Objects.checkIndex(index, MAX_INSTRUCTION_BYTES);
        return unsignedByte(Linux.OFFSETOF_kvm_run_emulation_failure_insn_bytes() + offset);
    }

    // KVM_EXIT_SYSTEM_EVENT

    /** One of {@code KVM_SYSTEM_EVENT_…}. */
    public int systemEventType() {
        return page.getInt(Linux.OFFSETOF_kvm_run_system_event_type());
    }

    /** How many words of {@link #systemEventData} are valid, 0 to {@link #MAX_DATA_WORDS}. */
    public int systemEventNdata() {
        return dataWords(page.getInt(Linux.OFFSETOF_kvm_run_system_event_ndata()));
    }

    /** A word of data whose meaning depends on the type. */
    public long systemEventData(int index) {
        int offset = Objects.checkIndex(index, MAX_DATA_WORDS) * Long.BYTES;
        return page.getLong(Linux.OFFSETOF_kvm_run_system_event_data() + offset);
    }

    // KVM_EXIT_DEBUG

    /** The exception: 1 for a debug exception, 3 for a breakpoint. */
    public int debugException() {
        return page.getInt(Linux.OFFSETOF_kvm_run_debug_exception());
    }

    /** The linear address of the instruction: the next one after a step, INT3 itself at a breakpoint. */
    public long debugPc() {
        return page.getLong(Linux.OFFSETOF_kvm_run_debug_pc());
    }

    /** DR6, which says what caused a debug exception. */
    public long debugDr6() {
        return page.getLong(Linux.OFFSETOF_kvm_run_debug_dr6());
    }

    /** DR7. */
    public long debugDr7() {
        return page.getLong(Linux.OFFSETOF_kvm_run_debug_dr7());
    }

    // KVM_EXIT_IOAPIC_EOI

    /** The interrupt's vector. */
    public int eoiVector() {
        return unsignedByte(Linux.OFFSETOF_kvm_run_eoi_vector());
    }

    // KVM_EXIT_X86_RDMSR, KVM_EXIT_X86_WRMSR

    /** The MSR's number. */
    public int msrIndex() {
        return page.getInt(Linux.OFFSETOF_kvm_run_msr_index());
    }

    /** Why it comes to user space: one of {@code KVM_MSR_EXIT_REASON_…}. */
    public int msrReason() {
        return page.getInt(Linux.OFFSETOF_kvm_run_msr_reason());
    }

    /** The value that is written. */
    public long msrData() {
        return page.getLong(Linux.OFFSETOF_kvm_run_msr_data());
    }

    /** Sets what a read returns. */
    public void msrData(long value) {
        page.putLong(Linux.OFFSETOF_kvm_run_msr_data(), value);
    }

    /** Makes the access fault (#GP), or not. */
    public void msrError(boolean value) {
        page.put(Linux.OFFSETOF_kvm_run_msr_error(), value ? (byte) 1 : 0);
    }

    private static int dataWords(int count) {
        return count < 0 ? MAX_DATA_WORDS : Math.min(count, MAX_DATA_WORDS);
    }

    private int unsignedByte(int offset) {
        return Byte.toUnsignedInt(page.get(offset));
    }

    private int unsignedShort(int offset) {
        return Short.toUnsignedInt(page.getShort(offset));
    }
}

// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.kvm;

/**
 * Why KVM_RUN returned: the values of {@link KvmRun#exitReason}, as {@code linux/kvm.h} numbers them for x86.
 *
 * <p>Compile-time constants, for {@code switch}.
 */
public final class ExitReason {
    /** KVM does not know why. */
    public static final int KVM_EXIT_UNKNOWN = 0;

    /** An exception (of other architectures). */
    public static final int KVM_EXIT_EXCEPTION = 1;

    /** Port I/O: {@link KvmRun#ioPort} and its neighbours. */
    public static final int KVM_EXIT_IO = 2;

    /** A hypercall for user space. */
    public static final int KVM_EXIT_HYPERCALL = 3;

    /** The debugger asked to stop: {@link KvmRun#debugPc} and its neighbours. */
    public static final int KVM_EXIT_DEBUG = 4;

    /** The vCPU halts; only without the in-kernel interrupt controller. */
    public static final int KVM_EXIT_HLT = 5;

    /** Access to memory that is not there: {@link KvmRun#mmioPhysAddr} and its neighbours. */
    public static final int KVM_EXIT_MMIO = 6;

    /** An interrupt can be injected now. */
    public static final int KVM_EXIT_IRQ_WINDOW_OPEN = 7;

    /** A triple fault. */
    public static final int KVM_EXIT_SHUTDOWN = 8;

    /** The processor refused to enter the guest: {@link KvmRun#failEntryReason}. */
    public static final int KVM_EXIT_FAIL_ENTRY = 9;

    /** A signal came; KVM_RUN also fails with EINTR. */
    public static final int KVM_EXIT_INTR = 10;

    /** The guest lowered its task priority; only without the in-kernel interrupt controller. */
    public static final int KVM_EXIT_SET_TPR = 11;

    /** The guest accessed its task priority. */
    public static final int KVM_EXIT_TPR_ACCESS = 12;

    /** An NMI of the host. */
    public static final int KVM_EXIT_NMI = 16;

    /** KVM cannot go on: {@link KvmRun#internalSuberror} and its neighbours. */
    public static final int KVM_EXIT_INTERNAL_ERROR = 17;

    /** A watchdog (of other architectures). */
    public static final int KVM_EXIT_WATCHDOG = 21;

    /** The guest asks for a shutdown, reset or the like: {@link KvmRun#systemEventType}. */
    public static final int KVM_EXIT_SYSTEM_EVENT = 24;

    /** End of an interrupt; only with a split interrupt controller. */
    public static final int KVM_EXIT_IOAPIC_EOI = 26;

    /** The guest reads a filtered or unknown MSR. */
    public static final int KVM_EXIT_X86_RDMSR = 29;

    /** The guest writes a filtered or unknown MSR. */
    public static final int KVM_EXIT_X86_WRMSR = 30;

    /** The dirty ring has no more room. */
    public static final int KVM_EXIT_DIRTY_RING_FULL = 31;

    /** A vCPU of an encrypted guest waits to be started. */
    public static final int KVM_EXIT_AP_RESET_HOLD = 32;

    /** The guest locked the bus. */
    public static final int KVM_EXIT_X86_BUS_LOCK = 33;

    /** The guest ran too long without an event window. */
    public static final int KVM_EXIT_NOTIFY = 37;

    private ExitReason() {}

    /** The name of a reason, such as {@code KVM_EXIT_IO}; {@code KVM_EXIT 99} for one without a name. */
    public static String name(int exitReason) {
        return switch (exitReason) {
            case KVM_EXIT_UNKNOWN -> "KVM_EXIT_UNKNOWN";
            case KVM_EXIT_EXCEPTION -> "KVM_EXIT_EXCEPTION";
            case KVM_EXIT_IO -> "KVM_EXIT_IO";
            case KVM_EXIT_HYPERCALL -> "KVM_EXIT_HYPERCALL";
            case KVM_EXIT_DEBUG -> "KVM_EXIT_DEBUG";
            case KVM_EXIT_HLT -> "KVM_EXIT_HLT";
            case KVM_EXIT_MMIO -> "KVM_EXIT_MMIO";
            case KVM_EXIT_IRQ_WINDOW_OPEN -> "KVM_EXIT_IRQ_WINDOW_OPEN";
            case KVM_EXIT_SHUTDOWN -> "KVM_EXIT_SHUTDOWN";
            case KVM_EXIT_FAIL_ENTRY -> "KVM_EXIT_FAIL_ENTRY";
            case KVM_EXIT_INTR -> "KVM_EXIT_INTR";
            case KVM_EXIT_SET_TPR -> "KVM_EXIT_SET_TPR";
            case KVM_EXIT_TPR_ACCESS -> "KVM_EXIT_TPR_ACCESS";
            case KVM_EXIT_NMI -> "KVM_EXIT_NMI";
            case KVM_EXIT_INTERNAL_ERROR -> "KVM_EXIT_INTERNAL_ERROR";
            case KVM_EXIT_WATCHDOG -> "KVM_EXIT_WATCHDOG";
            case KVM_EXIT_SYSTEM_EVENT -> "KVM_EXIT_SYSTEM_EVENT";
            case KVM_EXIT_IOAPIC_EOI -> "KVM_EXIT_IOAPIC_EOI";
            case KVM_EXIT_X86_RDMSR -> "KVM_EXIT_X86_RDMSR";
            case KVM_EXIT_X86_WRMSR -> "KVM_EXIT_X86_WRMSR";
            case KVM_EXIT_DIRTY_RING_FULL -> "KVM_EXIT_DIRTY_RING_FULL";
            case KVM_EXIT_AP_RESET_HOLD -> "KVM_EXIT_AP_RESET_HOLD";
            case KVM_EXIT_X86_BUS_LOCK -> "KVM_EXIT_X86_BUS_LOCK";
            case KVM_EXIT_NOTIFY -> "KVM_EXIT_NOTIFY";
            default -> "KVM_EXIT " + exitReason;
        };
    }
}

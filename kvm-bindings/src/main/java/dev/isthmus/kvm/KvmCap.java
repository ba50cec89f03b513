// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.kvm;

/**
 * Capabilities that {@link Kvm#checkExtension} asks for, as {@code linux/kvm.h} numbers them.
 *
 * <p>The answer is 0 for a capability the host does not have, else 1 or the value that is named here.
 */
public final class KvmCap {
    /** Interrupt controllers in the kernel. */
    public static final int KVM_CAP_IRQCHIP = 0;

    /** HLT in the kernel. */
    public static final int KVM_CAP_HLT = 1;

    /** Guest memory from user space. */
    public static final int KVM_CAP_USER_MEMORY = 3;

    /** {@link VmFd#setTssAddr}. */
    public static final int KVM_CAP_SET_TSS_ADDR = 4;

    /** Virtual APIC access. */
    public static final int KVM_CAP_VAPIC = 6;

    /** {@link Kvm#supportedCpuid} and {@link VcpuFd#setCpuid2}. */
    public static final int KVM_CAP_EXT_CPUID = 7;

    /** The paravirtual clock. */
    public static final int KVM_CAP_CLOCKSOURCE = 8;

    /** The recommended number of vCPUs. */
    public static final int KVM_CAP_NR_VCPUS = 9;

    /** How many memory slots a VM can have. */
    public static final int KVM_CAP_NR_MEMSLOTS = 10;

    /** The PIT in the kernel, first version. */
    public static final int KVM_CAP_PIT = 11;

    /** Guests need no I/O delays. */
    public static final int KVM_CAP_NOP_IO_DELAY = 12;

    /** {@link VcpuFd#mpState()}. */
    public static final int KVM_CAP_MP_STATE = 14;

    /** Collected MMIO writes; the value is the page of the ring. */
    public static final int KVM_CAP_COALESCED_MMIO = 15;

    /** Guest memory may be changed by mmap and madvise. */
    public static final int KVM_CAP_SYNC_MMU = 16;

    /** Old device assignment. */
    public static final int KVM_CAP_IOMMU = 18;

    /** A slot can be deleted. */
    public static final int KVM_CAP_DESTROY_MEMORY_REGION_WORKS = 21;

    /** {@link VcpuFd#nmi}. */
    public static final int KVM_CAP_USER_NMI = 22;

    /** {@link VcpuFd#setGuestDebug}. */
    public static final int KVM_CAP_SET_GUEST_DEBUG = 23;

    /** Lost PIT ticks can be given up. */
    public static final int KVM_CAP_REINJECT_CONTROL = 24;

    /** {@link VmFd#setGsiRouting}; the value is the most routes. */
    public static final int KVM_CAP_IRQ_ROUTING = 25;

    /** KVM_IRQ_LINE_STATUS. */
    public static final int KVM_CAP_IRQ_INJECT_STATUS = 26;

    /** Machine checks; the value is the number of banks. */
    public static final int KVM_CAP_MCE = 31;

    /** {@link VmFd#irqfd}. */
    public static final int KVM_CAP_IRQFD = 32;

    /** {@link VmFd#createPit2}. */
    public static final int KVM_CAP_PIT2 = 33;

    /** The boot processor can be chosen. */
    public static final int KVM_CAP_SET_BOOT_CPU_ID = 34;

    /** {@link VmFd#getPit2}. */
    public static final int KVM_CAP_PIT_STATE2 = 35;

    /** {@link VmFd#ioeventfdPio} and {@link VmFd#ioeventfdMmio}. */
    public static final int KVM_CAP_IOEVENTFD = 36;

    /** {@link VmFd#setIdentityMapAddr}. */
    public static final int KVM_CAP_SET_IDENTITY_MAP_ADDR = 37;

    /** {@link VmFd#getClock}; the value is the set of flags. */
    public static final int KVM_CAP_ADJUST_CLOCK = 39;

    /** {@link KvmRun#internalData}. */
    public static final int KVM_CAP_INTERNAL_ERROR_DATA = 40;

    /** {@link VcpuFd#getVcpuEvents}. */
    public static final int KVM_CAP_VCPU_EVENTS = 41;

    /** {@link VcpuFd#getDebugRegs}. */
    public static final int KVM_CAP_DEBUGREGS = 50;

    /** Single steps that the guest does not see. */
    public static final int KVM_CAP_X86_ROBUST_SINGLESTEP = 51;

    /** {@link VmFd#enableCap}. */
    public static final int KVM_CAP_ENABLE_CAP = 54;

    /** {@link VcpuFd#getXsave}. */
    public static final int KVM_CAP_XSAVE = 55;

    /** {@link VcpuFd#getXcrs}. */
    public static final int KVM_CAP_XCRS = 56;

    /** Asynchronous page faults. */
    public static final int KVM_CAP_ASYNC_PF = 59;

    /** {@link VcpuFd#tscKhz(int)}. */
    public static final int KVM_CAP_TSC_CONTROL = 60;

    /** {@link VcpuFd#tscKhz()}. */
    public static final int KVM_CAP_GET_TSC_KHZ = 61;

    /** The most vCPUs that a VM can have. */
    public static final int KVM_CAP_MAX_VCPUS = 66;

    /** The TSC deadline timer of the local APIC. */
    public static final int KVM_CAP_TSC_DEADLINE_TIMER = 72;

    /** {@link VcpuFd#kvmclockCtrl}. */
    public static final int KVM_CAP_KVMCLOCK_CTRL = 76;

    /** {@link VmFd#signalMsi}. */
    public static final int KVM_CAP_SIGNAL_MSI = 77;

    /** {@link VmFd#KVM_MEM_READONLY}. */
    public static final int KVM_CAP_READONLY_MEM = 81;

    /** {@link VmFd#irqfdResample}. */
    public static final int KVM_CAP_IRQFD_RESAMPLE = 82;

    /** Emulated CPUID features. */
    public static final int KVM_CAP_EXT_EMUL_CPUID = 95;

    /** ioeventfds for accesses of any width, MMIO only. */
    public static final int KVM_CAP_IOEVENTFD_NO_LENGTH = 100;

    /** {@link VmFd#checkExtension}. */
    public static final int KVM_CAP_CHECK_EXTENSION_VM = 105;

    /** System management mode. */
    public static final int KVM_CAP_X86_SMM = 117;

    /** Several address spaces a VM; the value is how many. */
    public static final int KVM_CAP_MULTI_ADDRESS_SPACE = 118;

    /** Local APICs in the kernel, the rest in user space. */
    public static final int KVM_CAP_SPLIT_IRQCHIP = 121;

    /** ioeventfds for accesses of any width. */
    public static final int KVM_CAP_IOEVENTFD_ANY_LENGTH = 122;

    /** The limit of vCPU ids. */
    public static final int KVM_CAP_MAX_VCPU_ID = 128;

    /** 32-bit APIC ids. */
    public static final int KVM_CAP_X2APIC_API = 129;

    /** {@link KvmRun#immediateExit}. */
    public static final int KVM_CAP_IMMEDIATE_EXIT = 136;

    /** HLT, MWAIT and PAUSE can be left to the guest. */
    public static final int KVM_CAP_X86_DISABLE_EXITS = 143;

    /** {@link Kvm#msrFeatureIndexList}. */
    public static final int KVM_CAP_GET_MSR_FEATURES = 153;

    /** Payloads of exceptions. */
    public static final int KVM_CAP_EXCEPTION_PAYLOAD = 164;

    /** Reading and clearing the dirty log apart. */
    public static final int KVM_CAP_MANUAL_DIRTY_LOG_PROTECT2 = 168;

    /** MSR exits. */
    public static final int KVM_CAP_X86_USER_SPACE_MSR = 188;

    /** MSR filters. */
    public static final int KVM_CAP_X86_MSR_FILTER = 189;

    /** Dirty rings; the value is the largest size in bytes. */
    public static final int KVM_CAP_DIRTY_LOG_RING = 192;

    /** The set of guest debug bits that work. */
    public static final int KVM_CAP_SET_GUEST_DEBUG2 = 195;

    /** {@code KVM_INTERNAL_ERROR_EMULATION} with flags. */
    public static final int KVM_CAP_EXIT_ON_EMULATION_FAILURE = 204;

    /** KVM_GET_XSAVE2; the value is the size, on a VM. */
    public static final int KVM_CAP_XSAVE2 = 208;

    /** Attributes of the system fd. */
    public static final int KVM_CAP_SYS_ATTRIBUTES = 209;

    /** The TSC frequency of a whole VM. */
    public static final int KVM_CAP_VM_TSC_CONTROL = 214;

    /** {@link KvmRun#systemEventData}. */
    public static final int KVM_CAP_SYSTEM_EVENT_DATA = 215;

    /** Pending triple faults in the vCPU events. */
    public static final int KVM_CAP_X86_TRIPLE_FAULT_EVENT = 218;

    /** {@code KVM_EXIT_NOTIFY}. */
    public static final int KVM_CAP_X86_NOTIFY_VMEXIT = 219;

    private KvmCap() {}
}

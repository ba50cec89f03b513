// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.kvm;

import java.nio.ByteBuffer;

import dev.isthmus.kvm.ffi.Syscall;
import dev.isthmus.kvm.ffi.ThreadMemory;
import dev.isthmus.kvm.generated.Linux;
import dev.isthmus.kvm.linux.Errno;
import dev.isthmus.kvm.linux.ErrnoException;
import dev.isthmus.kvm.linux.Fd;
import dev.isthmus.kvm.linux.HostMapping;

/**
 * A vCPU: its registers and other state, and KVM_RUN.
 *
 * <p>One thread, which may change while the vCPU does not run; the kernel serialises calls of others behind
 * KVM_RUN, so that they would wait without limit. Section numbers refer to the kernel's {@code
 * Documentation/virt/kvm/api.rst}.
 */
public final class VcpuFd implements AutoCloseable {
    /** {@link #mpState()}: runs, or is ready to. */
    public static final int KVM_MP_STATE_RUNNABLE = 0;

    /** {@link #mpState()}: waits for INIT, as all but the boot processor do at first. */
    public static final int KVM_MP_STATE_UNINITIALIZED = 1;

    /** {@link #mpState()}: got INIT and waits for a startup IPI. */
    public static final int KVM_MP_STATE_INIT_RECEIVED = 2;

    /** {@link #mpState()}: executed HLT and waits for an interrupt. */
    public static final int KVM_MP_STATE_HALTED = 3;

    /** {@link #mpState()}: just got its startup IPI. */
    public static final int KVM_MP_STATE_SIPI_RECEIVED = 4;

    private final VmFd vm;
    private final Fd fd;
    private final int id;
    private final HostMapping mapping;
    private final KvmRun kvmRun;

    VcpuFd(VmFd vm, Fd fd, int id, int mmapSizeBytes) {
        this.vm = vm;
        this.fd = fd;
        this.id = id;
        this.mapping = HostMapping.shared(fd, 0, mmapSizeBytes);
        this.kvmRun = new KvmRun(mapping);
    }

    /** Its number within the VM. */
    public int id() {
        return id;
    }

    /** Its descriptor, which it keeps. */
    public Fd fd() {
        return fd;
    }

    /** The page that says why {@link #run} returned. */
    public KvmRun kvmRun() {
        return kvmRun;
    }

    /**
     * KVM_RUN (4.10): runs the guest until something needs user space. May block without limit. Allocates
     * nothing.
     *
     * @return 0 when {@link KvmRun#exitReason} says why it returned; {@link Errno#EINTR} after a signal or
     *     with {@link KvmRun#immediateExit}; {@link Errno#EAGAIN} when a vCPU that is not started yet was
     *     woken
     * @throws ErrnoException for everything else
     */
    public int run() {
        long result = Syscall.call(Linux.__NR_ioctl(), fd.number(), Linux.KVM_RUN(), 0);
        if (result >= 0) {
            return 0;
        }
        if (result == -Errno.EINTR || result == -Errno.EAGAIN) {
            return (int) -result;
        }
        throw ErrnoException.of("KVM_RUN", "vCPU " + id, result);
    }

    /** KVM_GET_REGS (4.11). */
    public void getRegs(KvmRegs regs) {
        Ioctl.struct(fd, "KVM_GET_REGS", Linux.KVM_GET_REGS(), regs);
    }

    /** KVM_SET_REGS (4.12). */
    public void setRegs(KvmRegs regs) {
        Ioctl.struct(fd, "KVM_SET_REGS", Linux.KVM_SET_REGS(), regs);
    }

    /** KVM_GET_SREGS (4.13). */
    public void getSregs(KvmSregs sregs) {
        Ioctl.struct(fd, "KVM_GET_SREGS", Linux.KVM_GET_SREGS(), sregs);
    }

    /** KVM_SET_SREGS (4.14). */
    public void setSregs(KvmSregs sregs) {
        Ioctl.struct(fd, "KVM_SET_SREGS", Linux.KVM_SET_SREGS(), sregs);
    }

    /** KVM_GET_FPU (4.22). */
    public void getFpu(KvmFpu fpu) {
        Ioctl.struct(fd, "KVM_GET_FPU", Linux.KVM_GET_FPU(), fpu);
    }

    /** KVM_SET_FPU (4.23). */
    public void setFpu(KvmFpu fpu) {
        Ioctl.struct(fd, "KVM_SET_FPU", Linux.KVM_SET_FPU(), fpu);
    }

    /**
     * KVM_GET_XSAVE2 (4.134), or KVM_GET_XSAVE (4.42) where the state has no more than that call's 4 KiB.
     *
     * @param xsave of {@link VmFd#xsaveBytes()}
     */
    public void getXsave(KvmXsave xsave) {
        checkSize(xsave);
        if (xsave.lengthBytes() > Linux.SIZEOF_kvm_xsave()) {
            Ioctl.struct(fd, "KVM_GET_XSAVE2", Linux.KVM_GET_XSAVE2(), xsave);
        } else {
            Ioctl.struct(fd, "KVM_GET_XSAVE", Linux.KVM_GET_XSAVE(), xsave);
        }
    }

    /**
     * KVM_SET_XSAVE (4.43).
     *
     * @param xsave of {@link VmFd#xsaveBytes()}
     */
    public void setXsave(KvmXsave xsave) {
        checkSize(xsave);
        Ioctl.struct(fd, "KVM_SET_XSAVE", Linux.KVM_SET_XSAVE(), xsave);
    }

    /** The kernel goes by the VM's size and not by the area's. */
    private void checkSize(KvmXsave xsave) {
        if (xsave.lengthBytes() < vm.xsaveBytes()) {
            throw new IllegalArgumentException(
                    "the area has " + xsave.lengthBytes() + " bytes, the state " + vm.xsaveBytes());
        }
    }

    /** KVM_GET_XCRS (4.44). */
    public void getXcrs(KvmXcrs xcrs) {
        Ioctl.struct(fd, "KVM_GET_XCRS", Linux.KVM_GET_XCRS(), xcrs);
    }

    /** KVM_SET_XCRS (4.45). */
    public void setXcrs(KvmXcrs xcrs) {
        Ioctl.struct(fd, "KVM_SET_XCRS", Linux.KVM_SET_XCRS(), xcrs);
    }

    /**
     * KVM_GET_MSRS (4.18).
     *
     * @param msrs names the registers and gets their values
     * @return how many were read: the position of the first that could not be
     */
    public int getMsrs(MsrList msrs) {
        return Ioctl.struct(fd, "KVM_GET_MSRS", Linux.KVM_GET_MSRS(), msrs);
    }

    /**
     * KVM_SET_MSRS (4.19).
     *
     * @return how many were set: the position of the first that could not be
     */
    public int setMsrs(MsrList msrs) {
        return Ioctl.struct(fd, "KVM_SET_MSRS", Linux.KVM_SET_MSRS(), msrs);
    }

    /** KVM_SET_CPUID2 (4.20): what CPUID answers. Before the first {@link #run}. */
    public void setCpuid2(CpuidTable table) {
        Ioctl.struct(fd, "KVM_SET_CPUID2", Linux.KVM_SET_CPUID2(), table);
    }

    /**
     * KVM_GET_CPUID2 (4.21).
     *
     * @throws ErrnoException E2BIG if the table has too little room
     */
    public void getCpuid2(CpuidTable table) {
        table.nent(table.capacity());
        Ioctl.struct(fd, "KVM_GET_CPUID2", Linux.KVM_GET_CPUID2(), table);
    }

    /** KVM_GET_LAPIC (4.57). */
    public void getLapic(KvmLapic lapic) {
        Ioctl.struct(fd, "KVM_GET_LAPIC", Linux.KVM_GET_LAPIC(), lapic);
    }

    /** KVM_SET_LAPIC (4.58). */
    public void setLapic(KvmLapic lapic) {
        Ioctl.struct(fd, "KVM_SET_LAPIC", Linux.KVM_SET_LAPIC(), lapic);
    }

    /** KVM_GET_MP_STATE (4.38), one of {@code KVM_MP_STATE_…}. */
    public int mpState() {
        ThreadMemory memory = ThreadMemory.current();
        long result = Ioctl.call(fd, Linux.KVM_GET_MP_STATE(), memory.scratchAddress());
        if (result < 0) {
            throw ErrnoException.of("KVM_GET_MP_STATE", "vCPU " + id, result);
        }
        return memory.scratch().getInt(Linux.OFFSETOF_kvm_mp_state_mp_state());
    }

    /** KVM_SET_MP_STATE (4.39). */
    public void mpState(int state) {
        ThreadMemory memory = ThreadMemory.current();
        memory.scratch().putInt(Linux.OFFSETOF_kvm_mp_state_mp_state(), state);
        long result = Ioctl.call(fd, Linux.KVM_SET_MP_STATE(), memory.scratchAddress());
        if (result < 0) {
            throw ErrnoException.of("KVM_SET_MP_STATE", "vCPU " + id + ", state " + state, result);
        }
    }

    /** KVM_GET_VCPU_EVENTS (4.31). */
    public void getVcpuEvents(KvmVcpuEvents events) {
        Ioctl.struct(fd, "KVM_GET_VCPU_EVENTS", Linux.KVM_GET_VCPU_EVENTS(), events);
    }

    /** KVM_SET_VCPU_EVENTS (4.32). */
    public void setVcpuEvents(KvmVcpuEvents events) {
        Ioctl.struct(fd, "KVM_SET_VCPU_EVENTS", Linux.KVM_SET_VCPU_EVENTS(), events);
    }

    /** KVM_GET_DEBUGREGS (4.33). */
    public void getDebugRegs(KvmDebugRegs regs) {
        Ioctl.struct(fd, "KVM_GET_DEBUGREGS", Linux.KVM_GET_DEBUGREGS(), regs);
    }

    /** KVM_SET_DEBUGREGS (4.34). */
    public void setDebugRegs(KvmDebugRegs regs) {
        Ioctl.struct(fd, "KVM_SET_DEBUGREGS", Linux.KVM_SET_DEBUGREGS(), regs);
    }

    /** KVM_SET_GUEST_DEBUG (4.87). */
    public void setGuestDebug(KvmGuestDebug debug) {
        Ioctl.struct(fd, "KVM_SET_GUEST_DEBUG", Linux.KVM_SET_GUEST_DEBUG(), debug);
    }

    /**
     * KVM_SET_SIGNAL_MASK (4.17): which signals are blocked in the calling thread inside KVM_RUN, instead of
     * those blocked outside.
     *
     * @param blocked a set of {@link dev.isthmus.kvm.linux.Signals#bit}s
     */
    public void setSignalMask(long blocked) {
        ThreadMemory memory = ThreadMemory.current();
        ByteBuffer mask = memory.scratch();
        mask.putInt(Linux.OFFSETOF_kvm_signal_mask_len(), Long.BYTES);
        mask.putLong(Linux.OFFSETOF_kvm_signal_mask_sigset(), blocked);
        long result = Ioctl.call(fd, Linux.KVM_SET_SIGNAL_MASK(), memory.scratchAddress());
        if (result < 0) {
            throw ErrnoException.of("KVM_SET_SIGNAL_MASK", Long.toHexString(blocked), result);
        }
    }

    /** KVM_INTERRUPT (4.16): injects an interrupt; only without the in-kernel interrupt controller. */
    public void interrupt(int vector) {
        ThreadMemory memory = ThreadMemory.current();
        memory.scratch().putInt(Linux.OFFSETOF_kvm_interrupt_irq(), vector);
        long result = Ioctl.call(fd, Linux.KVM_INTERRUPT(), memory.scratchAddress());
        if (result < 0) {
            throw ErrnoException.of("KVM_INTERRUPT", "vCPU " + id + ", vector " + vector, result);
        }
    }

    /** KVM_NMI (4.64): injects a non-maskable interrupt. */
    public void nmi() {
        Ioctl.number(fd, "KVM_NMI", Linux.KVM_NMI(), 0);
    }

    /** KVM_GET_TSC_KHZ (4.56): how fast the guest's TSC counts. */
    public int tscKhz() {
        return Ioctl.number(fd, "KVM_GET_TSC_KHZ", Linux.KVM_GET_TSC_KHZ(), 0);
    }

    /** KVM_SET_TSC_KHZ (4.55). */
    public void tscKhz(int khz) {
        Ioctl.number(fd, "KVM_SET_TSC_KHZ", Linux.KVM_SET_TSC_KHZ(), khz);
    }

    /**
     * KVM_KVMCLOCK_CTRL (4.69): tells the guest that it was paused, lest its watchdogs take the time for a
     * hang.
     *
     * @return whether the guest uses the paravirtual clock and so could be told
     */
    public boolean kvmclockCtrl() {
        long result = Ioctl.call(fd, Linux.KVM_KVMCLOCK_CTRL(), 0);
        if (result == -Errno.EINVAL) {
            return false;
        }
        if (result < 0) {
            throw ErrnoException.of("KVM_KVMCLOCK_CTRL", "vCPU " + id, result);
        }
        return true;
    }

    /** Closes the descriptor and unmaps {@link #kvmRun}; does nothing the second time. It must not run. */
    @Override
    public void close() {
        mapping.close();
        fd.close();
    }
}

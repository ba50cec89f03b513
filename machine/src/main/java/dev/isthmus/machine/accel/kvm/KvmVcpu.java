// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.machine.accel.kvm;

import java.lang.foreign.Arena;

import dev.isthmus.kvm.CpuidTable;
import dev.isthmus.kvm.KvmGuestDebug;
import dev.isthmus.kvm.KvmRegs;
import dev.isthmus.kvm.KvmSregs;
import dev.isthmus.kvm.VcpuFd;
import dev.isthmus.kvm.linux.Errno;
import dev.isthmus.kvm.linux.ErrnoException;
import dev.isthmus.machine.VmException;
import dev.isthmus.machine.accel.CpuRegisters;
import dev.isthmus.machine.accel.Vcpu;
import dev.isthmus.machine.accel.VcpuExit;
import dev.isthmus.machine.boot.InitialCpuState;
import dev.isthmus.machine.cpu.CpuidEntry;
import dev.isthmus.machine.io.HostFaults;

/** A vCPU of KVM. */
final class KvmVcpu implements Vcpu {
    /** DR7: L0, the local enable of breakpoint 0; breakpoint n's is two bits further for each. */
    private static final long DR7_L0 = 1;

    /** DR7: bit 10 is always set. */
    private static final long DR7_FIXED_1 = 1 << 10;

    private static final int MAX_BREAKPOINTS = 4;

    /**
     * EAGAIN on end until it is taken for a failure. A vCPU that has not been started yet gets one for each INIT and SIPI;
     * where KVM can't have a thread of the kernel that it needs, there is no other answer any more.
     */
    private static final int MAX_RETRIES = 10_000;

    private final int index;
    private final VcpuFd fd;
    private final boolean localApic;
    private final VcpuKicker kicker;
    private final KvmVcpuExit exit;

    /** {@link #run} on end that KVM_RUN asked to be called again. The vCPU's thread only. */
    private int retries;

    KvmVcpu(int index, VcpuFd fd, boolean localApic) {
        this.index = index;
        this.localApic = localApic;
        this.fd = fd;
        this.kicker = new VcpuKicker(fd);
        this.exit = new KvmVcpuExit(fd.kvmRun());
    }

    VcpuFd fd() {
        return fd;
    }

    @Override
    public int index() {
        return index;
    }

    @Override
    public int tscKhz() {
        try {
            return fd.tscKhz();
        } catch (ErrnoException _) {
            // EIO: the host's counter is not stable.
            return 0;
        }
    }

    @Override
    public void setCpuid(CpuidEntry[] entries) {
        try (Arena arena = Arena.ofConfined()) {
            fd.setCpuid2(CpuidCopy.toKvm(entries, arena));
        }
    }

    @Override
    public CpuidEntry[] cpuid() {
        try (Arena arena = Arena.ofConfined()) {
            CpuidTable table = new CpuidTable(arena, CpuidTable.MAX_ENTRIES);
            fd.getCpuid2(table);
            return CpuidCopy.fromKvm(table);
        }
    }

    @Override
    public void setInitialState(InitialCpuState state) {
        InitialRegisters.set(fd, state, localApic);
    }

    @Override
    public void attachThread() {
        kicker.attachThread();
    }

    @Override
    public void detachThread() {
        kicker.detachThread();
    }

    @Override
    public VcpuExit run() {
        int errno;
        try {
            errno = fd.run();
        } catch (ErrnoException e) {
            throw runFailed(e);
        }
        if (errno == 0) {
            retries = 0;
            return exit.decode();
        }
        if (errno == Errno.EINTR) {
            kicker.consume();
        } else if (++retries == MAX_RETRIES) {
            throw HostFaults.of("KVM does not run the guest", new ErrnoException("KVM_RUN", "vCPU " + index, errno));
        }
        return exit.interrupted();
    }

    @Override
    public VcpuExit finishInstruction() {
        // KVM finishes the instruction at the start of KVM_RUN, before it looks at immediate_exit.
        fd.kvmRun().immediateExit(true);
        try {
            return fd.run() == 0 ? exit.decode() : exit.interrupted();
        } catch (ErrnoException e) {
            throw runFailed(e);
        } finally {
            fd.kvmRun().immediateExit(false);
        }
    }

    private static VmException runFailed(ErrnoException e) {
        String remedy = e.errno() == Errno.EFAULT || e.errno() == Errno.ENOMEM
                ? "The host has no memory left for the guest's: free some, or give the guest less."
                : "";
        return new VmException.HostFault("KVM stopped running the guest: " + e.getMessage(), remedy, e);
    }

    @Override
    public void kick() {
        kicker.kick();
    }

    @Override
    public VcpuExit lastExit() {
        return exit;
    }

    @Override
    public void notePause() {
        fd.kvmclockCtrl();
    }

    @Override
    public CpuRegisters registers() {
        try (Arena arena = Arena.ofConfined()) {
            KvmRegs regs = new KvmRegs(arena);
            KvmSregs sregs = new KvmSregs(arena);
            fd.getRegs(regs);
            fd.getSregs(sregs);
            return RegisterCopy.of(regs, sregs);
        }
    }

    @Override
    public void debug(boolean singleStep, long... breakpoints) {
        if (breakpoints.length > MAX_BREAKPOINTS) {
            throw new IllegalArgumentException("A processor has four breakpoints, not " + breakpoints.length);
        }
        try (Arena arena = Arena.ofConfined()) {
            KvmGuestDebug debug = new KvmGuestDebug(arena);
            int control = 0;
            if (singleStep) {
                control |= KvmGuestDebug.KVM_GUESTDBG_ENABLE | KvmGuestDebug.KVM_GUESTDBG_SINGLESTEP;
            }
            if (breakpoints.length > 0) {
                control |= KvmGuestDebug.KVM_GUESTDBG_ENABLE | KvmGuestDebug.KVM_GUESTDBG_USE_HW_BP;
                long dr7 = DR7_FIXED_1;
                for (int i = 0; i < breakpoints.length; i++) {
                    debug.debugreg(i, breakpoints[i]);
                    dr7 |= DR7_L0 << (2 * i);
                }
                debug.debugreg(7, dr7);
            }
            debug.control(control);
            fd.setGuestDebug(debug);
        }
    }

    @Override
    public void close() {
        fd.close();
    }
}

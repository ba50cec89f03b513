// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.testing.kvm;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.HexFormat;

import dev.isthmus.kvm.Kvm;
import dev.isthmus.kvm.KvmRegs;
import dev.isthmus.kvm.KvmRun;
import dev.isthmus.kvm.KvmSregs;
import dev.isthmus.kvm.VcpuFd;
import dev.isthmus.kvm.VmFd;
import dev.isthmus.kvm.linux.HostMapping;
import dev.isthmus.kvm.linux.Memfd;

/**
 * A VM of 64 KiB with one vCPU in real mode, for hand-assembled code at {@link #CODE_GPA}.
 *
 * <p>All segments have base 0. The stack grows down from {@link #STACK_GPA}.
 */
public final class RealModeGuest implements AutoCloseable {
    /** Where the code lies and starts. */
    public static final int CODE_GPA = 0x1000;

    /** Where the stack starts. */
    public static final int STACK_GPA = 0x8000;

    /** How much memory there is, from address 0. */
    public static final int RAM_BYTES = 0x1_0000;

    private static final int RFLAGS_RESERVED = 2;

    private final Arena arena = Arena.ofShared();
    private final Kvm kvm = Kvm.open(Kvm.DEFAULT_PATH);
    private final VmFd vm = kvm.createVm();
    private final Memfd memfd = Memfd.create("test-guest", RAM_BYTES, Memfd.DEFAULT_PAGES);
    private final HostMapping ram = HostMapping.shared(memfd.fd(), 0, RAM_BYTES);
    private final VcpuFd vcpu;

    private RealModeGuest(boolean irqchip, int slotFlags, String... code) {
        if (irqchip) {
            vm.createIrqchip();
        }
        vm.setUserMemoryRegion(0, slotFlags, 0, RAM_BYTES, ram.address());
        vcpu = vm.createVcpu(0);
        load(CODE_GPA, code);
        KvmSregs sregs = new KvmSregs(arena);
        vcpu.getSregs(sregs);
        sregs.cs().base(0);
        sregs.cs().selector(0);
        vcpu.setSregs(sregs);
        KvmRegs regs = new KvmRegs(arena);
        regs.rip(CODE_GPA);
        regs.rsp(STACK_GPA);
        regs.rflags(RFLAGS_RESERVED);
        vcpu.setRegs(regs);
    }

    /** A guest without interrupt controllers: HLT exits. Each string is an instruction in hexadecimal. */
    public static RealModeGuest bare(String... code) {
        return new RealModeGuest(false, 0, code);
    }

    /** A guest with the in-kernel interrupt controllers: HLT waits in the kernel. */
    public static RealModeGuest withIrqchip(String... code) {
        return new RealModeGuest(true, 0, code);
    }

    /** A bare guest whose memory slot has flags. */
    public static RealModeGuest withSlotFlags(int slotFlags, String... code) {
        return new RealModeGuest(false, slotFlags, code);
    }

    /** Writes instructions, each a string in hexadecimal, to guest memory. */
    public void load(int gpa, String... code) {
        byte[] bytes = HexFormat.of().parseHex(String.join("", code).replace(" ", ""));
        MemorySegment.copy(bytes, 0, ram.segment(), ValueLayout.JAVA_BYTE, gpa, bytes.length);
    }

    /** Sets an entry of the interrupt vector table. */
    public void setVector(int vector, int handlerGpa) {
        ram.segment().set(ValueLayout.JAVA_INT, vector * 4L, handlerGpa);
    }

    /** The system descriptor. */
    public Kvm kvm() {
        return kvm;
    }

    /** The VM. */
    public VmFd vm() {
        return vm;
    }

    /** The vCPU. */
    public VcpuFd vcpu() {
        return vcpu;
    }

    /** What the vCPU shares. */
    public KvmRun kvmRun() {
        return vcpu.kvmRun();
    }

    /** The guest's memory. */
    public HostMapping ram() {
        return ram;
    }

    /** Memory that lives as long as the guest. */
    public Arena arena() {
        return arena;
    }

    /** The general registers now. */
    public KvmRegs regs() {
        KvmRegs regs = new KvmRegs(arena);
        vcpu.getRegs(regs);
        return regs;
    }

    @Override
    public void close() {
        vcpu.close();
        vm.close();
        ram.close();
        memfd.close();
        kvm.close();
        arena.close();
    }
}

// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.machine.accel.kvm;

import java.lang.foreign.Arena;

import dev.isthmus.kvm.KvmLapic;
import dev.isthmus.kvm.KvmRegs;
import dev.isthmus.kvm.KvmSegment;
import dev.isthmus.kvm.KvmSregs;
import dev.isthmus.kvm.MsrList;
import dev.isthmus.kvm.VcpuFd;
import dev.isthmus.machine.boot.InitialCpuState;

/**
 * Sets the registers with which the boot processor enters a kernel, starting from its state after power-on.
 *
 * <p>Sources: Intel SDM volume 3, sections 3.4.5 (segments), 9.8.5 (64-bit mode), 11.5.1 (local vector table), 12.11
 * (MTRRs); Linux's x86 boot protocol; Xen's PVH start ABI.
 */
final class InitialRegisters {
    private static final long CR0_PE = 1;
    private static final long CR0_ET = 1 << 4;
    private static final long CR0_PG = 1L << 31;
    private static final long CR4_PAE = 1 << 5;
    private static final long EFER_LME = 1 << 8;
    private static final long EFER_LMA = 1 << 10;

    /** RFLAGS: bit 1 is always set. */
    private static final long RFLAGS_FIXED_1 = 1 << 1;

    private static final int CODE_EXECUTE_READ_ACCESSED = 0xb;
    private static final int DATA_READ_WRITE_ACCESSED = 0x3;
    private static final int BUSY_TSS = 0xb;
    private static final int TSS_LIMIT = 0x67;
    private static final int FLAT_LIMIT = -1;
    private static final int REAL_MODE_LIMIT = 0xffff;

    private static final int IA32_MISC_ENABLE = 0x1a0;
    private static final long IA32_MISC_ENABLE_FAST_STRING = 1;
    private static final int IA32_MTRR_DEF_TYPE = 0x2ff;
    private static final long IA32_MTRR_DEF_TYPE_ENABLED = 1 << 11;
    private static final long MTRR_WRITE_BACK = 6;

    private static final int APIC_LVT_LINT0 = 0x350;
    private static final int APIC_LVT_LINT1 = 0x360;
    private static final int APIC_DELIVERY_NMI = 0x400;
    private static final int APIC_DELIVERY_EXTINT = 0x700;

    private InitialRegisters() {}

    /**
     * Sets all of it.
     *
     * @param localApic whether the vCPU has one in the kernel
     */
    static void set(VcpuFd vcpu, InitialCpuState state, boolean localApic) {
        try (Arena arena = Arena.ofConfined()) {
            KvmSregs sregs = new KvmSregs(arena);
            vcpu.getSregs(sregs);
            setSegments(sregs, state);
            setControlRegisters(sregs, state);
            vcpu.setSregs(sregs);

            KvmRegs regs = new KvmRegs(arena);
            regs.rip(state.rip());
            regs.rsp(state.rsp());
            regs.rbx(state.rbx());
            regs.rsi(state.rsi());
            regs.rflags(RFLAGS_FIXED_1);
            vcpu.setRegs(regs);

            setFirmwareMsrs(vcpu, arena);
            if (localApic) {
                setLocalInterrupts(vcpu, arena);
            }
        }
    }

    private static void setSegments(KvmSregs sregs, InitialCpuState state) {
        if (state.mode() == InitialCpuState.Mode.REAL) {
            setRealMode(sregs.cs(), state.codeSelector());
            setRealMode(sregs.ds(), state.dataSelector());
            setRealMode(sregs.es(), state.dataSelector());
            setRealMode(sregs.fs(), state.dataSelector());
            setRealMode(sregs.gs(), state.dataSelector());
            setRealMode(sregs.ss(), state.dataSelector());
            return;
        }
        KvmSegment code = sregs.cs();
        setFlat(code, state.codeSelector(), CODE_EXECUTE_READ_ACCESSED);
        boolean longMode = state.mode() == InitialCpuState.Mode.LONG;
        code.l(longMode ? 1 : 0);
        code.db(longMode ? 0 : 1);
        setFlat(sregs.ds(), state.dataSelector(), DATA_READ_WRITE_ACCESSED);
        setFlat(sregs.es(), state.dataSelector(), DATA_READ_WRITE_ACCESSED);
        setFlat(sregs.fs(), state.dataSelector(), DATA_READ_WRITE_ACCESSED);
        setFlat(sregs.gs(), state.dataSelector(), DATA_READ_WRITE_ACCESSED);
        setFlat(sregs.ss(), state.dataSelector(), DATA_READ_WRITE_ACCESSED);

        // Processors demand a valid busy TSS to enter a guest in protected mode; PVH asks for just this one.
        KvmSegment task = sregs.tr();
        task.base(0);
        task.limit(TSS_LIMIT);
        task.type(BUSY_TSS);
        task.present(1);
        task.s(0);
        task.unusable(0);

        sregs.gdt().base(state.gdtGpa());
        sregs.gdt().limit(state.gdtLimit());
        sregs.idt().base(0);
        sregs.idt().limit(0);
    }

    private static void setRealMode(KvmSegment segment, int selector) {
        segment.selector(selector);
        segment.base((long) selector << 4);
        segment.limit(REAL_MODE_LIMIT);
    }

    private static void setFlat(KvmSegment segment, int selector, int type) {
        segment.selector(selector);
        segment.base(0);
        segment.limit(FLAT_LIMIT);
        segment.type(type);
        segment.present(1);
        segment.dpl(0);
        segment.s(1);
        segment.db(1);
        segment.l(0);
        segment.g(1);
        segment.avl(0);
        segment.unusable(0);
    }

    private static void setControlRegisters(KvmSregs sregs, InitialCpuState state) {
        switch (state.mode()) {
            case REAL -> {
                // As after power-on.
            }
            case PROTECTED -> {
                sregs.cr0(CR0_PE | CR0_ET);
                sregs.cr4(0);
            }
            case LONG -> {
                sregs.cr3(state.cr3());
                sregs.cr4(CR4_PAE);
                sregs.cr0(CR0_PE | CR0_ET | CR0_PG);
                sregs.efer(EFER_LME | EFER_LMA);
            }
        }
    }

    /**
     * What firmware would have set up: all memory write-back by MTRR (after power-on MTRRs are off, which means
     * uncached and has Linux give up PAT), and fast string instructions.
     */
    private static void setFirmwareMsrs(VcpuFd vcpu, Arena arena) {
        MsrList msrs = new MsrList(arena, 2);
        msrs.add(IA32_MTRR_DEF_TYPE, IA32_MTRR_DEF_TYPE_ENABLED | MTRR_WRITE_BACK);
        msrs.add(IA32_MISC_ENABLE, IA32_MISC_ENABLE_FAST_STRING);
        // A host that refuses one (KVM then stops there) runs the guest all the same.
        vcpu.setMsrs(msrs);
    }

    /** The PIC comes in at LINT0 and NMI at LINT1 of the boot processor, as the MP and ACPI tables say. */
    private static void setLocalInterrupts(VcpuFd vcpu, Arena arena) {
        KvmLapic lapic = new KvmLapic(arena);
        vcpu.getLapic(lapic);
        lapic.register(APIC_LVT_LINT0, APIC_DELIVERY_EXTINT);
        lapic.register(APIC_LVT_LINT1, APIC_DELIVERY_NMI);
        vcpu.setLapic(lapic);
    }
}

// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.machine.accel.kvm;

import java.lang.foreign.Arena;

import dev.isthmus.kvm.CpuidTable;
import dev.isthmus.kvm.Kvm;
import dev.isthmus.kvm.KvmDebugRegs;
import dev.isthmus.kvm.KvmIrqchip;
import dev.isthmus.kvm.KvmLapic;
import dev.isthmus.kvm.KvmPitState;
import dev.isthmus.kvm.KvmRegs;
import dev.isthmus.kvm.KvmSregs;
import dev.isthmus.kvm.KvmVcpuEvents;
import dev.isthmus.kvm.KvmXcrs;
import dev.isthmus.kvm.KvmXsave;
import dev.isthmus.kvm.MsrIndexList;
import dev.isthmus.kvm.MsrList;
import dev.isthmus.kvm.VcpuFd;
import dev.isthmus.kvm.VmFd;

/**
 * The state after power-on, taken from a VM that never ran: the kernel's own idea of it, whatever the kernel's version.
 * A reset copies it to the VM that did run, so that a VM's start pays nothing for the possibility of a reset.
 *
 * <p>The template has no memory and costs well under a millisecond. Any thread; no vCPU of either VM is running.
 */
final class PowerOnState {
    private static final int[] CHIPS = {
        KvmIrqchip.KVM_IRQCHIP_PIC_MASTER, KvmIrqchip.KVM_IRQCHIP_PIC_SLAVE, KvmIrqchip.KVM_IRQCHIP_IOAPIC
    };

    private final Arena arena;
    private final VmFd template;
    private final MsrIndexList msrIndexes;

    PowerOnState(Arena arena, Kvm kvm, VmFd template) {
        this.arena = arena;
        this.template = template;
        this.msrIndexes = kvm.msrIndexList(arena);
    }

    /** Resets a vCPU. Its CPUID stays, which the template's vCPU gets, too: it decides which MSRs there are. */
    void copyTo(VcpuFd vcpu) {
        try (VcpuFd fresh = template.createVcpu(vcpu.id())) {
            CpuidTable cpuid = new CpuidTable(arena, CpuidTable.MAX_ENTRIES);
            vcpu.getCpuid2(cpuid);
            fresh.setCpuid2(cpuid);
            // APIC base and mode come with the segment registers and must be there before the APIC's registers; paging
            // bits come with them, too, and must be there before MSRs that depend on the mode.
            copyRegisters(fresh, vcpu);
            copyMsrs(fresh, vcpu);
            copyApic(fresh, vcpu);
            copyEvents(fresh, vcpu);
            vcpu.mpState(fresh.mpState());
        }
    }

    private void copyRegisters(VcpuFd fresh, VcpuFd vcpu) {
        KvmSregs sregs = new KvmSregs(arena);
        fresh.getSregs(sregs);
        vcpu.setSregs(sregs);
        KvmRegs regs = new KvmRegs(arena);
        fresh.getRegs(regs);
        vcpu.setRegs(regs);
        KvmXcrs xcrs = new KvmXcrs(arena);
        fresh.getXcrs(xcrs);
        vcpu.setXcrs(xcrs);
        KvmXsave xsave = new KvmXsave(arena, template.xsaveBytes());
        fresh.getXsave(xsave);
        vcpu.setXsave(xsave);
        KvmDebugRegs debugRegs = new KvmDebugRegs(arena);
        fresh.getDebugRegs(debugRegs);
        vcpu.setDebugRegs(debugRegs);
    }

    /**
     * Sets the MSRs that differ, each by itself: hosts refuse to set some that they list, and these do not differ where
     * the guest could not set them either.
     */
    private void copyMsrs(VcpuFd fresh, VcpuFd vcpu) {
        MsrList wanted = new MsrList(arena, 1);
        MsrList present = new MsrList(arena, 1);
        for (int i = 0; i < msrIndexes.nmsrs(); i++) {
            int msr = msrIndexes.index(i);
            wanted.clear();
            wanted.add(msr, 0);
            present.clear();
            present.add(msr, 0);
            if (fresh.getMsrs(wanted) == 1
                    && vcpu.getMsrs(present) == 1
                    && wanted.data(0) != present.data(0)) {
                vcpu.setMsrs(wanted);
            }
        }
    }

    private void copyApic(VcpuFd fresh, VcpuFd vcpu) {
        KvmLapic lapic = new KvmLapic(arena);
        fresh.getLapic(lapic);
        vcpu.setLapic(lapic);
    }

    private void copyEvents(VcpuFd fresh, VcpuFd vcpu) {
        KvmVcpuEvents events = new KvmVcpuEvents(arena);
        fresh.getVcpuEvents(events);
        // The flags say which fields are to be taken over: KVM has set those for pending NMIs and the shadow.
        vcpu.setVcpuEvents(events);
    }

    /** Resets PICs, IOAPIC and PIT. */
    void copyInterruptControllersTo(VmFd vm) {
        for (int chipId : CHIPS) {
            KvmIrqchip chip = new KvmIrqchip(arena);
            chip.chipId(chipId);
            template.getIrqchip(chip);
            vm.setIrqchip(chip);
        }
        KvmPitState pit = new KvmPitState(arena);
        template.getPit2(pit);
        vm.setPit2(pit);
    }
}

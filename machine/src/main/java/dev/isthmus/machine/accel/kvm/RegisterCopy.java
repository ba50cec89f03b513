// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.machine.accel.kvm;

import java.util.List;

import dev.isthmus.kvm.KvmDtable;
import dev.isthmus.kvm.KvmRegs;
import dev.isthmus.kvm.KvmSegment;
import dev.isthmus.kvm.KvmSregs;
import dev.isthmus.machine.accel.CpuRegisters;

/** Copies KVM's register structs into the seam's. */
final class RegisterCopy {
    private RegisterCopy() {}

    static CpuRegisters of(KvmRegs regs, KvmSregs sregs) {
        List<Long> general = List.of(
                regs.rax(), regs.rcx(), regs.rdx(), regs.rbx(), regs.rsp(), regs.rbp(), regs.rsi(), regs.rdi(),
                regs.r8(), regs.r9(), regs.r10(), regs.r11(), regs.r12(), regs.r13(), regs.r14(), regs.r15());
        List<CpuRegisters.Segment> segments = List.of(
                segment("es", sregs.es()),
                segment("cs", sregs.cs()),
                segment("ss", sregs.ss()),
                segment("ds", sregs.ds()),
                segment("fs", sregs.fs()),
                segment("gs", sregs.gs()),
                segment("ldtr", sregs.ldt()),
                segment("tr", sregs.tr()));
        return new CpuRegisters(
                general,
                regs.rip(),
                regs.rflags(),
                new CpuRegisters.Segments(segments, table(sregs.gdt()), table(sregs.idt())),
                new CpuRegisters.Control(
                        sregs.cr0(),
                        sregs.cr2(),
                        sregs.cr3(),
                        sregs.cr4(),
                        sregs.cr8(),
                        sregs.efer(),
                        sregs.apicBase()));
    }

    private static CpuRegisters.Segment segment(String name, KvmSegment segment) {
        CpuRegisters.Attributes attributes = new CpuRegisters.Attributes(
                segment.present() != 0 && segment.unusable() == 0,
                segment.s() != 0,
                segment.db() != 0,
                segment.l() != 0,
                segment.g() != 0);
        return new CpuRegisters.Segment(
                name,
                segment.selector(),
                segment.base(),
                Integer.toUnsignedLong(segment.limit()),
                segment.type(),
                segment.dpl(),
                attributes);
    }

    private static CpuRegisters.DescriptorTable table(KvmDtable table) {
        return new CpuRegisters.DescriptorTable(table.base(), table.limit());
    }
}

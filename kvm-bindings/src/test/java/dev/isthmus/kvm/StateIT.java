// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.kvm;

import java.lang.foreign.Arena;
import java.lang.foreign.ValueLayout;

import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

import dev.isthmus.kvm.linux.ErrnoException;
import dev.isthmus.testing.kvm.RealModeGuest;
import dev.isthmus.testing.kvm.RequiresKvm;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

/** Every piece of state that is set is got back. */
@RequiresKvm
class StateIT {
    private static final int MSR_KERNEL_GS_BASE = 0xc000_0102;
    private static final int NO_MSR = 0x1234_5678;

    private RealModeGuest guest;
    private Arena arena;
    private VcpuFd vcpu;

    @BeforeEach
    void create() {
        guest = RealModeGuest.withIrqchip("f4"); // hlt
        arena = guest.arena();
        vcpu = guest.vcpu();
    }

    @AfterEach
    void close() {
        guest.close();
    }

    @Test
    void regs() {
        KvmRegs set = new KvmRegs(arena);
        set.rax(1);
        set.rbx(2);
        set.rcx(3);
        set.rdx(4);
        set.rsi(5);
        set.rdi(6);
        set.rsp(7);
        set.rbp(8);
        set.r8(9);
        set.r9(10);
        set.r10(11);
        set.r11(12);
        set.r12(13);
        set.r13(14);
        set.r14(15);
        set.r15(0x1_0000_0000L);
        set.rip(0x2000);
        set.rflags(0x202);

        vcpu.setRegs(set);

        KvmRegs got = guest.regs();
        assertEquals(-1, set.segment().mismatch(got.segment()), "KVM returns what it was given");
        assertEquals(0x1_0000_0000L, got.r15());
    }

    @Test
    void sregs() {
        KvmSregs sregs = new KvmSregs(arena);
        vcpu.getSregs(sregs);
        sregs.ds().base(0x1230);
        sregs.ds().selector(0x123);
        sregs.ds().limit(0x7fff);
        sregs.gdt().base(0x4000);
        sregs.gdt().limit(0x2f);
        sregs.cr2(0x5000);

        vcpu.setSregs(sregs);

        KvmSregs got = new KvmSregs(arena);
        vcpu.getSregs(got);
        assertEquals(0x1230, got.ds().base());
        assertEquals(0x123, got.ds().selector());
        assertEquals(0x7fff, got.ds().limit());
        assertEquals(0x4000, got.gdt().base());
        assertEquals(0x2f, got.gdt().limit());
        assertEquals(0x5000, got.cr2());
        assertEquals(0xfee0_0000L, got.apicBase() & ~0xfffL);
    }

    @Test
    void sregsThatNoProcessorHasAreRefused() {
        KvmSregs sregs = new KvmSregs(arena);
        vcpu.getSregs(sregs);
        sregs.cr4(-1);

        ErrnoException e = assertThrows(ErrnoException.class, () -> vcpu.setSregs(sregs));

        assertEquals("KVM_SET_SREGS(KvmSregs): EINVAL (Invalid argument)", e.getMessage());
    }

    @Test
    void fpu() {
        KvmFpu fpu = new KvmFpu(arena);
        vcpu.getFpu(fpu);
        fpu.fcw(0x27f);
        fpu.xmm(15).set(ValueLayout.JAVA_LONG_UNALIGNED, 8, 0x1122_3344_5566_7788L);
        fpu.fpr(7).set(ValueLayout.JAVA_LONG_UNALIGNED, 0, 0x99);

        vcpu.setFpu(fpu);

        KvmFpu got = new KvmFpu(arena);
        vcpu.getFpu(got);
        assertEquals(0x27f, got.fcw());
        assertEquals(0x1122_3344_5566_7788L, got.xmm(15).get(ValueLayout.JAVA_LONG_UNALIGNED, 8));
        assertEquals(0x99, got.fpr(7).get(ValueLayout.JAVA_LONG_UNALIGNED, 0));
    }

    @Test
    void xsave() {
        int mxcsrOffset = 24;
        int xstateBvOffset = 512;
        int xmm0Offset = 160;
        long sse = 2;
        int lengthBytes = guest.vm().xsaveBytes();
        KvmXsave xsave = new KvmXsave(arena, lengthBytes);
        vcpu.getXsave(xsave);
        assertEquals(0x1f80, xsave.segment().get(ValueLayout.JAVA_INT, mxcsrOffset));
        xsave.segment().set(ValueLayout.JAVA_LONG, xmm0Offset, 42);
        long features = xsave.segment().get(ValueLayout.JAVA_LONG, xstateBvOffset);
        xsave.segment().set(ValueLayout.JAVA_LONG, xstateBvOffset, features | sse);

        vcpu.setXsave(xsave);

        KvmXsave got = new KvmXsave(arena, lengthBytes);
        vcpu.getXsave(got);
        assertEquals(42, got.segment().get(ValueLayout.JAVA_LONG, xmm0Offset));
    }

    @Test
    void xcrs() {
        KvmXcrs xcrs = new KvmXcrs(arena);
        vcpu.getXcrs(xcrs);
        assumeTrue(xcrs.nrXcrs() > 0, "the guest has no XCR0");
        assertEquals(0, xcrs.xcr(0));
        assertEquals(1, xcrs.value(0) & 1, "x87 state is always on");
        xcrs.set(0, 0, xcrs.value(0));

        vcpu.setXcrs(xcrs);

        KvmXcrs got = new KvmXcrs(arena);
        vcpu.getXcrs(got);
        assertEquals(xcrs.value(0), got.value(0));
    }

    @Test
    void msrs() {
        MsrList msrs = new MsrList(arena, 2);
        msrs.add(MSR_KERNEL_GS_BASE, 0x1234_5000);
        CpuidTable cpuid = new CpuidTable(arena, CpuidTable.MAX_ENTRIES);
        guest.kvm().supportedCpuid(cpuid);
        vcpu.setCpuid2(cpuid);

        assertEquals(1, vcpu.setMsrs(msrs));

        msrs.data(0, 0);
        assertEquals(1, vcpu.getMsrs(msrs));
        assertEquals(0x1234_5000, msrs.data(0));
    }

    @Test
    void unknownMsrEndsTheListThatIsRead() {
        MsrList msrs = new MsrList(arena, 3);
        msrs.add(0x10, 0);
        msrs.add(NO_MSR, 0);
        msrs.add(0x10, 0);

        assertEquals(1, vcpu.getMsrs(msrs));
    }

    @Test
    void cpuid() {
        CpuidTable table = new CpuidTable(arena, CpuidTable.MAX_ENTRIES);
        guest.kvm().supportedCpuid(table);
        int hypervisor = table.add(0x4000_0100, 0, 0);
        table.set(hypervisor, 1, 2, 3, 4);

        vcpu.setCpuid2(table);

        CpuidTable got = new CpuidTable(arena, CpuidTable.MAX_ENTRIES);
        vcpu.getCpuid2(got);
        assertEquals(table.nent(), got.nent());
        int found = got.find(0x4000_0100, 0);
        assertNotEquals(-1, found);
        assertEquals(3, got.ecx(found));
    }

    @Test
    void lapic() {
        int taskPriority = 0x80;
        KvmLapic lapic = new KvmLapic(arena);
        vcpu.getLapic(lapic);
        lapic.register(taskPriority, 0x20);

        vcpu.setLapic(lapic);

        KvmLapic got = new KvmLapic(arena);
        vcpu.getLapic(got);
        assertEquals(0x20, got.register(taskPriority));
    }

    @Test
    void mpState() {
        assertEquals(VcpuFd.KVM_MP_STATE_RUNNABLE, vcpu.mpState());

        vcpu.mpState(VcpuFd.KVM_MP_STATE_HALTED);

        assertEquals(VcpuFd.KVM_MP_STATE_HALTED, vcpu.mpState());
    }

    @Test
    void secondVcpuWaitsToBeStarted() {
        try (VcpuFd second = guest.vm().createVcpu(1)) {
            assertEquals(VcpuFd.KVM_MP_STATE_UNINITIALIZED, second.mpState());
        }
    }

    @Test
    void vcpuEvents() {
        KvmVcpuEvents events = new KvmVcpuEvents(arena);
        vcpu.getVcpuEvents(events);
        assertEquals(0, events.nmiMasked());
        events.nmiMasked(1);

        vcpu.setVcpuEvents(events);

        KvmVcpuEvents got = new KvmVcpuEvents(arena);
        vcpu.getVcpuEvents(got);
        assertEquals(1, got.nmiMasked());
    }

    @Test
    void debugRegs() {
        KvmDebugRegs regs = new KvmDebugRegs(arena);
        vcpu.getDebugRegs(regs);
        regs.db(0, 0x1000);
        regs.db(3, 0x3000);
        regs.dr7(0x400);

        vcpu.setDebugRegs(regs);

        KvmDebugRegs got = new KvmDebugRegs(arena);
        vcpu.getDebugRegs(got);
        assertEquals(0x1000, got.db(0));
        assertEquals(0x3000, got.db(3));
        assertEquals(0x400, got.dr7());
        assertEquals(regs.dr6(), got.dr6());
    }

    @Test
    void tscKhz() {
        int khz = vcpu.tscKhz();
        assertTrue(khz > 100_000, khz + " kHz");

        vcpu.tscKhz(khz);

        assertEquals(khz, vcpu.tscKhz());
    }

    @Test
    void kvmclockCtrlOfAGuestWithoutTheClockSaysSo() {
        assertFalse(vcpu.kvmclockCtrl());
    }

    @Test
    void irqchip() {
        KvmIrqchip chip = new KvmIrqchip(arena);
        chip.chipId(KvmIrqchip.KVM_IRQCHIP_PIC_MASTER);
        guest.vm().getIrqchip(chip);
        int imr = 2;
        chip.chip().set(ValueLayout.JAVA_BYTE, imr, (byte) 0x5a);

        guest.vm().setIrqchip(chip);

        KvmIrqchip got = new KvmIrqchip(arena);
        guest.vm().getIrqchip(got);
        assertEquals(0x5a, got.chip().get(ValueLayout.JAVA_BYTE, imr));
    }

    @Test
    void ioapicIsAtItsAddress() {
        KvmIrqchip chip = new KvmIrqchip(arena);
        chip.chipId(KvmIrqchip.KVM_IRQCHIP_IOAPIC);

        guest.vm().getIrqchip(chip);

        assertEquals(0xfec0_0000L, chip.chip().get(ValueLayout.JAVA_LONG_UNALIGNED, 0));
    }

    @Test
    void pit() {
        guest.vm().createPit2(true);
        KvmPitState pit = new KvmPitState(arena);
        guest.vm().getPit2(pit);
        pit.count(2, 1234);
        pit.mode(2, 3);

        guest.vm().setPit2(pit);

        KvmPitState got = new KvmPitState(arena);
        guest.vm().getPit2(got);
        assertEquals(1234, got.count(2));
        assertEquals(3, got.mode(2));
        assertEquals(pit.flags(), got.flags());
    }

    @Test
    void clock() {
        KvmClock clock = new KvmClock(arena);
        clock.clock(1_000_000_000_000L);
        guest.vm().setClock(clock);

        guest.vm().getClock(clock);

        assertTrue(clock.clock() >= 1_000_000_000_000L, "the clock went back");
        assertTrue(clock.clock() < 1_060_000_000_000L, "the clock is a minute ahead");
        if ((clock.flags() & KvmClock.KVM_CLOCK_REALTIME) != 0) {
            long differenceMillis = System.currentTimeMillis() - clock.realtime() / 1_000_000;
            assertTrue(Math.abs(differenceMillis) < 60_000, differenceMillis + " ms off");
        }
    }

    @Test
    void capabilityIsEnabledAndAnUnknownOneRefused() {
        assumeTrue(guest.vm().checkExtension(KvmCap.KVM_CAP_EXCEPTION_PAYLOAD) != 0);
        guest.vm().enableCap(KvmCap.KVM_CAP_EXCEPTION_PAYLOAD, 1);

        ErrnoException e = assertThrows(ErrnoException.class, () -> guest.vm().enableCap(10_000, 1));

        assertEquals("KVM_ENABLE_CAP(cap 10000, args[0] 1): EINVAL (Invalid argument)", e.getMessage());
    }

    @Test
    void addressesForIntelHostsAreTaken() {
        try (VmFd vm = guest.kvm().createVm()) {
            vm.setIdentityMapAddr(0xfffb_c000L);
            vm.setTssAddr(0xfffb_d000L);
        }
    }

    @Test
    void structsOfOneKindAreCopied() {
        KvmVcpuEvents events = new KvmVcpuEvents(arena);
        events.sipiVector(9);
        KvmVcpuEvents copy = new KvmVcpuEvents(arena);

        copy.copyFrom(events);

        assertEquals(9, copy.sipiVector());
    }
}

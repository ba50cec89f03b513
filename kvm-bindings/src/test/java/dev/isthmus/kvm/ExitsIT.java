// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.kvm;

import java.lang.foreign.ValueLayout;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

import dev.isthmus.kvm.linux.Errno;
import dev.isthmus.testing.kvm.RealModeGuest;
import dev.isthmus.testing.kvm.RequiresKvm;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

/** The exits of hand-assembled guests, and their fields. */
@RequiresKvm
class ExitsIT {
    /** Protected mode. */
    private static final long CR0_PE = 1;

    @ParameterizedTest
    @CsvSource({
        "e6 80,    1, 0x44", // out 0x80, al
        "e7 80,    2, 0x3344", // out 0x80, ax
        "66 e7 80, 4, 0x11223344" // out 0x80, eax
    })
    void outExitsWithPortWidthAndData(String out, int width, String data) {
        try (RealModeGuest guest =
                RealModeGuest.bare(
                        "66 b8 44 33 22 11", // mov eax, 0x11223344
                        out)) {
            assertEquals(0, guest.vcpu().run());

            KvmRun exit = guest.kvmRun();
            assertEquals(ExitReason.KVM_EXIT_IO, exit.exitReason());
            assertEquals(KvmRun.KVM_EXIT_IO_OUT, exit.ioDirection());
            assertEquals(0x80, exit.ioPort());
            assertEquals(width, exit.ioSizeBytes());
            assertEquals(1, exit.ioCount());
            assertEquals(Integer.decode(data), exit.ioData(0));
        }
    }

    @Test
    void inGetsWhatTheHostAnswers() {
        try (RealModeGuest guest =
                RealModeGuest.bare(
                        "ba 34 12", // mov dx, 0x1234
                        "ed", // in ax, dx
                        "f4")) { // hlt
            assertEquals(0, guest.vcpu().run());
            assertEquals(KvmRun.KVM_EXIT_IO_IN, guest.kvmRun().ioDirection());
            assertEquals(0x1234, guest.kvmRun().ioPort());

            guest.kvmRun().ioData(0, 0xbeef);
            assertEquals(0, guest.vcpu().run());

            assertEquals(ExitReason.KVM_EXIT_HLT, guest.kvmRun().exitReason());
            assertEquals(0xbeef, guest.regs().rax() & 0xffff);
        }
    }

    @Test
    void stringOutBringsAllItsData() {
        try (RealModeGuest guest =
                RealModeGuest.bare(
                        "be 00 20", // mov si, 0x2000
                        "b9 04 00", // mov cx, 4
                        "ba 80 00", // mov dx, 0x80
                        "f3 6e", // rep outsb
                        "f4")) { // hlt
            guest.load(0x2000, "61 62 63 64");
            StringBuilder data = new StringBuilder();

            assertEquals(0, guest.vcpu().run());
            while (guest.kvmRun().exitReason() == ExitReason.KVM_EXIT_IO) {
                for (int i = 0; i < guest.kvmRun().ioCount(); i++) {
                    data.append((char) guest.kvmRun().ioData(i));
                }
                assertEquals(0, guest.vcpu().run());
            }

            assertEquals("abcd", data.toString());
        }
    }

    @Test
    void writeOutsideMemoryExitsWithAddressAndData() {
        try (RealModeGuest guest =
                RealModeGuest.bare(
                        "b8 00 20", // mov ax, 0x2000
                        "8e d8", // mov ds, ax
                        "c7 06 10 00 34 12")) { // mov word [0x10], 0x1234
            assertEquals(0, guest.vcpu().run());

            KvmRun exit = guest.kvmRun();
            assertEquals(ExitReason.KVM_EXIT_MMIO, exit.exitReason());
            assertEquals(0x2_0010, exit.mmioPhysAddr());
            assertEquals(2, exit.mmioLen());
            assertTrue(exit.mmioIsWrite());
            assertEquals(0x1234, exit.mmioData() & 0xffff);
        }
    }

    @Test
    void readOutsideMemoryGetsWhatTheHostAnswers() {
        try (RealModeGuest guest =
                RealModeGuest.bare(
                        "b8 00 20", // mov ax, 0x2000
                        "8e d8", // mov ds, ax
                        "66 a1 20 00", // mov eax, [0x20]
                        "f4")) { // hlt
            assertEquals(0, guest.vcpu().run());
            assertFalse(guest.kvmRun().mmioIsWrite());
            assertEquals(4, guest.kvmRun().mmioLen());

            guest.kvmRun().mmioData(0xcafe_f00dL);
            assertEquals(0, guest.vcpu().run());

            assertEquals(0xcafe_f00dL, guest.regs().rax());
        }
    }

    @Test
    void readOnlyMemoryIsReadAndItsWritesExit() {
        try (RealModeGuest guest =
                RealModeGuest.withSlotFlags(
                        VmFd.KVM_MEM_READONLY,
                        "a0 00 20", // mov al, [0x2000]
                        "a2 01 20")) { // mov [0x2001], al
            assumeTrue(guest.kvm().checkExtension(KvmCap.KVM_CAP_READONLY_MEM) != 0);
            guest.load(0x2000, "5a");

            assertEquals(0, guest.vcpu().run());

            assertEquals(ExitReason.KVM_EXIT_MMIO, guest.kvmRun().exitReason());
            assertEquals(0x2001, guest.kvmRun().mmioPhysAddr());
            assertEquals(0x5a, guest.kvmRun().mmioData() & 0xff);
            assertEquals(0, guest.ram().segment().get(ValueLayout.JAVA_BYTE, 0x2001));
        }
    }

    @Test
    void tripleFaultShutsDown() {
        try (RealModeGuest guest = RealModeGuest.bare("0f 0b")) { // ud2
            KvmSregs sregs = new KvmSregs(guest.arena());
            guest.vcpu().getSregs(sregs);
            sregs.cr0(sregs.cr0() | CR0_PE);
            sregs.idt().limit(0); // not even the double fault has a gate
            guest.vcpu().setSregs(sregs);

            assertEquals(0, guest.vcpu().run());

            assertEquals(ExitReason.KVM_EXIT_SHUTDOWN, guest.kvmRun().exitReason());
        }
    }

    @Test
    void immediateExitKeepsTheGuestFromRunning() {
        try (RealModeGuest guest = RealModeGuest.bare("f4")) { // hlt
            guest.kvmRun().immediateExit(true);
            assertEquals(Errno.EINTR, guest.vcpu().run());
            assertEquals(RealModeGuest.CODE_GPA, guest.regs().rip());

            guest.kvmRun().immediateExit(false);
            assertEquals(0, guest.vcpu().run());
            assertEquals(ExitReason.KVM_EXIT_HLT, guest.kvmRun().exitReason());
        }
    }

    @Test
    void injectedInterruptRunsItsHandler() {
        try (RealModeGuest guest =
                RealModeGuest.bare(
                        "fb", // sti
                        "f4", // hlt
                        "eb fd")) { // jmp hlt
            guest.setVector(0x21, 0x3000);
            guest.load(
                    0x3000, //
                    "e6 80"); // out 0x80, al
            assertEquals(0, guest.vcpu().run());
            assertEquals(ExitReason.KVM_EXIT_HLT, guest.kvmRun().exitReason());
            assertTrue(guest.kvmRun().ifFlag());
            assertTrue(guest.kvmRun().readyForInterruptInjection());

            guest.vcpu().interrupt(0x21);
            assertEquals(0, guest.vcpu().run());

            assertEquals(ExitReason.KVM_EXIT_IO, guest.kvmRun().exitReason());
            assertEquals(0x80, guest.kvmRun().ioPort());
        }
    }

    @Test
    void requestedInterruptWindowExitsWhenInterruptsAreOn() {
        try (RealModeGuest guest =
                RealModeGuest.bare(
                        "e6 80", // out 0x80, al
                        "fb", // sti
                        "90", // nop
                        "eb fe")) { // jmp $
            assertEquals(0, guest.vcpu().run());
            assertFalse(guest.kvmRun().ifFlag());

            guest.kvmRun().requestInterruptWindow(true);
            assertEquals(0, guest.vcpu().run());

            assertEquals(ExitReason.KVM_EXIT_IRQ_WINDOW_OPEN, guest.kvmRun().exitReason());
        }
    }

    @Test
    void nmiRunsItsHandler() {
        try (RealModeGuest guest =
                RealModeGuest.withIrqchip(
                        "f4", // hlt
                        "eb fd")) { // jmp hlt
            guest.setVector(2, 0x3000);
            guest.load(
                    0x3000, //
                    "e6 82"); // out 0x82, al

            guest.vcpu().nmi();
            assertEquals(0, guest.vcpu().run());

            assertEquals(0x82, guest.kvmRun().ioPort());
        }
    }
}

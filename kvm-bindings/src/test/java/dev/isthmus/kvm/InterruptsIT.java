// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.kvm;

import org.junit.jupiter.api.Test;

import dev.isthmus.kvm.linux.Errno;
import dev.isthmus.kvm.linux.ErrnoException;
import dev.isthmus.kvm.linux.EventFd;
import dev.isthmus.testing.kvm.RealModeGuest;
import dev.isthmus.testing.kvm.RequiresKvm;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

/** Interrupts and notifications that take no exit: irqfd, ioeventfd, lines, messages. */
@RequiresKvm
class InterruptsIT {
    private static final int READY_PORT = 0x80;
    private static final int HANDLER_PORT = 0x81;
    private static final int HANDLER_GPA = 0x3000;

    /** Vectors of the guest's PIC start here. */
    private static final int PIC_BASE = 0x20;

    /** The message address of the local APIC with id 0. */
    private static final long MSI_ADDRESS = 0xfee0_0000L;

    /** The spurious-interrupt vector register: bit 8 switches the local APIC on. */
    private static final int APIC_SVR = 0xf0;

    /** A guest that unmasks all of the first PIC, says so, and halts with interrupts on. */
    private static RealModeGuest picGuest() {
        RealModeGuest guest =
                RealModeGuest.withIrqchip(
                        "b0 11 e6 20", // ICW1: edge-triggered, cascaded, ICW4 follows
                        "b0 20 e6 21", // ICW2: vectors from 0x20
                        "b0 04 e6 21", // ICW3: the second PIC is at line 2
                        "b0 01 e6 21", // ICW4: 8086 mode
                        "b0 00 e6 21", // OCW1: nothing is masked
                        "e6 80", // out READY_PORT, al
                        "fb", // sti
                        "f4", // hlt
                        "eb fd"); // jmp hlt
        guest.load(
                HANDLER_GPA,
                "e6 81", // out HANDLER_PORT, al
                "b0 20 e6 20", // OCW2: end of interrupt
                "cf"); // iret
        assertEquals(READY_PORT, nextPort(guest));
        return guest;
    }

    private static int nextPort(RealModeGuest guest) {
        assertEquals(0, guest.vcpu().run());
        assertEquals(ExitReason.KVM_EXIT_IO, guest.kvmRun().exitReason());
        return guest.kvmRun().ioPort();
    }

    @Test
    void irqfdInterruptsAHaltedGuest() {
        try (RealModeGuest guest = picGuest();
                EventFd trigger = EventFd.create()) {
            guest.setVector(PIC_BASE + 4, HANDLER_GPA);
            guest.vm().irqfd(trigger, 4);

            trigger.signal();

            assertEquals(HANDLER_PORT, nextPort(guest));
        }
    }

    @Test
    void deassignedIrqfdInterruptsNoLonger() {
        try (RealModeGuest guest = picGuest();
                EventFd trigger = EventFd.create();
                EventFd other = EventFd.create()) {
            guest.setVector(PIC_BASE + 5, HANDLER_GPA);
            guest.vm().irqfd(trigger, 4);
            guest.vm().irqfd(other, 5);

            guest.vm().irqfdDeassign(trigger, 4);
            trigger.signal();
            other.signal();

            assertEquals(HANDLER_PORT, nextPort(guest));
            assertEquals(1, trigger.drain(), "KVM took the signal");
        }
    }

    @Test
    void secondIrqfdOfAnEventFdIsRefused() {
        try (RealModeGuest guest = picGuest();
                EventFd trigger = EventFd.create()) {
            guest.vm().irqfd(trigger, 4);

            ErrnoException e = assertThrows(ErrnoException.class, () -> guest.vm().irqfd(trigger, 5));

            assertEquals(Errno.EBUSY, e.errno());
            assertTrue(e.getMessage().contains("gsi 5"), e.getMessage());
        }
    }

    @Test
    void levelIrqfdIsSignalledAtTheEndOfTheInterrupt() {
        try (RealModeGuest guest = picGuest();
                EventFd trigger = EventFd.create();
                EventFd resample = EventFd.create();
                EventFd next = EventFd.create()) {
            assumeTrue(guest.kvm().checkExtension(KvmCap.KVM_CAP_IRQFD_RESAMPLE) != 0);
            guest.setVector(PIC_BASE + 5, HANDLER_GPA);
            guest.setVector(PIC_BASE + 6, HANDLER_GPA);
            guest.vm().irqfdResample(trigger, resample, 5);
            guest.vm().irqfd(next, 6);

            trigger.signal();
            assertEquals(HANDLER_PORT, nextPort(guest));
            assertEquals(0, resample.drain(), "signalled before the end of the interrupt");

            // An interrupt of lower priority comes only after the end of this one.
            next.signal();
            assertEquals(HANDLER_PORT, nextPort(guest));
            assertEquals(1, resample.drain());
        }
    }

    @Test
    void raisedLineInterrupts() {
        try (RealModeGuest guest = picGuest()) {
            guest.setVector(PIC_BASE + 4, HANDLER_GPA);

            guest.vm().irqLine(4, true);

            assertEquals(HANDLER_PORT, nextPort(guest));
            guest.vm().irqLine(4, false);
        }
    }

    /** A guest with its local APIC on, that halts with interrupts on. */
    private static RealModeGuest apicGuest() {
        RealModeGuest guest =
                RealModeGuest.withIrqchip(
                        "e6 80", // out READY_PORT, al
                        "fb", // sti
                        "f4", // hlt
                        "eb fd"); // jmp hlt
        guest.load(
                HANDLER_GPA,
                "e6 81"); // out HANDLER_PORT, al
        KvmLapic lapic = new KvmLapic(guest.arena());
        guest.vcpu().getLapic(lapic);
        lapic.register(APIC_SVR, 0x1ff);
        guest.vcpu().setLapic(lapic);
        assertEquals(READY_PORT, nextPort(guest));
        return guest;
    }

    @Test
    void messageInterruptsTheVcpuItIsAddressedTo() {
        try (RealModeGuest guest = apicGuest()) {
            guest.setVector(0x30, HANDLER_GPA);

            assertTrue(guest.vm().signalMsi(MSI_ADDRESS, 0x30));

            assertEquals(HANDLER_PORT, nextPort(guest));
        }
    }

    @Test
    void messageToNobodyIsNotDelivered() {
        try (RealModeGuest guest = apicGuest()) {
            long apicId9 = MSI_ADDRESS | 9 << 12;

            assertFalse(guest.vm().signalMsi(apicId9, 0x30));
        }
    }

    @Test
    void irqfdRoutedAsAMessageInterrupts() {
        try (RealModeGuest guest = apicGuest();
                EventFd trigger = EventFd.create()) {
            guest.setVector(0x31, HANDLER_GPA);
            KvmIrqRouting routing = new KvmIrqRouting(guest.arena(), 2);
            routing.addPin(4, KvmIrqchip.KVM_IRQCHIP_IOAPIC, 4);
            routing.addMsi(24, MSI_ADDRESS, 0x31);
            guest.vm().setGsiRouting(routing);
            guest.vm().irqfd(trigger, 24);

            trigger.signal();

            assertEquals(HANDLER_PORT, nextPort(guest));
        }
    }

    @Test
    void writeToAnIoeventfdPortSignalsInsteadOfExiting() {
        try (RealModeGuest guest =
                        RealModeGuest.bare(
                                "e7 84", // out 0x84, ax
                                "e6 80"); // out READY_PORT, al
                EventFd notified = EventFd.create()) {
            guest.vm().ioeventfdPio(notified, 0x84, 2);

            assertEquals(READY_PORT, nextPort(guest));

            assertEquals(1, notified.drain());
        }
    }

    @Test
    void writeOfAnotherWidthOrValueExits() {
        try (RealModeGuest guest =
                        RealModeGuest.bare(
                                "b0 05", // mov al, 5
                                "e6 84", // out 0x84, al: matches
                                "b0 06", // mov al, 6
                                "e6 84", // out 0x84, al: another value
                                "b8 05 00", // mov ax, 5
                                "e7 84", // out 0x84, ax: another width
                                "e6 80"); // out READY_PORT, al
                EventFd notified = EventFd.create()) {
            guest.vm().ioeventfdPio(notified, 0x84, 1, 5);

            assertEquals(0x84, nextPort(guest));
            assertEquals(6, guest.kvmRun().ioData(0));
            assertEquals(1, notified.drain());
            assertEquals(0x84, nextPort(guest));
            assertEquals(2, guest.kvmRun().ioSizeBytes());
            assertEquals(READY_PORT, nextPort(guest));
            assertEquals(0, notified.drain());
        }
    }

    @Test
    void writeToAnIoeventfdAddressSignalsInsteadOfExiting() {
        try (RealModeGuest guest =
                        RealModeGuest.bare(
                                "b8 00 20", // mov ax, 0x2000
                                "8e d8", // mov ds, ax
                                "66 a3 50 00", // mov [0x50], eax: any value
                                "c7 06 60 00 07 00", // mov word [0x60], 7: matches
                                "c7 06 60 00 08 00"); // mov word [0x60], 8: another value
                EventFd any = EventFd.create();
                EventFd matched = EventFd.create()) {
            guest.vm().ioeventfdMmio(any, 0x2_0050, 4);
            guest.vm().ioeventfdMmio(matched, 0x2_0060, 2, 7);

            assertEquals(0, guest.vcpu().run());

            assertEquals(ExitReason.KVM_EXIT_MMIO, guest.kvmRun().exitReason());
            assertEquals(8, guest.kvmRun().mmioData() & 0xffff);
            assertEquals(1, any.drain());
            assertEquals(1, matched.drain());
        }
    }

    @Test
    void deassignedIoeventfdsLetWritesExit() {
        try (RealModeGuest guest =
                        RealModeGuest.bare(
                                "e6 84", // out 0x84, al
                                "e6 85", // out 0x85, al
                                "b8 00 20", // mov ax, 0x2000
                                "8e d8", // mov ds, ax
                                "a2 50 00", // mov [0x50], al
                                "a2 60 00"); // mov [0x60], al
                EventFd notified = EventFd.create()) {
            VmFd vm = guest.vm();
            vm.ioeventfdPio(notified, 0x84, 1);
            vm.ioeventfdPio(notified, 0x85, 1, 0);
            vm.ioeventfdMmio(notified, 0x2_0050, 1);
            vm.ioeventfdMmio(notified, 0x2_0060, 1, 0);

            vm.ioeventfdPioDeassign(notified, 0x84, 1);
            vm.ioeventfdPioDeassign(notified, 0x85, 1, 0);
            vm.ioeventfdMmioDeassign(notified, 0x2_0050, 1);
            vm.ioeventfdMmioDeassign(notified, 0x2_0060, 1, 0);

            assertEquals(0x84, nextPort(guest));
            assertEquals(0x85, nextPort(guest));
            assertEquals(0, guest.vcpu().run());
            assertEquals(0x2_0050, guest.kvmRun().mmioPhysAddr());
            assertEquals(0, guest.vcpu().run());
            assertEquals(0x2_0060, guest.kvmRun().mmioPhysAddr());
            assertEquals(0, notified.drain());
        }
    }

    @Test
    void ioeventfdOfAnyLengthIsSignalledByEveryWidth() {
        try (RealModeGuest guest =
                        RealModeGuest.bare(
                                "e6 84", // out 0x84, al
                                "e7 84", // out 0x84, ax
                                "66 e7 84", // out 0x84, eax
                                "e6 80"); // out READY_PORT, al
                EventFd notified = EventFd.create()) {
            assumeTrue(guest.kvm().checkExtension(KvmCap.KVM_CAP_IOEVENTFD_ANY_LENGTH) != 0);
            guest.vm().ioeventfdPio(notified, 0x84, VmFd.ANY_LENGTH);

            assertEquals(READY_PORT, nextPort(guest));

            assertEquals(3, notified.drain());
        }
    }

    @Test
    void impossibleIoeventfdNamesItsAddress() {
        try (RealModeGuest guest = RealModeGuest.bare("f4"); // hlt
                EventFd notified = EventFd.create()) {
            ErrnoException e =
                    assertThrows(
                            ErrnoException.class, () -> guest.vm().ioeventfdMmio(notified, 0x2_0000, 3));

            assertEquals(Errno.EINVAL, e.errno());
            assertTrue(e.getMessage().contains("addr 0x20000, len 3"), e.getMessage());
        }
    }
}

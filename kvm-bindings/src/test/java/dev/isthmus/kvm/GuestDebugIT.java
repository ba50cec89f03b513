// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.kvm;

import org.junit.jupiter.api.Test;

import dev.isthmus.testing.kvm.RealModeGuest;
import dev.isthmus.testing.kvm.RequiresKvm;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

/** The host as the guest's debugger. */
@RequiresKvm
class GuestDebugIT {
    private static final int DEBUG_EXCEPTION = 1;

    private static RealModeGuest guest() {
        return RealModeGuest.bare(
                "90", // 0x1000: nop
                "40", // 0x1001: inc ax
                "40", // 0x1002: inc ax
                "90", // 0x1003: nop
                "f4"); // 0x1004: hlt
    }

    private static void debug(RealModeGuest guest, int control, long breakpointGpa) {
        KvmGuestDebug debug = new KvmGuestDebug(guest.arena());
        debug.control(control);
        debug.debugreg(0, breakpointGpa);
        boolean breakpoint = (control & KvmGuestDebug.KVM_GUESTDBG_USE_HW_BP) != 0;
        debug.debugreg(7, breakpoint ? 0x402 : 0x400); // breakpoint 0: global, execution
        guest.vcpu().setGuestDebug(debug);
    }

    @Test
    void singleStepsStopAfterEveryInstruction() {
        try (RealModeGuest guest = guest()) {
            assumeTrue(guest.kvm().checkExtension(KvmCap.KVM_CAP_SET_GUEST_DEBUG) != 0);
            debug(guest, KvmGuestDebug.KVM_GUESTDBG_ENABLE | KvmGuestDebug.KVM_GUESTDBG_SINGLESTEP, 0);

            for (int next = 0x1001; next <= 0x1004; next++) {
                assertEquals(0, guest.vcpu().run());

                assertEquals(ExitReason.KVM_EXIT_DEBUG, guest.kvmRun().exitReason());
                assertEquals(DEBUG_EXCEPTION, guest.kvmRun().debugException());
                assertEquals(next, guest.kvmRun().debugPc());
                assertEquals(next, guest.regs().rip());
            }
        }
    }

    @Test
    void breakpointStopsBeforeItsInstruction() {
        try (RealModeGuest guest = guest()) {
            assumeTrue(guest.kvm().checkExtension(KvmCap.KVM_CAP_SET_GUEST_DEBUG) != 0);
            debug(guest, KvmGuestDebug.KVM_GUESTDBG_ENABLE | KvmGuestDebug.KVM_GUESTDBG_USE_HW_BP, 0x1003);

            assertEquals(0, guest.vcpu().run());

            assertEquals(ExitReason.KVM_EXIT_DEBUG, guest.kvmRun().exitReason());
            assertEquals(0x1003, guest.regs().rip());
            assertEquals(2, guest.regs().rax() & 0xffff);
            assertEquals(1, guest.kvmRun().debugDr6() & 1, "breakpoint 0 was hit");
        }
    }

    @Test
    void guestRunsOnWhenDebuggingIsSwitchedOff() {
        try (RealModeGuest guest = guest()) {
            assumeTrue(guest.kvm().checkExtension(KvmCap.KVM_CAP_SET_GUEST_DEBUG) != 0);
            debug(guest, KvmGuestDebug.KVM_GUESTDBG_ENABLE | KvmGuestDebug.KVM_GUESTDBG_SINGLESTEP, 0);
            assertEquals(0, guest.vcpu().run());

            debug(guest, 0, 0);
            assertEquals(0, guest.vcpu().run());

            assertEquals(ExitReason.KVM_EXIT_HLT, guest.kvmRun().exitReason());
            assertEquals(2, guest.regs().rax() & 0xffff);
        }
    }
}

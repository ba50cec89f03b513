// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.kvm;

import java.lang.foreign.SegmentAllocator;
import java.util.Objects;

import dev.isthmus.kvm.generated.Linux;

/** {@code struct kvm_guest_debug}: what the host stops the guest at. */
public final class KvmGuestDebug extends KvmStruct {
    /** Needed for any of the others. */
    public static final int KVM_GUESTDBG_ENABLE = 0x1;

    /** Stop after every instruction. */
    public static final int KVM_GUESTDBG_SINGLESTEP = 0x2;

    /** Stop at INT3 instead of delivering it. */
    public static final int KVM_GUESTDBG_USE_SW_BP = 0x10000;

    /** Stop at the breakpoints in {@link #debugreg}. */
    public static final int KVM_GUESTDBG_USE_HW_BP = 0x20000;

    /** Inject a debug exception. */
    public static final int KVM_GUESTDBG_INJECT_DB = 0x40000;

    /** Inject a breakpoint exception. */
    public static final int KVM_GUESTDBG_INJECT_BP = 0x80000;

    /** Deliver no interrupts while stepping. */
    public static final int KVM_GUESTDBG_BLOCKIRQ = 0x100000;

    /** A struct that switches debugging off. */
    public KvmGuestDebug(SegmentAllocator allocator) {
        super(allocator, Linux.SIZEOF_kvm_guest_debug());
    }

    /** What to stop at: a set of {@code KVM_GUESTDBG_…} bits; 0 switches debugging off. */
    public int control() {
        return fields.getInt(Linux.OFFSETOF_kvm_guest_debug_control());
    }

    /** Sets {@link #control()}. */
    public void control(int value) {
        fields.putInt(Linux.OFFSETOF_kvm_guest_debug_control(), value);
    }

    /** A debug register that the host uses on the guest: 0 to 3 and 7. */
    public long debugreg(int register) {
        return fields.getLong(debugregOffset(register));
    }

    /** Sets {@link #debugreg(int)}. */
    public void debugreg(int register, long value) {
        fields.putLong(debugregOffset(register), value);
    }

    private static int debugregOffset(int register) {
        return Linux.OFFSETOF_kvm_guest_debug_arch_debugreg() + Objects.checkIndex(register, 8) * Long.BYTES;
    }
}

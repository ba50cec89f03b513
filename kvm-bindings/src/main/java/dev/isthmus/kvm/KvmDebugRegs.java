// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.kvm;

import java.lang.foreign.SegmentAllocator;
import java.util.Objects;

import dev.isthmus.kvm.generated.Linux;

/** {@code struct kvm_debugregs}: the guest's own debug registers. */
public final class KvmDebugRegs extends KvmStruct {
    /** A struct that is all zero. */
    public KvmDebugRegs(SegmentAllocator allocator) {
        super(allocator, Linux.SIZEOF_kvm_debugregs());
    }

    /** Overwrites this struct with another. */
    public void copyFrom(KvmDebugRegs other) {
        copyBytesFrom(other);
    }

    /** A breakpoint address, DR0 to DR3. */
    public long db(int register) {
        return fields.getLong(dbOffset(register));
    }

    /** Sets {@link #db(int)}. */
    public void db(int register, long value) {
        fields.putLong(dbOffset(register), value);
    }

    /** DR6. */
    public long dr6() {
        return fields.getLong(Linux.OFFSETOF_kvm_debugregs_dr6());
    }

    /** Sets {@link #dr6()}. */
    public void dr6(long value) {
        fields.putLong(Linux.OFFSETOF_kvm_debugregs_dr6(), value);
    }

    /** DR7. */
    public long dr7() {
        return fields.getLong(Linux.OFFSETOF_kvm_debugregs_dr7());
    }

    /** Sets {@link #dr7()}. */
    public void dr7(long value) {
        fields.putLong(Linux.OFFSETOF_kvm_debugregs_dr7(), value);
    }

    /** Must be zero. */
    public long flags() {
        return fields.getLong(Linux.OFFSETOF_kvm_debugregs_flags());
    }

    /** Sets {@link #flags()}. */
    public void flags(long value) {
        fields.putLong(Linux.OFFSETOF_kvm_debugregs_flags(), value);
    }

    private static int dbOffset(int register) {
        return Linux.OFFSETOF_kvm_debugregs_db() + Objects.checkIndex(register, 4) * Long.BYTES;
    }
}

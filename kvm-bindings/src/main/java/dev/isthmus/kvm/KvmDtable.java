// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.kvm;

import dev.isthmus.kvm.generated.Linux;

/** {@code struct kvm_dtable}: a descriptor table register (GDTR, IDTR), as a view into {@link KvmSregs}. */
public final class KvmDtable {
    private final KvmSregs sregs;
    private final int offset;

    KvmDtable(KvmSregs sregs, int offset) {
        this.sregs = sregs;
        this.offset = offset;
    }

    /** The table's linear address. */
    public long base() {
        return sregs.fields.getLong(offset + Linux.OFFSETOF_kvm_dtable_base());
    }

    /** Sets {@link #base()}. */
    public void base(long value) {
        sregs.fields.putLong(offset + Linux.OFFSETOF_kvm_dtable_base(), value);
    }

    /** The offset of the table's last byte. */
    public int limit() {
        return sregs.unsignedShort(offset + Linux.OFFSETOF_kvm_dtable_limit());
    }

    /** Sets {@link #limit()}. */
    public void limit(int value) {
        sregs.putShort(offset + Linux.OFFSETOF_kvm_dtable_limit(), value);
    }
}

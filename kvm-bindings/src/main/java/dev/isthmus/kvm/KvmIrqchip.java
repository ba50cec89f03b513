// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.kvm;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.SegmentAllocator;

import dev.isthmus.kvm.generated.Linux;

/** {@code struct kvm_irqchip}: the state of one of the in-kernel interrupt controllers. */
public final class KvmIrqchip extends KvmStruct {
    /** The first PIC. */
    public static final int KVM_IRQCHIP_PIC_MASTER = 0;

    /** The second PIC. */
    public static final int KVM_IRQCHIP_PIC_SLAVE = 1;

    /** The IOAPIC. */
    public static final int KVM_IRQCHIP_IOAPIC = 2;

    /** State of the first PIC, all zero. */
    public KvmIrqchip(SegmentAllocator allocator) {
        super(allocator, Linux.SIZEOF_kvm_irqchip());
    }

    /** Overwrites this state with another. */
    public void copyFrom(KvmIrqchip other) {
        copyBytesFrom(other);
    }

    /**
     * Which chip: {@link #KVM_IRQCHIP_PIC_MASTER}, {@link #KVM_IRQCHIP_PIC_SLAVE} or {@link
     * #KVM_IRQCHIP_IOAPIC}.
     */
    public int chipId() {
        return fields.getInt(Linux.OFFSETOF_kvm_irqchip_chip_id());
    }

    /** Sets {@link #chipId()}, which says what to get. */
    public void chipId(int value) {
        fields.putInt(Linux.OFFSETOF_kvm_irqchip_chip_id(), value);
    }

    /** The chip's state: {@code struct kvm_pic_state} or {@code struct kvm_ioapic_state}. */
    public MemorySegment chip() {
        return segment().asSlice(Linux.OFFSETOF_kvm_irqchip_chip());
    }
}

// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.kvm;

import java.lang.foreign.SegmentAllocator;
import java.util.Objects;

import dev.isthmus.kvm.generated.Linux;

/**
 * {@code struct kvm_irq_routing}: where each global interrupt (GSI) goes, to a pin of an interrupt controller
 * or as a message. A GSI may go to several pins.
 */
public final class KvmIrqRouting extends KvmStruct {
    /** The most routes that KVM takes (KVM_MAX_IRQ_ROUTES). */
    public static final int MAX_ENTRIES = 4096;

    private final int capacity;

    /**
     * An empty table.
     *
     * @param capacity for how many routes there is room, 1 to {@link #MAX_ENTRIES}
     */
    public KvmIrqRouting(SegmentAllocator allocator, int capacity) {
        super(allocator, offset(capacityChecked(capacity, MAX_ENTRIES)));
        this.capacity = capacity;
    }

    /** How many routes there are. */
    public int nr() {
        return fields.getInt(Linux.OFFSETOF_kvm_irq_routing_nr());
    }

    /** Empties the table. */
    public void clear() {
        fields.putInt(Linux.OFFSETOF_kvm_irq_routing_nr(), 0);
    }

    /**
     * Adds a route to a pin of an in-kernel interrupt controller.
     *
     * @param irqchip one of {@link KvmIrqchip}'s chips
     * @param pin 0 to 7 of a PIC, 0 to 23 of the IOAPIC
     */
    public void addPin(int gsi, int irqchip, int pin) {
        int route = add(gsi, Linux.KVM_IRQ_ROUTING_IRQCHIP());
        fields.putInt(route + Linux.OFFSETOF_kvm_irq_routing_irqchip_irqchip(), irqchip);
        fields.putInt(route + Linux.OFFSETOF_kvm_irq_routing_irqchip_pin(), pin);
    }

    /** Adds a route that writes a message to a local APIC (Intel SDM volume 3, section 11.11). */
    public void addMsi(int gsi, long messageAddress, int messageData) {
        int route = add(gsi, Linux.KVM_IRQ_ROUTING_MSI());
        fields.putInt(route + Linux.OFFSETOF_kvm_irq_routing_msi_address_lo(), (int) messageAddress);
        fields.putInt(
                route + Linux.OFFSETOF_kvm_irq_routing_msi_address_hi(), (int) (messageAddress >>> 32));
        fields.putInt(route + Linux.OFFSETOF_kvm_irq_routing_msi_data(), messageData);
    }

    /** Returns where the new entry's union lies. */
    private int add(int gsi, int type) {
        int entry = nr();
        int offset = offset(Objects.checkIndex(entry, capacity));
        for (int i = 0; i < Linux.SIZEOF_kvm_irq_routing_entry(); i += Long.BYTES) {
            fields.putLong(offset + i, 0);
        }
        fields.putInt(Linux.OFFSETOF_kvm_irq_routing_nr(), entry + 1);
        fields.putInt(offset + Linux.OFFSETOF_kvm_irq_routing_entry_gsi(), gsi);
        fields.putInt(offset + Linux.OFFSETOF_kvm_irq_routing_entry_type(), type);
        return offset + Linux.OFFSETOF_kvm_irq_routing_entry_u();
    }

    private static int offset(int entry) {
        return Linux.OFFSETOF_kvm_irq_routing_entries() + entry * Linux.SIZEOF_kvm_irq_routing_entry();
    }
}

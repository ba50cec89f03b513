// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.machine.accel.kvm;

import java.lang.foreign.Arena;
import java.util.Arrays;

import org.jspecify.annotations.Nullable;

import dev.isthmus.device.FaultLog;
import dev.isthmus.kvm.KvmIrqRouting;
import dev.isthmus.kvm.KvmIrqchip;
import dev.isthmus.kvm.VmFd;
import dev.isthmus.kvm.linux.ErrnoException;
import dev.isthmus.kvm.linux.EventFd;
import dev.isthmus.machine.MachineLayout;
import dev.isthmus.machine.VmException;
import dev.isthmus.machine.accel.MsiRoute;

/**
 * The GSIs of message-signalled interrupts, and KVM's routing table, which is only ever replaced as a whole
 * (KVM_SET_GSI_ROUTING, KVM API 4.52): the pins of the interrupt controllers as KVM wires them at first, and a message
 * for each route that has one.
 *
 * <p>Any thread. The lock is held across the system call, so that tables arrive in the order in which they were made.
 */
final class KvmMsiRouting {
    private static final int FIRST_GSI = MachineLayout.IOAPIC_PINS;

    private static final int PIC_PINS = 8;

    /** Entries of the table for the pins: those of the IOAPIC, and of two PICs. */
    private static final int PIN_ENTRIES = MachineLayout.IOAPIC_PINS + 2 * PIC_PINS;

    /** As many as KVM takes beside the pins. */
    private static final int ROUTES = KvmIrqRouting.MAX_ENTRIES - PIN_ENTRIES;

    /** Message addresses are those of local APICs (Intel SDM volume 3, section 11.11.1). */
    private static final long ADDRESS_MASK = ~0xf_ffffL;

    private final VmFd vm;
    private final FaultLog faults = new FaultLog("interrupt routing");

    // Guarded by this.
    private @Nullable Route[] routes = new @Nullable Route[16];
    private int end;

    KvmMsiRouting(VmFd vm) {
        this.vm = vm;
    }

    /** Makes a route without a message. */
    MsiRoute newRoute() {
        EventFd trigger;
        try {
            trigger = EventFd.create();
        } catch (ErrnoException e) {
            throw new VmException.HostFault(
                    "The host has no descriptor left for an interrupt: " + e.getMessage(),
                    "Raise the limit of open files (ulimit -n).",
                    e);
        }
        return add(trigger);
    }

    private synchronized Route add(EventFd trigger) {
        int index = 0;
        while (index < end && routes[index] != null) {
            index++;
        }
        if (index == ROUTES) {
            trigger.close();
            throw new VmException.HostFault("KVM has no GSI left for an interrupt.", "Give the machine fewer devices.");
        }
        if (index == routes.length) {
            routes = Arrays.copyOf(routes, Math.min(ROUTES, 2 * index));
        }
        Route route = new Route(index, trigger);
        routes[index] = route;
        end = Math.max(end, index + 1);
        return route;
    }

    private void update() {
        try (Arena arena = Arena.ofConfined()) {
            KvmIrqRouting table = new KvmIrqRouting(arena, PIN_ENTRIES + end);
            for (int gsi = 0; gsi < MachineLayout.IOAPIC_PINS; gsi++) {
                if (gsi < PIC_PINS) {
                    table.addPin(gsi, KvmIrqchip.KVM_IRQCHIP_PIC_MASTER, gsi);
                } else if (gsi < 2 * PIC_PINS) {
                    table.addPin(gsi, KvmIrqchip.KVM_IRQCHIP_PIC_SLAVE, gsi - PIC_PINS);
                }
                table.addPin(gsi, KvmIrqchip.KVM_IRQCHIP_IOAPIC, gsi);
            }
            for (int i = 0; i < end; i++) {
                Route route = routes[i];
                if (route != null && route.routed) {
                    table.addMsi(FIRST_GSI + i, route.address, route.data);
                }
            }
            vm.setGsiRouting(table);
        }
    }

    private final class Route implements MsiRoute {
        private final int index;
        private final EventFd trigger;

        // Guarded by KvmMsiRouting.this.
        private long address;
        private int data;

        /** Whether the table holds the message. */
        private boolean routed;

        private boolean attached;
        private boolean closed;

        Route(int index, EventFd trigger) {
            this.index = index;
            this.trigger = trigger;
        }

        @Override
        public boolean set(long newAddress, int newData) {
            // KVM would take any address for a local APIC's.
            if ((newAddress & ADDRESS_MASK) != MachineLayout.LAPIC_GPA) {
                return false;
            }
            synchronized (KvmMsiRouting.this) {
                if (closed) {
                    return false;
                }
                if (!routed || address != newAddress || data != newData) {
                    address = newAddress;
                    data = newData;
                    routed = true;
                    routed = install();
                }
                return routed;
            }
        }

        /** Brings the message into the table; where that fails, KVM keeps the table that it had. */
        private boolean install() {
            try {
                update();
                if (!attached) {
                    vm.irqfd(trigger, FIRST_GSI + index);
                    attached = true;
                }
                return true;
            } catch (ErrnoException e) {
                faults.report("an interrupt is lost: " + e.getMessage());
                return false;
            }
        }

        @Override
        public void signal() {
            trigger.signal();
        }

        @Override
        public void close() {
            synchronized (KvmMsiRouting.this) {
                if (closed) {
                    return;
                }
                closed = true;
                if (attached) {
                    vm.irqfdDeassign(trigger, FIRST_GSI + index);
                }
                routed = false;
                routes[index] = null;
            }
            trigger.close();
        }
    }
}

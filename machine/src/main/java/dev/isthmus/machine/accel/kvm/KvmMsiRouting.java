// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.machine.accel.kvm;

import java.lang.foreign.Arena;
import java.util.Arrays;

import org.jspecify.annotations.Nullable;

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

    /** As many as KVM takes beside the pins: those of the IOAPIC, and of two PICs. */
    private static final int ROUTES = KvmIrqRouting.MAX_ENTRIES - MachineLayout.IOAPIC_PINS - 2 * 8;

    private static final int PIC_PINS = 8;

    private final VmFd vm;

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
            KvmIrqRouting table = new KvmIrqRouting(arena, MachineLayout.IOAPIC_PINS + 2 * PIC_PINS + end);
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
        private boolean routed;
        private boolean attached;
        private boolean closed;

        Route(int index, EventFd trigger) {
            this.index = index;
            this.trigger = trigger;
        }

        @Override
        public boolean set(long newAddress, int newData) {
            synchronized (KvmMsiRouting.this) {
                if (closed || (routed && address == newAddress && data == newData)) {
                    return routed;
                }
                address = newAddress;
                data = newData;
                routed = true;
                try {
                    update();
                    if (!attached) {
                        vm.irqfd(trigger, FIRST_GSI + index);
                        attached = true;
                    }
                } catch (ErrnoException e) {
                    // KVM refuses addresses that no local APIC can have; a real device would write into nowhere.
                    routed = false;
                    update();
                }
                return routed;
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

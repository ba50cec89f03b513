// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.machine.virtio;

import dev.isthmus.kvm.linux.EventFd;
import dev.isthmus.machine.MachineLayout;
import dev.isthmus.machine.accel.Accelerator;
import dev.isthmus.machine.io.IoThread;
import dev.isthmus.machine.irq.EdgeIrqLine;
import dev.isthmus.memory.GuestMemory;
import dev.isthmus.virtio.VirtioDevice;
import dev.isthmus.virtio.transport.MmioRegisters;
import dev.isthmus.virtio.transport.MmioTransport;

/** A virtio device with registers at a fixed address of the MMIO bus: notifications by ioeventfd, interrupts by irqfd. */
public final class MmioSlot implements VirtioSlot {
    private static final int NOTIFY_BYTES = 4;

    private final MmioTransport transport;
    private final long gpa;
    private final EventFd interrupt;
    private final Notifiers notifiers;

    private MmioSlot(MmioTransport transport, long gpa, EventFd interrupt, Notifiers notifiers) {
        this.transport = transport;
        this.gpa = gpa;
        this.interrupt = interrupt;
        this.notifiers = notifiers;
    }

    /**
     * Puts a device into the machine.
     *
     * @param index the slot, 0 up to {@link MachineLayout#VIRTIO_MMIO_MAX} - 1
     * @param name how log messages call the device
     */
    public static MmioSlot attach(
            int index, String name, VirtioDevice device, Accelerator accelerator, GuestMemory memory, IoThread loop) {
        long gpa = MachineLayout.virtioMmioGpa(index);
        EventFd interrupt = EventFd.create();
        try {
            accelerator.attachIrq(interrupt, MachineLayout.virtioMmioIrq(index));
            MmioTransport transport = new MmioTransport(device, memory, loop, new EdgeIrqLine(interrupt), name);
            // The last that can fail: whoever watches must also be told to stop.
            Notifiers notifiers = Notifiers.open(accelerator, loop, device.queueCount(), new Target(transport));
            for (int i = 0; i < device.queueCount(); i++) {
                notifiers.attachValue(i, gpa + MmioRegisters.VIRTIO_MMIO_QUEUE_NOTIFY, NOTIFY_BYTES, i);
            }
            return new MmioSlot(transport, gpa, interrupt, notifiers);
        } catch (RuntimeException e) {
            interrupt.close();
            throw e;
        }
    }

    /** Returns who answers at {@link #gpa}. */
    public MmioTransport transport() {
        return transport;
    }

    /** Returns where the registers are. */
    public long gpa() {
        return gpa;
    }

    @Override
    public void reset() {
        transport.reset();
    }

    @Override
    public void close() {
        notifiers.close();
        interrupt.close();
    }

    private record Target(MmioTransport transport) implements Notifiers.Target {
        @Override
        public void notifyQueue(int queueIndex) {
            transport.notifyQueue(queueIndex);
        }
    }
}

// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.machine;

import org.jspecify.annotations.Nullable;

import dev.isthmus.device.FdWatch;
import dev.isthmus.kvm.linux.EventFd;
import dev.isthmus.machine.accel.Accelerator;
import dev.isthmus.machine.io.IoThread;
import dev.isthmus.machine.irq.EdgeIrqLine;
import dev.isthmus.memory.GuestMemory;
import dev.isthmus.virtio.VirtioDevice;
import dev.isthmus.virtio.transport.MmioRegisters;
import dev.isthmus.virtio.transport.MmioTransport;

/**
 * A virtio device at its place in the machine: the transport's registers on the MMIO bus, queue notifications by
 * ioeventfd straight to the loop, interrupts by irqfd straight to the guest, neither through a vCPU thread.
 */
final class VirtioSlot implements AutoCloseable {
    private static final int NOTIFY_BYTES = 4;

    private final MmioTransport transport;
    private final long gpa;
    private final IoThread loop;
    private final EventFd interrupt;
    private final EventFd[] notifiers;

    /** Loop thread only. */
    private final @Nullable FdWatch[] watches;

    private VirtioSlot(
            MmioTransport transport, long gpa, IoThread loop, EventFd interrupt, EventFd[] notifiers) {
        this.transport = transport;
        this.gpa = gpa;
        this.loop = loop;
        this.interrupt = interrupt;
        this.notifiers = notifiers;
        this.watches = new @Nullable FdWatch[notifiers.length];
    }

    /**
     * Puts a device into the machine.
     *
     * @param index the slot, 0 up to {@link MachineLayout#VIRTIO_MMIO_MAX} - 1
     * @param name how log messages call the device
     */
    static VirtioSlot attach(
            int index, String name, VirtioDevice device, Accelerator accelerator, GuestMemory memory, IoThread loop) {
        long gpa = MachineLayout.virtioMmioGpa(index);
        EventFd interrupt = EventFd.create();
        EventFd[] notifiers = new EventFd[device.queueCount()];
        int made = 0;
        try {
            accelerator.attachIrq(interrupt, MachineLayout.virtioMmioIrq(index));
            while (made < notifiers.length) {
                notifiers[made] = EventFd.create();
                made++;
                accelerator.attachNotifier(
                        notifiers[made - 1], gpa + MmioRegisters.VIRTIO_MMIO_QUEUE_NOTIFY, NOTIFY_BYTES, made - 1);
            }
        } catch (RuntimeException e) {
            interrupt.close();
            for (int i = 0; i < made; i++) {
                notifiers[i].close();
            }
            throw e;
        }
        MmioTransport transport = new MmioTransport(device, memory, loop, new EdgeIrqLine(interrupt), name);
        VirtioSlot slot = new VirtioSlot(transport, gpa, loop, interrupt, notifiers);
        loop.post(slot.new Watch());
        return slot;
    }

    MmioTransport transport() {
        return transport;
    }

    long gpa() {
        return gpa;
    }

    /** Takes the state after power-on; requests in flight have ended on return. Any thread. */
    void reset() {
        transport.reset();
    }

    /** Ends the watches and closes the eventfds. The device has been reset, the loop still runs. */
    @Override
    public void close() {
        loop.call(new Unwatch());
        for (EventFd notifier : notifiers) {
            notifier.close();
        }
        interrupt.close();
    }

    private final class Watch implements Runnable {
        @Override
        public void run() {
            for (int i = 0; i < notifiers.length; i++) {
                watches[i] = loop.watch(notifiers[i].fd().number(), FdWatch.READABLE, new Notified(i));
            }
        }
    }

    private final class Unwatch implements Runnable {
        @Override
        public void run() {
            for (FdWatch watch : watches) {
                if (watch != null) {
                    watch.close();
                }
            }
        }
    }

    private final class Notified implements FdWatch.Callback {
        private final int queueIndex;

        Notified(int queueIndex) {
            this.queueIndex = queueIndex;
        }

        @Override
        public void ready(int ready) {
            // Before the queue is looked at: a notification that comes meanwhile must make the descriptor ready again.
            notifiers[queueIndex].drain();
            transport.notifyQueue(queueIndex);
        }
    }
}

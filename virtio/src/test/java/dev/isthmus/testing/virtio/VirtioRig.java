// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.testing.virtio;

import dev.isthmus.device.BusDevice;
import dev.isthmus.device.EventLoop;
import dev.isthmus.memory.GuestMemory;
import dev.isthmus.testing.device.FakeIrqLine;
import dev.isthmus.testing.device.FakeMsixVectors;
import dev.isthmus.virtio.VirtioDevice;
import dev.isthmus.virtio.transport.MmioTransport;
import dev.isthmus.virtio.transport.PciTransport;

/** A device behind a transport, with a driver before it: what tests of devices need to run over every transport. */
public final class VirtioRig {
    /** How the device reaches its driver. */
    public enum Carrier {
        /** Registers at a fixed address, an edge-triggered interrupt. */
        MMIO,
        /** A PCI function with message-signalled interrupts. */
        PCI_MSIX,
        /** A PCI function with a level-triggered interrupt. */
        PCI_INTX
    }

    private final Carrier carrier;
    private final VirtioDriver driver;
    private final FakeIrqLine irq;
    private final FakeMsixVectors msix;
    private final BusDevice registers;
    private final NotifyQueue notifyQueue;
    private final Runnable reset;

    private interface NotifyQueue {
        void notifyQueue(int index);
    }

    /** Puts a device behind a transport. */
    public VirtioRig(Carrier carrier, VirtioDevice device, GuestMemory memory, EventLoop loop) {
        this.carrier = carrier;
        this.irq = new FakeIrqLine();
        this.msix = new FakeMsixVectors(PciTransport.vectorsFor(device));
        if (carrier == Carrier.MMIO) {
            MmioTransport transport = new MmioTransport(device, memory, loop, irq, "test");
            driver = new MmioDriver(transport);
            registers = transport;
            notifyQueue = transport::notifyQueue;
            reset = transport::reset;
        } else {
            PciTransport transport = new PciTransport(device, memory, loop, irq, msix, "test");
            boolean messages = carrier == Carrier.PCI_MSIX;
            transport.allowMemory(true);
            msix.setEnabled(messages);
            driver = new PciDriver(transport, transport.capabilities(0), messages);
            registers = transport;
            notifyQueue = transport::notifyQueue;
            reset = transport::reset;
        }
    }

    /** Returns the driver. */
    public VirtioDriver driver() {
        return driver;
    }

    /** Returns all that the transport answers to. */
    public BusDevice registers() {
        return registers;
    }

    /** Notifies the device as an ioeventfd does. Loop thread. */
    public void notifyQueue(int index) {
        notifyQueue.notifyQueue(index);
    }

    /** Resets the device as the machine does. */
    public void reset() {
        reset.run();
    }

    /** Returns how many interrupts came since the last call, and acknowledges them. */
    public int takeInterrupts() {
        return switch (carrier) {
            case MMIO -> {
                ((MmioDriver) driver).takeInterrupts();
                yield irq.takePulses();
            }
            case PCI_MSIX -> {
                int sum = 0;
                for (int vector = 0; vector < msix.count(); vector++) {
                    sum += msix.takeSignals(vector);
                }
                yield sum;
            }
            case PCI_INTX -> {
                int raised = irq.level() ? 1 : 0;
                ((PciDriver) driver).takeIsr();
                yield raised;
            }
        };
    }
}

// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.machine.virtio;

import java.util.List;

import dev.isthmus.device.BusDevice;
import dev.isthmus.device.IrqLine;
import dev.isthmus.machine.io.IoThread;
import dev.isthmus.machine.pci.Msix;
import dev.isthmus.machine.pci.PciBar;
import dev.isthmus.machine.pci.PciFunction;
import dev.isthmus.machine.pci.PciHost;
import dev.isthmus.memory.GuestMemory;
import dev.isthmus.virtio.VirtioDevice;
import dev.isthmus.virtio.VirtioIds;
import dev.isthmus.virtio.transport.PciRegisters;
import dev.isthmus.virtio.transport.PciTransport;

/**
 * A virtio device as a PCI function: its one BAR, notifications by ioeventfd wherever that is, interrupts by MSI-X or the
 * bus's line.
 *
 * <pre>
 *  BAR 0, 32 KiB
 *  0x0000  virtio structures, see PciRegisters
 *  0x4000  MSI-X table
 *  0x7000  MSI-X pending bits
 * </pre>
 */
public final class PciSlot implements VirtioSlot {
    private static final int BAR = 0;
    private static final int BAR_BYTES = 0x8000;
    private static final int MSIX_TABLE = PciRegisters.LENGTH_BYTES;
    private static final int MSIX_PENDING = 0x7000;

    // Class codes (PCI Code and ID Assignment Specification): those that QEMU gives its virtio devices.
    private static final int CLASS_STORAGE_SCSI = 0x01_00_00;
    private static final int CLASS_STORAGE_OTHER = 0x01_80_00;
    private static final int CLASS_NETWORK_ETHERNET = 0x02_00_00;
    private static final int CLASS_COMMUNICATION_OTHER = 0x07_80_00;
    private static final int CLASS_OTHERS = 0x00_ff_00;

    /** 0x40 or more tells a device without a legacy interface (virtio 1.2, section 4.1.2.1). */
    private static final int SUBSYSTEM_ID = 0x1100;

    private final PciTransport transport;
    private final Notifiers notifiers;

    private PciSlot(PciTransport transport, Notifiers notifiers) {
        this.transport = transport;
        this.notifiers = notifiers;
    }

    /**
     * Plugs a device into the bus.
     *
     * @param name how log messages call the device
     */
    public static PciSlot attach(
            PciHost host, String name, VirtioDevice device, GuestMemory memory, IoThread loop) {
        int type = device.deviceId();
        int queues = device.queueCount();
        PciFunction function = new PciFunction(
                PciRegisters.VENDOR_ID,
                PciRegisters.DEVICE_ID_BASE + type,
                classCode(type),
                PciRegisters.REVISION_ID,
                SUBSYSTEM_ID);
        Msix msix = host.newMsix(PciTransport.vectorsFor(device), name);
        IrqLine irq = host.connectLine(function);
        PciTransport transport = new PciTransport(device, memory, loop, irq, msix, name);
        BarDevice answering = new BarDevice(transport, msix.table(), msix.pendingBits());
        function.setMasterListener(new Master(transport));
        function.addMsix(msix, msix.capability(BAR, MSIX_TABLE, MSIX_PENDING));
        List<byte[]> capabilities = transport.capabilities(BAR);
        int window = capabilities.size() - 1;
        for (int i = 0; i < window; i++) {
            function.addCapability(capabilities.get(i));
        }
        function.addConfigWindow(capabilities.get(window), transport, PciRegisters.LENGTH_BYTES);
        function.addExpress();
        // The last that can fail.
        Notifiers notifiers = Notifiers.open(host.accelerator(), loop, queues, new Target(transport));
        function.addBar(new PciBar(BAR, BAR_BYTES, answering, new NotifierPlace(notifiers, queues)));
        host.add(function);
        return new PciSlot(transport, notifiers);
    }

    private static int classCode(int type) {
        return switch (type) {
            case VirtioIds.VIRTIO_ID_NET -> CLASS_NETWORK_ETHERNET;
            case VirtioIds.VIRTIO_ID_BLOCK -> CLASS_STORAGE_SCSI;
            case VirtioIds.VIRTIO_ID_CONSOLE, VirtioIds.VIRTIO_ID_VSOCK -> CLASS_COMMUNICATION_OTHER;
            case VirtioIds.VIRTIO_ID_FS -> CLASS_STORAGE_OTHER;
            default -> CLASS_OTHERS;
        };
    }

    @Override
    public void reset() {
        transport.reset();
    }

    @Override
    public void close() {
        notifiers.close();
    }

    private record Target(PciTransport transport) implements Notifiers.Target {
        @Override
        public void notifyQueue(int queueIndex) {
            transport.notifyQueue(queueIndex);
        }
    }

    private record Master(PciTransport transport) implements PciFunction.MasterListener {
        @Override
        public void masterChanged(boolean allowed) {
            transport.allowMemory(allowed);
        }
    }

    /** Keeps the ioeventfds where the notification registers are. */
    private record NotifierPlace(Notifiers notifiers, int queues) implements PciBar.Listener {
        @Override
        public void mapped(long gpa) {
            for (int i = 0; i < queues; i++) {
                notifiers.attach(i, gpa + PciTransport.notifyOffset(i));
            }
        }

        @Override
        public void unmapped() {
            for (int i = 0; i < queues; i++) {
                notifiers.detach(i);
            }
        }
    }

    /** The BAR: each access goes to the part that holds all of it. */
    private record BarDevice(BusDevice virtio, BusDevice table, BusDevice pendingBits) implements BusDevice {
        @Override
        public long read(long offset, int sizeBytes) {
            if (offset < MSIX_TABLE) {
                return virtio.read(offset, sizeBytes);
            }
            return offset < MSIX_PENDING
                    ? table.read(offset - MSIX_TABLE, sizeBytes)
                    : pendingBits.read(offset - MSIX_PENDING, sizeBytes);
        }

        @Override
        public void write(long offset, int sizeBytes, long value) {
            if (offset < MSIX_TABLE) {
                virtio.write(offset, sizeBytes, value);
            } else if (offset < MSIX_PENDING) {
                table.write(offset - MSIX_TABLE, sizeBytes, value);
            } else {
                pendingBits.write(offset - MSIX_PENDING, sizeBytes, value);
            }
        }
    }
}

// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.virtio.transport;

import java.util.List;

import dev.isthmus.device.BusDevice;
import dev.isthmus.device.EventLoop;
import dev.isthmus.device.FaultLog;
import dev.isthmus.device.IrqLine;
import dev.isthmus.device.MsixVectors;
import dev.isthmus.memory.GuestMemory;
import dev.isthmus.virtio.VirtioDevice;

/**
 * Virtio over PCI without the legacy interface (virtio 1.2, section 4.1): decodes the structures in the BAR, laid out as
 * {@link PciRegisters} says, and chooses between MSI-X and the interrupt line.
 *
 * <p>Called by vCPU threads, several at once. Only {@link #allowMemory} and a write to {@code device_status},
 * {@code queue_enable} or {@code queue_reset} may wait for the loop. Fields are accessed in their natural width, 64-bit
 * ones also as halves (4.1.3.1); other accesses read as 0 and are ignored when they write.
 */
public final class PciTransport implements BusDevice {
    private static final long ALL_ONES = 0xffff_ffffL;
    private static final int HIGH_HALF = 4;

    private final VirtioDevice device;
    private final DeviceLifecycle lifecycle;
    private final TransportState state;
    private final PciInterrupts interrupts;
    private final MsixVectors msix;

    /**
     * Carries a device, which may not access memory before {@link #allowMemory} says so.
     *
     * @param device the device
     * @param memory the guest's RAM
     * @param loop the loop that owns the device while it is active
     * @param irq the function's interrupt line
     * @param msix the function's vectors
     * @param name how log messages call the device, such as "virtio-blk 0"
     */
    public PciTransport(
            VirtioDevice device, GuestMemory memory, EventLoop loop, IrqLine irq, MsixVectors msix, String name) {
        this.device = device;
        this.msix = msix;
        this.interrupts = new PciInterrupts(irq, msix);
        this.lifecycle = new DeviceLifecycle(
                device, memory, loop, interrupts, new FaultLog(name), DeviceLifecycle.Platform.GRANTED);
        this.state = lifecycle.state();
        interrupts.open(state);
    }

    /** Returns how many vectors a device makes use of: one for each queue, and one for its configuration. */
    public static int vectorsFor(VirtioDevice device) {
        return device.queueCount() + 1;
    }

    /**
     * Returns the capabilities that lead a driver to the structures, each without its link to the next, in the order in
     * which a driver is to prefer them. The last is {@link PciRegisters#VIRTIO_PCI_CAP_PCI_CFG}.
     *
     * @param bar the number of the BAR that this answers
     */
    public List<byte[]> capabilities(int bar) {
        return List.of(
                capability(PciRegisters.VIRTIO_PCI_CAP_COMMON_CFG, bar, PciRegisters.COMMON_OFFSET,
                        PciRegisters.COMMON_BYTES, PciRegisters.CAP_BYTES),
                capability(PciRegisters.VIRTIO_PCI_CAP_ISR_CFG, bar, PciRegisters.ISR_OFFSET,
                        1, PciRegisters.CAP_BYTES),
                capability(PciRegisters.VIRTIO_PCI_CAP_DEVICE_CFG, bar, PciRegisters.DEVICE_OFFSET,
                        PciRegisters.DEVICE_BYTES, PciRegisters.CAP_BYTES),
                notifyCapability(bar),
                capability(PciRegisters.VIRTIO_PCI_CAP_PCI_CFG, 0, 0, 0, PciRegisters.CAP_BYTES_WITH_FIELD));
    }

    private byte[] notifyCapability(int bar) {
        byte[] capability = capability(
                PciRegisters.VIRTIO_PCI_CAP_NOTIFY_CFG,
                bar,
                PciRegisters.NOTIFY_OFFSET,
                device.queueCount() * PciRegisters.NOTIFY_OFF_MULTIPLIER,
                PciRegisters.CAP_BYTES_WITH_FIELD);
        put32(capability, PciRegisters.CAP_NOTIFY_OFF_MULTIPLIER, PciRegisters.NOTIFY_OFF_MULTIPLIER);
        return capability;
    }

    private static byte[] capability(int type, int bar, int offset, int lengthBytes, int capabilityBytes) {
        byte[] capability = new byte[capabilityBytes];
        capability[0] = PciRegisters.CAP_ID_VENDOR;
        capability[2] = (byte) capabilityBytes;
        capability[3] = (byte) type;
        capability[PciRegisters.CAP_BAR] = (byte) bar;
        put32(capability, PciRegisters.CAP_OFFSET, offset);
        put32(capability, PciRegisters.CAP_LENGTH, lengthBytes);
        return capability;
    }

    private static void put32(byte[] bytes, int offset, int value) {
        for (int i = 0; i < Integer.BYTES; i++) {
            bytes[offset + i] = (byte) (value >>> (Byte.SIZE * i));
        }
    }

    /** Returns where the notification register of a queue is in the BAR. */
    public static int notifyOffset(int queueIndex) {
        return PciRegisters.NOTIFY_OFFSET + queueIndex * PciRegisters.NOTIFY_OFF_MULTIPLIER;
    }

    /**
     * Handles an available buffer notification, as a write to its register does but at once: what an ioeventfd on that
     * register leads to. Loop thread.
     *
     * @param queueIndex any value; queues that do not exist are ignored
     */
    public void notifyQueue(int queueIndex) {
        lifecycle.notifyQueue(queueIndex);
    }

    /**
     * Resets transport and device as a driver's reset does, in any state: requests in flight have ended on return. For
     * a machine's reset and its end. Any thread but the loop's.
     */
    public void reset() {
        lifecycle.reset();
    }

    /**
     * Allows or forbids the device to access memory, as the function's bus master bit does; has effect on return, which
     * may wait for the loop. A device that loses the right while it is live needs a reset, for its requests in flight
     * have ended and others would be left to wait. vCPU threads, one at a time.
     */
    public void allowMemory(boolean allowed) {
        lifecycle.allowMemory(allowed);
    }

    @Override
    public long read(long offset, int sizeBytes) {
        if (offset < 0 || offset >= PciRegisters.NOTIFY_OFFSET) {
            return 0;
        }
        if (offset >= PciRegisters.DEVICE_OFFSET) {
            return device.config().read(offset - PciRegisters.DEVICE_OFFSET, sizeBytes);
        }
        if (offset >= PciRegisters.ISR_OFFSET) {
            return offset == PciRegisters.ISR_OFFSET ? interrupts.takeIsr() : 0;
        }
        return offset < PciRegisters.COMMON_BYTES ? readCommon((int) offset, sizeBytes) : 0;
    }

    private long readCommon(int offset, int sizeBytes) {
        if (isAddress(offset, sizeBytes)) {
            return readCommon(offset, Integer.BYTES) | readCommon(offset + HIGH_HALF, Integer.BYTES) << 32;
        }
        if (sizeBytes != width(offset)) {
            return 0;
        }
        return switch (offset) {
            case PciRegisters.VIRTIO_PCI_COMMON_DFSELECT -> state.selectedDeviceFeatures();
            case PciRegisters.VIRTIO_PCI_COMMON_DF -> state.deviceFeatures();
            case PciRegisters.VIRTIO_PCI_COMMON_GFSELECT -> state.selectedDriverFeatures();
            case PciRegisters.VIRTIO_PCI_COMMON_GF -> state.driverFeaturesWord();
            case PciRegisters.VIRTIO_PCI_COMMON_MSIX -> state.configVector();
            case PciRegisters.VIRTIO_PCI_COMMON_NUMQ -> device.queueCount();
            case PciRegisters.VIRTIO_PCI_COMMON_STATUS -> state.status();
            case PciRegisters.VIRTIO_PCI_COMMON_CFGGENERATION -> device.config().generation() & 0xff;
            case PciRegisters.VIRTIO_PCI_COMMON_Q_SELECT -> state.selectedQueue() & 0xffff;
            case PciRegisters.VIRTIO_PCI_COMMON_Q_SIZE -> state.queueSize();
            case PciRegisters.VIRTIO_PCI_COMMON_Q_MSIX -> state.queueVector();
            case PciRegisters.VIRTIO_PCI_COMMON_Q_ENABLE -> state.queueReady() ? 1 : 0;
            case PciRegisters.VIRTIO_PCI_COMMON_Q_NOFF -> state.queueExists() ? state.selectedQueue() : 0;
            case PciRegisters.VIRTIO_PCI_COMMON_Q_DESC -> state.descriptorArea() & ALL_ONES;
            case PciRegisters.VIRTIO_PCI_COMMON_Q_DESC + HIGH_HALF -> state.descriptorArea() >>> 32;
            case PciRegisters.VIRTIO_PCI_COMMON_Q_AVAIL -> state.driverArea() & ALL_ONES;
            case PciRegisters.VIRTIO_PCI_COMMON_Q_AVAIL + HIGH_HALF -> state.driverArea() >>> 32;
            case PciRegisters.VIRTIO_PCI_COMMON_Q_USED -> state.deviceArea() & ALL_ONES;
            case PciRegisters.VIRTIO_PCI_COMMON_Q_USED + HIGH_HALF -> state.deviceArea() >>> 32;
            case PciRegisters.VIRTIO_PCI_COMMON_Q_RESET -> state.queueResetting() ? 1 : 0;
            default -> 0;
        };
    }

    @Override
    public void write(long offset, int sizeBytes, long value) {
        if (offset < 0 || offset >= PciRegisters.LENGTH_BYTES) {
            return;
        }
        if (offset >= PciRegisters.NOTIFY_OFFSET) {
            // The register says which queue; what is written there repeats it (4.1.4.4).
            long position = offset - PciRegisters.NOTIFY_OFFSET;
            if (position % PciRegisters.NOTIFY_OFF_MULTIPLIER == 0) {
                lifecycle.notifyFromRegister(position / PciRegisters.NOTIFY_OFF_MULTIPLIER);
            }
            return;
        }
        if (offset >= PciRegisters.DEVICE_OFFSET) {
            device.writeConfig(offset - PciRegisters.DEVICE_OFFSET, sizeBytes, value);
            return;
        }
        if (offset >= PciRegisters.COMMON_BYTES) {
            return;
        }
        if (isAddress((int) offset, sizeBytes)) {
            writeCommon((int) offset, value & ALL_ONES);
            writeCommon((int) offset + HIGH_HALF, value >>> 32);
        } else if (sizeBytes == width((int) offset)) {
            writeCommon((int) offset, value & (-1L >>> (Long.SIZE - sizeBytes * Byte.SIZE)));
        }
    }

    private void writeCommon(int offset, long value) {
        switch (offset) {
            case PciRegisters.VIRTIO_PCI_COMMON_DFSELECT -> state.selectDeviceFeatures((int) value);
            case PciRegisters.VIRTIO_PCI_COMMON_GFSELECT -> state.selectDriverFeatures((int) value);
            case PciRegisters.VIRTIO_PCI_COMMON_GF -> state.writeDriverFeatures(value);
            case PciRegisters.VIRTIO_PCI_COMMON_MSIX -> state.writeConfigVector(vector(value));
            case PciRegisters.VIRTIO_PCI_COMMON_STATUS -> lifecycle.writeStatus((int) value);
            case PciRegisters.VIRTIO_PCI_COMMON_Q_SELECT -> state.selectQueue((int) value);
            case PciRegisters.VIRTIO_PCI_COMMON_Q_SIZE -> state.writeQueueSize(value);
            case PciRegisters.VIRTIO_PCI_COMMON_Q_MSIX -> state.writeQueueVector(vector(value));
            case PciRegisters.VIRTIO_PCI_COMMON_Q_ENABLE -> {
                // 0 is forbidden: only a reset disables a queue (4.1.4.3.2).
                if (value == 1) {
                    lifecycle.writeQueueReady(true);
                }
            }
            case PciRegisters.VIRTIO_PCI_COMMON_Q_DESC -> state.writeDescriptorArea(false, value);
            case PciRegisters.VIRTIO_PCI_COMMON_Q_DESC + HIGH_HALF -> state.writeDescriptorArea(true, value);
            case PciRegisters.VIRTIO_PCI_COMMON_Q_AVAIL -> state.writeDriverArea(false, value);
            case PciRegisters.VIRTIO_PCI_COMMON_Q_AVAIL + HIGH_HALF -> state.writeDriverArea(true, value);
            case PciRegisters.VIRTIO_PCI_COMMON_Q_USED -> state.writeDeviceArea(false, value);
            case PciRegisters.VIRTIO_PCI_COMMON_Q_USED + HIGH_HALF -> state.writeDeviceArea(true, value);
            case PciRegisters.VIRTIO_PCI_COMMON_Q_RESET -> {
                if (value == 1) {
                    lifecycle.resetQueue();
                }
            }
            default -> {
                // Read-only, or not the start of a field.
            }
        }
    }

    /** A vector that does not exist or can't be had reads back as none, by which the driver learns of it (4.1.5.1.2.1). */
    private int vector(long written) {
        boolean usable = written < msix.count() && msix.claim((int) written);
        return usable ? (int) written : PciRegisters.VIRTIO_MSI_NO_VECTOR;
    }

    /** Tells whether an access is to all of a 64-bit field. */
    private static boolean isAddress(int offset, int sizeBytes) {
        return sizeBytes == Long.BYTES
                && offset % Long.BYTES == 0
                && offset >= PciRegisters.VIRTIO_PCI_COMMON_Q_DESC
                && offset < PciRegisters.VIRTIO_PCI_COMMON_Q_NDATA;
    }

    /** Returns the natural width of the field at an offset of the common configuration. */
    private static int width(int offset) {
        return switch (offset) {
            case PciRegisters.VIRTIO_PCI_COMMON_STATUS, PciRegisters.VIRTIO_PCI_COMMON_CFGGENERATION -> Byte.BYTES;
            case PciRegisters.VIRTIO_PCI_COMMON_MSIX,
                    PciRegisters.VIRTIO_PCI_COMMON_NUMQ,
                    PciRegisters.VIRTIO_PCI_COMMON_Q_SELECT,
                    PciRegisters.VIRTIO_PCI_COMMON_Q_SIZE,
                    PciRegisters.VIRTIO_PCI_COMMON_Q_MSIX,
                    PciRegisters.VIRTIO_PCI_COMMON_Q_ENABLE,
                    PciRegisters.VIRTIO_PCI_COMMON_Q_NOFF,
                    PciRegisters.VIRTIO_PCI_COMMON_Q_NDATA,
                    PciRegisters.VIRTIO_PCI_COMMON_Q_RESET -> Short.BYTES;
            default -> Integer.BYTES;
        };
    }
}

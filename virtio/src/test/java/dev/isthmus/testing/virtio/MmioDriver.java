// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.testing.virtio;

import dev.isthmus.device.BusDevice;
import dev.isthmus.virtio.DeviceStatus;
import dev.isthmus.virtio.transport.MmioRegisters;

/** A driver for virtio over MMIO: the initialisation sequence (virtio 1.2, sections 3.1.1 and 4.2.3), step by step. */
public final class MmioDriver {
    private final BusDevice transport;

    /** Makes a driver for the registers of a transport. */
    public MmioDriver(BusDevice transport) {
        this.transport = transport;
    }

    /** Reads a register. */
    public long read(int register) {
        return transport.read(register, 4);
    }

    /** Writes a register. */
    public void write(int register, long value) {
        transport.write(register, 4, value);
    }

    /** Reads the configuration space. */
    public long readConfig(int offset, int sizeBytes) {
        return transport.read(MmioRegisters.VIRTIO_MMIO_CONFIG + offset, sizeBytes);
    }

    /** Returns the device status. */
    public int status() {
        return (int) read(MmioRegisters.VIRTIO_MMIO_STATUS);
    }

    /** Sets bits of the device status. */
    public void addStatus(int bits) {
        write(MmioRegisters.VIRTIO_MMIO_STATUS, status() | bits);
    }

    /** Resets the device. */
    public void reset() {
        write(MmioRegisters.VIRTIO_MMIO_STATUS, 0);
    }

    /** Returns the features offered. */
    public long deviceFeatures() {
        write(MmioRegisters.VIRTIO_MMIO_DEVICE_FEATURES_SEL, 0);
        long low = read(MmioRegisters.VIRTIO_MMIO_DEVICE_FEATURES);
        write(MmioRegisters.VIRTIO_MMIO_DEVICE_FEATURES_SEL, 1);
        return low | read(MmioRegisters.VIRTIO_MMIO_DEVICE_FEATURES) << 32;
    }

    /** Writes the features chosen. */
    public void writeDriverFeatures(long features) {
        write(MmioRegisters.VIRTIO_MMIO_DRIVER_FEATURES_SEL, 0);
        write(MmioRegisters.VIRTIO_MMIO_DRIVER_FEATURES, features & 0xffff_ffffL);
        write(MmioRegisters.VIRTIO_MMIO_DRIVER_FEATURES_SEL, 1);
        write(MmioRegisters.VIRTIO_MMIO_DRIVER_FEATURES, features >>> 32);
    }

    /**
     * Goes through steps 1 to 6 of section 3.1.1.
     *
     * @return whether the device took the features
     */
    public boolean negotiate(long features) {
        reset();
        addStatus(DeviceStatus.ACKNOWLEDGE);
        addStatus(DeviceStatus.DRIVER);
        writeDriverFeatures(features);
        addStatus(DeviceStatus.FEATURES_OK);
        return (status() & DeviceStatus.FEATURES_OK) != 0;
    }

    /** Describes a queue to the device and enables it (4.2.3.2). */
    public void setUpQueue(int index, QueueDriver queue) {
        describeQueue(index, queue.size(), queue.descriptorGpa(), queue.availableGpa(), queue.usedGpa());
        write(MmioRegisters.VIRTIO_MMIO_QUEUE_READY, 1);
    }

    /** Writes size and addresses of a queue, any values, and does not enable it. */
    public void describeQueue(int index, long size, long descriptorGpa, long driverGpa, long deviceGpa) {
        write(MmioRegisters.VIRTIO_MMIO_QUEUE_SEL, index);
        write(MmioRegisters.VIRTIO_MMIO_QUEUE_NUM, size);
        write(MmioRegisters.VIRTIO_MMIO_QUEUE_DESC_LOW, descriptorGpa & 0xffff_ffffL);
        write(MmioRegisters.VIRTIO_MMIO_QUEUE_DESC_HIGH, descriptorGpa >>> 32);
        write(MmioRegisters.VIRTIO_MMIO_QUEUE_DRIVER_LOW, driverGpa & 0xffff_ffffL);
        write(MmioRegisters.VIRTIO_MMIO_QUEUE_DRIVER_HIGH, driverGpa >>> 32);
        write(MmioRegisters.VIRTIO_MMIO_QUEUE_DEVICE_LOW, deviceGpa & 0xffff_ffffL);
        write(MmioRegisters.VIRTIO_MMIO_QUEUE_DEVICE_HIGH, deviceGpa >>> 32);
    }

    /** Tells the device that the driver is ready. */
    public void driverOk() {
        addStatus(DeviceStatus.DRIVER_OK);
    }

    /** Notifies the device of buffers in a queue. */
    public void notifyQueue(int index) {
        write(MmioRegisters.VIRTIO_MMIO_QUEUE_NOTIFY, index);
    }

    /** Reads and acknowledges the interrupt bits. */
    public int takeInterrupts() {
        int bits = (int) read(MmioRegisters.VIRTIO_MMIO_INTERRUPT_STATUS);
        write(MmioRegisters.VIRTIO_MMIO_INTERRUPT_ACK, bits);
        return bits;
    }
}

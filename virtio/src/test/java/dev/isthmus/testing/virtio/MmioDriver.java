// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.testing.virtio;

import dev.isthmus.device.BusDevice;
import dev.isthmus.virtio.transport.MmioRegisters;

/** A driver for virtio over MMIO (virtio 1.2, section 4.2.3). */
public final class MmioDriver extends VirtioDriver {
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

    @Override
    public long readConfig(int offset, int sizeBytes) {
        return transport.read(MmioRegisters.VIRTIO_MMIO_CONFIG + offset, sizeBytes);
    }

    @Override
    public void writeConfig(int offset, int sizeBytes, long value) {
        transport.write(MmioRegisters.VIRTIO_MMIO_CONFIG + offset, sizeBytes, value);
    }

    @Override
    public int configGeneration() {
        return (int) read(MmioRegisters.VIRTIO_MMIO_CONFIG_GENERATION);
    }

    @Override
    public int status() {
        return (int) read(MmioRegisters.VIRTIO_MMIO_STATUS);
    }

    @Override
    public void writeStatus(int status) {
        write(MmioRegisters.VIRTIO_MMIO_STATUS, status);
    }

    @Override
    public long deviceFeatures() {
        write(MmioRegisters.VIRTIO_MMIO_DEVICE_FEATURES_SEL, 0);
        long low = read(MmioRegisters.VIRTIO_MMIO_DEVICE_FEATURES);
        write(MmioRegisters.VIRTIO_MMIO_DEVICE_FEATURES_SEL, 1);
        return low | read(MmioRegisters.VIRTIO_MMIO_DEVICE_FEATURES) << 32;
    }

    @Override
    public void writeDriverFeatures(long features) {
        write(MmioRegisters.VIRTIO_MMIO_DRIVER_FEATURES_SEL, 0);
        write(MmioRegisters.VIRTIO_MMIO_DRIVER_FEATURES, features & 0xffff_ffffL);
        write(MmioRegisters.VIRTIO_MMIO_DRIVER_FEATURES_SEL, 1);
        write(MmioRegisters.VIRTIO_MMIO_DRIVER_FEATURES, features >>> 32);
    }

    @Override
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

    @Override
    public int queueSizeMax(int index) {
        write(MmioRegisters.VIRTIO_MMIO_QUEUE_SEL, index);
        return (int) read(MmioRegisters.VIRTIO_MMIO_QUEUE_NUM_MAX);
    }

    @Override
    public void enableQueue(int index) {
        write(MmioRegisters.VIRTIO_MMIO_QUEUE_SEL, index);
        write(MmioRegisters.VIRTIO_MMIO_QUEUE_READY, 1);
    }

    @Override
    public boolean queueEnabled(int index) {
        write(MmioRegisters.VIRTIO_MMIO_QUEUE_SEL, index);
        return read(MmioRegisters.VIRTIO_MMIO_QUEUE_READY) != 0;
    }

    @Override
    public void resetQueue(int index) {
        write(MmioRegisters.VIRTIO_MMIO_QUEUE_SEL, index);
        write(MmioRegisters.VIRTIO_MMIO_QUEUE_RESET, 1);
    }

    @Override
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

// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.testing.virtio;

import java.util.List;

import dev.isthmus.device.BusDevice;
import dev.isthmus.virtio.transport.PciRegisters;

/**
 * A driver for virtio over PCI (virtio 1.2, sections 4.1.4 and 4.1.5): finds the structures by the capabilities and
 * accesses each field in its natural width.
 */
public final class PciDriver extends VirtioDriver {
    /** The vector for changes of configuration and status. */
    public static final int CONFIG_VECTOR = 0;

    private final BusDevice bar;
    private final long commonOffset;
    private final long notifyOffset;
    private final long notifyMultiplier;
    private final long isrOffset;
    private final long deviceOffset;
    private final boolean msix;

    /**
     * Makes a driver.
     *
     * @param bar the BAR that all structures are in
     * @param capabilities those of {@link PciRegisters#CAP_ID_VENDOR}
     * @param msix whether it maps events to vectors when it enables queues: {@link #CONFIG_VECTOR}, {@link #queueVector}
     */
    public PciDriver(BusDevice bar, List<byte[]> capabilities, boolean msix) {
        this.bar = bar;
        this.msix = msix;
        this.commonOffset = offset(find(capabilities, PciRegisters.VIRTIO_PCI_CAP_COMMON_CFG));
        byte[] notify = find(capabilities, PciRegisters.VIRTIO_PCI_CAP_NOTIFY_CFG);
        this.notifyOffset = offset(notify);
        this.notifyMultiplier = le32(notify, PciRegisters.CAP_NOTIFY_OFF_MULTIPLIER);
        this.isrOffset = offset(find(capabilities, PciRegisters.VIRTIO_PCI_CAP_ISR_CFG));
        this.deviceOffset = offset(find(capabilities, PciRegisters.VIRTIO_PCI_CAP_DEVICE_CFG));
    }

    /** Returns the first capability of a type; drivers prefer the first of several (4.1.4.1). */
    private static byte[] find(List<byte[]> capabilities, int type) {
        for (byte[] capability : capabilities) {
            if (capability[0] == PciRegisters.CAP_ID_VENDOR && capability[3] == type) {
                return capability;
            }
        }
        throw new AssertionError("no capability of type " + type);
    }

    private static long offset(byte[] capability) {
        return le32(capability, PciRegisters.CAP_OFFSET);
    }

    private static long le32(byte[] bytes, int offset) {
        long value = 0;
        for (int i = 0; i < Integer.BYTES; i++) {
            value |= Byte.toUnsignedLong(bytes[offset + i]) << (Byte.SIZE * i);
        }
        return value;
    }

    /** Reads a field of the common configuration. */
    public long read(int field, int sizeBytes) {
        return bar.read(commonOffset + field, sizeBytes);
    }

    /** Writes a field of the common configuration. */
    public void write(int field, int sizeBytes, long value) {
        bar.write(commonOffset + field, sizeBytes, value);
    }

    private void select(int index) {
        write(PciRegisters.VIRTIO_PCI_COMMON_Q_SELECT, 2, index);
    }

    @Override
    public int status() {
        return (int) read(PciRegisters.VIRTIO_PCI_COMMON_STATUS, 1);
    }

    @Override
    public void writeStatus(int status) {
        write(PciRegisters.VIRTIO_PCI_COMMON_STATUS, 1, status);
    }

    @Override
    public long deviceFeatures() {
        write(PciRegisters.VIRTIO_PCI_COMMON_DFSELECT, 4, 0);
        long low = read(PciRegisters.VIRTIO_PCI_COMMON_DF, 4);
        write(PciRegisters.VIRTIO_PCI_COMMON_DFSELECT, 4, 1);
        return low | read(PciRegisters.VIRTIO_PCI_COMMON_DF, 4) << 32;
    }

    @Override
    public void writeDriverFeatures(long features) {
        write(PciRegisters.VIRTIO_PCI_COMMON_GFSELECT, 4, 0);
        write(PciRegisters.VIRTIO_PCI_COMMON_GF, 4, features & 0xffff_ffffL);
        write(PciRegisters.VIRTIO_PCI_COMMON_GFSELECT, 4, 1);
        write(PciRegisters.VIRTIO_PCI_COMMON_GF, 4, features >>> 32);
    }

    @Override
    public long readConfig(int offset, int sizeBytes) {
        return bar.read(deviceOffset + offset, sizeBytes);
    }

    @Override
    public void writeConfig(int offset, int sizeBytes, long value) {
        bar.write(deviceOffset + offset, sizeBytes, value);
    }

    @Override
    public int configGeneration() {
        return (int) read(PciRegisters.VIRTIO_PCI_COMMON_CFGGENERATION, 1);
    }

    @Override
    public void describeQueue(int index, long size, long descriptorGpa, long driverGpa, long deviceGpa) {
        select(index);
        write(PciRegisters.VIRTIO_PCI_COMMON_Q_SIZE, 2, size & 0xffff);
        writeAddress(PciRegisters.VIRTIO_PCI_COMMON_Q_DESC, descriptorGpa);
        writeAddress(PciRegisters.VIRTIO_PCI_COMMON_Q_AVAIL, driverGpa);
        writeAddress(PciRegisters.VIRTIO_PCI_COMMON_Q_USED, deviceGpa);
    }

    /** In halves, as drivers must where the bus may not carry more (4.1.3.1). */
    private void writeAddress(int field, long gpa) {
        write(field, 4, gpa & 0xffff_ffffL);
        write(field + 4, 4, gpa >>> 32);
    }

    @Override
    public int queueSizeMax(int index) {
        select(index);
        return (int) read(PciRegisters.VIRTIO_PCI_COMMON_Q_SIZE, 2);
    }

    /** Returns the vector for used buffers of a queue. */
    public static int queueVector(int index) {
        return CONFIG_VECTOR + 1 + index;
    }

    @Override
    public void enableQueue(int index) {
        if (msix) {
            setConfigVector(CONFIG_VECTOR);
            setQueueVector(index, queueVector(index));
        }
        select(index);
        write(PciRegisters.VIRTIO_PCI_COMMON_Q_ENABLE, 2, 1);
    }

    @Override
    public boolean queueEnabled(int index) {
        select(index);
        return read(PciRegisters.VIRTIO_PCI_COMMON_Q_ENABLE, 2) != 0;
    }

    @Override
    public void resetQueue(int index) {
        select(index);
        write(PciRegisters.VIRTIO_PCI_COMMON_Q_RESET, 2, 1);
    }

    @Override
    public void notifyQueue(int index) {
        select(index);
        long register = read(PciRegisters.VIRTIO_PCI_COMMON_Q_NOFF, 2) * notifyMultiplier;
        bar.write(notifyOffset + register, 2, index);
    }

    /** Maps changes of configuration and status to a vector; returns what the device made of it. */
    public int setConfigVector(int vector) {
        write(PciRegisters.VIRTIO_PCI_COMMON_MSIX, 2, vector);
        return (int) read(PciRegisters.VIRTIO_PCI_COMMON_MSIX, 2);
    }

    /** Maps used buffers of a queue to a vector; returns what the device made of it. */
    public int setQueueVector(int index, int vector) {
        select(index);
        write(PciRegisters.VIRTIO_PCI_COMMON_Q_MSIX, 2, vector);
        return (int) read(PciRegisters.VIRTIO_PCI_COMMON_Q_MSIX, 2);
    }

    /** Reads the ISR status, which clears it. */
    public int takeIsr() {
        return (int) bar.read(isrOffset, 1);
    }
}

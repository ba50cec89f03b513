// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.virtio.transport;

import org.jspecify.annotations.Nullable;

import dev.isthmus.virtio.DeviceStatus;
import dev.isthmus.virtio.VirtioDevice;
import dev.isthmus.virtio.VirtioFeatures;

/**
 * What a driver has told a transport: plain state, apart from all resources, so that reset is one place. Only what
 * must hold for the registers themselves is checked here; addresses and sizes are as the driver wrote them.
 *
 * <p>Any thread. One lock, which is the device's lock for registers, guards all fields; it is held for a few field
 * accesses and across no call out.
 */
final class TransportState {
    /** Answer in place of a queue's index: there is nothing to do. */
    static final int NO_QUEUE = -1;

    private final long offeredFeatures;
    private final Object lock = new Object();

    // All below guarded by lock.

    private int status;
    private int deviceFeaturesSel;
    private int driverFeaturesSel;

    /** Feature bits 0 to 63 as the driver wrote them, unchecked. */
    private long driverFeatures;

    /** Whether the driver set a feature bit beyond 63, none of which is ever offered. */
    private boolean driverFeaturesBeyond;

    /** The queue selected, any 32-bit value. */
    private int queueSel;

    /** The driver's choice of an MSI-X vector for configuration changes, where the transport has any. */
    private int configVector = PciRegisters.VIRTIO_MSI_NO_VECTOR;

    private final QueueRegisters[] queues;

    TransportState(VirtioDevice device, long offeredFeatures) {
        this.offeredFeatures = offeredFeatures;
        this.queues = new QueueRegisters[device.queueCount()];
        for (int i = 0; i < queues.length; i++) {
            queues[i] = new QueueRegisters(device.queueSizeMax(i));
        }
    }

    /** Returns to the state of a device that no driver has touched (2.4.1). */
    void reset() {
        synchronized (lock) {
            status = 0;
            deviceFeaturesSel = 0;
            driverFeaturesSel = 0;
            driverFeatures = 0;
            driverFeaturesBeyond = false;
            queueSel = 0;
            configVector = PciRegisters.VIRTIO_MSI_NO_VECTOR;
            for (QueueRegisters queue : queues) {
                queue.reset();
            }
        }
    }

    // Status.

    int status() {
        synchronized (lock) {
            return status;
        }
    }

    /** Sets status bits that are not the driver's to set, and returns the new status. */
    int addStatus(int bits) {
        synchronized (lock) {
            status |= bits;
            return status;
        }
    }

    /**
     * Applies a driver's write to the status field by the table in {@link DeviceStatus}; all but DRIVER_OK, which is
     * set once the device is active.
     *
     * @param written what the driver wrote, not 0
     * @param checkedFeatures the features that were checked for this
     * @param acceptable whether they were good
     * @return the bits that are new, DRIVER_OK included
     */
    int grantStatus(int written, long checkedFeatures, boolean acceptable) {
        synchronized (lock) {
            // Where another CPU has changed the features meanwhile, no set of features was ever chosen.
            boolean good = acceptable && checkedFeatures == driverFeatures && !driverFeaturesBeyond;
            int granted = DeviceStatus.afterWrite(status, written, good) & ~status;
            status |= granted & ~DeviceStatus.DRIVER_OK;
            return granted;
        }
    }

    // Features.

    void selectDeviceFeatures(int word) {
        synchronized (lock) {
            deviceFeaturesSel = word;
        }
    }

    /** Returns which 32 offered bits are selected, zero-extended. */
    long selectedDeviceFeatures() {
        synchronized (lock) {
            return Integer.toUnsignedLong(deviceFeaturesSel);
        }
    }

    /** Returns which 32 bits of the driver's choice are selected, zero-extended. */
    long selectedDriverFeatures() {
        synchronized (lock) {
            return Integer.toUnsignedLong(driverFeaturesSel);
        }
    }

    /** Returns the 32 selected bits of the driver's choice, zero-extended. */
    long driverFeaturesWord() {
        synchronized (lock) {
            return switch (driverFeaturesSel) {
                case 0 -> driverFeatures & 0xffff_ffffL;
                case 1 -> driverFeatures >>> 32;
                default -> 0;
            };
        }
    }

    /** Returns the features that the driver chose, bits 0 to 63. */
    long driverFeatures() {
        synchronized (lock) {
            return driverFeatures;
        }
    }

    /** Returns the 32 offered bits that are selected, zero-extended. */
    long deviceFeatures() {
        synchronized (lock) {
            return switch (deviceFeaturesSel) {
                case 0 -> offeredFeatures & 0xffff_ffffL;
                case 1 -> offeredFeatures >>> 32;
                default -> 0;
            };
        }
    }

    void selectDriverFeatures(int word) {
        synchronized (lock) {
            driverFeaturesSel = word;
        }
    }

    /** Sets the 32 selected bits of the driver's choice; ignored once FEATURES_OK is set (3.1.1). */
    void writeDriverFeatures(long bits) {
        synchronized (lock) {
            if ((status & DeviceStatus.FEATURES_OK) != 0) {
                return;
            }
            switch (driverFeaturesSel) {
                case 0 -> driverFeatures = (driverFeatures & ~0xffff_ffffL) | bits;
                case 1 -> driverFeatures = (driverFeatures & 0xffff_ffffL) | (bits << 32);
                default -> driverFeaturesBeyond |= bits != 0;
            }
        }
    }

    // Queue registers.

    void selectQueue(int index) {
        synchronized (lock) {
            queueSel = index;
        }
    }

    int selectedQueue() {
        synchronized (lock) {
            return queueSel;
        }
    }

    boolean queueExists() {
        synchronized (lock) {
            return selected() != null;
        }
    }

    /** Returns the size of the selected queue as the driver wrote it, 0 where there is none. */
    long queueSize() {
        synchronized (lock) {
            QueueRegisters queue = selected();
            return queue == null ? 0 : queue.size;
        }
    }

    /** Returns the address of the selected queue's Descriptor Area, 0 where there is none. */
    long descriptorArea() {
        synchronized (lock) {
            QueueRegisters queue = selected();
            return queue == null ? 0 : queue.descriptorGpa;
        }
    }

    /** Returns the address of the selected queue's Driver Area, 0 where there is none. */
    long driverArea() {
        synchronized (lock) {
            QueueRegisters queue = selected();
            return queue == null ? 0 : queue.driverGpa;
        }
    }

    /** Returns the address of the selected queue's Device Area, 0 where there is none. */
    long deviceArea() {
        synchronized (lock) {
            QueueRegisters queue = selected();
            return queue == null ? 0 : queue.deviceGpa;
        }
    }

    /** Returns the maximum size of the selected queue, 0 where there is none. */
    int queueSizeMax() {
        synchronized (lock) {
            QueueRegisters queue = selected();
            return queue == null ? 0 : queue.sizeMax;
        }
    }

    void writeQueueSize(long size) {
        synchronized (lock) {
            QueueRegisters queue = configurable();
            if (queue != null) {
                queue.size = size;
            }
        }
    }

    /** Sets half of the Descriptor Area's address. */
    void writeDescriptorArea(boolean high, long half) {
        synchronized (lock) {
            QueueRegisters queue = configurable();
            if (queue != null) {
                queue.descriptorGpa = withHalf(queue.descriptorGpa, high, half);
            }
        }
    }

    /** Sets half of the Driver Area's address. */
    void writeDriverArea(boolean high, long half) {
        synchronized (lock) {
            QueueRegisters queue = configurable();
            if (queue != null) {
                queue.driverGpa = withHalf(queue.driverGpa, high, half);
            }
        }
    }

    /** Sets half of the Device Area's address. */
    void writeDeviceArea(boolean high, long half) {
        synchronized (lock) {
            QueueRegisters queue = configurable();
            if (queue != null) {
                queue.deviceGpa = withHalf(queue.deviceGpa, high, half);
            }
        }
    }

    private static long withHalf(long gpa, boolean high, long half) {
        return high ? (gpa & 0xffff_ffffL) | (half << 32) : (gpa & ~0xffff_ffffL) | half;
    }

    boolean queueReady() {
        synchronized (lock) {
            QueueRegisters queue = selected();
            return queue != null && queue.ready;
        }
    }

    /** Tells whether the reset of the selected queue is going on. */
    boolean queueResetting() {
        synchronized (lock) {
            QueueRegisters queue = selected();
            return queue != null && queue.resetting;
        }
    }

    /**
     * Enables or disables the selected queue, at once where the device is not live.
     *
     * @return the queue's index where the device is live and must do it, or {@link #NO_QUEUE}
     */
    int writeQueueReady(boolean ready) {
        synchronized (lock) {
            QueueRegisters queue = selected();
            if (queue == null || queue.ready == ready || (ready && configurable() == null)) {
                return NO_QUEUE;
            }
            if ((status & DeviceStatus.DRIVER_OK) == 0) {
                // Checked, and taken up, at DRIVER_OK.
                queue.ready = ready;
                return NO_QUEUE;
            }
            return queueSel;
        }
    }

    /**
     * Has QueueReset of the selected queue read as 1.
     *
     * @return the queue's index, or {@link #NO_QUEUE} where it cannot be reset
     */
    int beginQueueReset() {
        synchronized (lock) {
            QueueRegisters queue = selected();
            if (queue == null || !negotiatedRingReset()) {
                return NO_QUEUE;
            }
            queue.resetting = true;
            return queueSel;
        }
    }

    // Vectors.

    int configVector() {
        synchronized (lock) {
            return configVector;
        }
    }

    void writeConfigVector(int vector) {
        synchronized (lock) {
            configVector = vector;
        }
    }

    /** Returns the vector of the selected queue, none where there is no queue. */
    int queueVector() {
        synchronized (lock) {
            QueueRegisters queue = selected();
            return queue == null ? PciRegisters.VIRTIO_MSI_NO_VECTOR : queue.vector;
        }
    }

    void writeQueueVector(int vector) {
        synchronized (lock) {
            QueueRegisters queue = selected();
            if (queue != null) {
                queue.vector = vector;
            }
        }
    }

    int vectorOfQueue(int index) {
        synchronized (lock) {
            return queues[index].vector;
        }
    }

    void setQueueReady(int index) {
        synchronized (lock) {
            queues[index].ready = true;
        }
    }

    /** Has a queue that was to be disabled read so, and one that was to be reset as after a device reset. */
    void queueStopped(int index) {
        synchronized (lock) {
            QueueRegisters queue = queues[index];
            if (queue.resetting) {
                queue.reset();
            } else {
                queue.ready = false;
            }
        }
    }

    QueueRegisters copyOfQueue(int index) {
        synchronized (lock) {
            return new QueueRegisters(queues[index]);
        }
    }

    private @Nullable QueueRegisters selected() {
        int index = queueSel;
        return index >= 0 && index < queues.length ? queues[index] : null;
    }

    /**
     * Returns the selected queue if its registers may be written: after FEATURES_OK (3.1.1), while not ready (4.2.2.2),
     * and on a live device only where queues can be reset.
     */
    private @Nullable QueueRegisters configurable() {
        QueueRegisters queue = selected();
        if (queue == null || queue.ready || (status & DeviceStatus.FEATURES_OK) == 0) {
            return null;
        }
        return (status & DeviceStatus.DRIVER_OK) == 0 || negotiatedRingReset() ? queue : null;
    }

    private boolean negotiatedRingReset() {
        return (status & DeviceStatus.FEATURES_OK) != 0
                && (driverFeatures & VirtioFeatures.VIRTIO_F_RING_RESET) != 0;
    }
}

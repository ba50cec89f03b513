// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.testing.virtio;

import dev.isthmus.virtio.DeviceStatus;

/** A driver, whatever the transport: the initialisation sequence (virtio 1.2, section 3.1.1), step by step. */
public abstract class VirtioDriver {
    VirtioDriver() {}

    /** Returns the device status. */
    public abstract int status();

    /** Writes the device status, any value. */
    public abstract void writeStatus(int status);

    /** Returns the features offered. */
    public abstract long deviceFeatures();

    /** Writes the features chosen. */
    public abstract void writeDriverFeatures(long features);

    /** Reads the configuration space. */
    public abstract long readConfig(int offset, int sizeBytes);

    /** Writes the configuration space. */
    public abstract void writeConfig(int offset, int sizeBytes, long value);

    /** Returns the generation of the configuration space. */
    public abstract int configGeneration();

    /** Writes size and addresses of a queue, any values, and does not enable it. */
    public abstract void describeQueue(int index, long size, long descriptorGpa, long driverGpa, long deviceGpa);

    /** Returns the largest Queue Size of a queue, 0 where it does not exist. To be asked before it is described. */
    public abstract int queueSizeMax(int index);

    /** Enables a queue. */
    public abstract void enableQueue(int index);

    /** Tells whether a queue is enabled. */
    public abstract boolean queueEnabled(int index);

    /** Resets a queue (2.6.1). */
    public abstract void resetQueue(int index);

    /** Notifies the device of buffers in a queue. */
    public abstract void notifyQueue(int index);

    /** Sets bits of the device status. */
    public final void addStatus(int bits) {
        writeStatus(status() | bits);
    }

    /** Resets the device. */
    public final void reset() {
        writeStatus(0);
    }

    /**
     * Goes through steps 1 to 6 of section 3.1.1.
     *
     * @return whether the device took the features
     */
    public final boolean negotiate(long features) {
        reset();
        addStatus(DeviceStatus.ACKNOWLEDGE);
        addStatus(DeviceStatus.DRIVER);
        writeDriverFeatures(features);
        addStatus(DeviceStatus.FEATURES_OK);
        return (status() & DeviceStatus.FEATURES_OK) != 0;
    }

    /** Describes a queue to the device and enables it. */
    public final void setUpQueue(int index, RingDriver queue) {
        describeQueue(index, queue.size(), queue.descriptorGpa(), queue.driverGpa(), queue.deviceGpa());
        enableQueue(index);
    }

    /** Tells the device that the driver is ready. */
    public final void driverOk() {
        addStatus(DeviceStatus.DRIVER_OK);
    }
}

// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.virtio.transport;

/**
 * What a driver has written about one queue: state, unchecked. Guarded by the lock of its {@link TransportState}.
 */
final class QueueRegisters {
    final int sizeMax;
    long size;
    long descriptorGpa;
    long driverGpa;
    long deviceGpa;
    boolean ready;
    boolean resetting;

    /** The driver's choice of an MSI-X vector for used buffers, where the transport has any. */
    int vector;

    QueueRegisters(int sizeMax) {
        this.sizeMax = sizeMax;
        reset();
    }

    /** Copies the state, to be used without the lock. */
    QueueRegisters(QueueRegisters other) {
        sizeMax = other.sizeMax;
        size = other.size;
        descriptorGpa = other.descriptorGpa;
        driverGpa = other.driverGpa;
        deviceGpa = other.deviceGpa;
        ready = other.ready;
        resetting = other.resetting;
        vector = other.vector;
    }

    /** Returns to the state after a device reset. */
    void reset() {
        size = sizeMax;
        descriptorGpa = 0;
        driverGpa = 0;
        deviceGpa = 0;
        ready = false;
        resetting = false;
        vector = PciRegisters.VIRTIO_MSI_NO_VECTOR;
    }
}

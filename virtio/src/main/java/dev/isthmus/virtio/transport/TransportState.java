// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.virtio.transport;

import dev.isthmus.virtio.VirtioDevice;

/**
 * What a driver has told a transport: plain state, apart from all resources, so that reset is one place.
 *
 * <p>Guarded by the lock of its {@link DeviceLifecycle}.
 */
final class TransportState {
    int status;
    int deviceFeaturesSel;
    int driverFeaturesSel;

    /** Feature bits 0 to 63 as the driver wrote them, unchecked. */
    long driverFeatures;

    /** Whether the driver set a feature bit beyond 63, none of which is ever offered. */
    boolean driverFeaturesBeyond;

    /** The queue selected, any 32-bit value. */
    int queueSel;

    final QueueRegisters[] queues;

    TransportState(VirtioDevice device) {
        queues = new QueueRegisters[device.queueCount()];
        for (int i = 0; i < queues.length; i++) {
            queues[i] = new QueueRegisters(device.queueSizeMax(i));
        }
    }

    /** Returns to the state of a device that no driver has touched (2.4.1). */
    void reset() {
        status = 0;
        deviceFeaturesSel = 0;
        driverFeaturesSel = 0;
        driverFeatures = 0;
        driverFeaturesBeyond = false;
        queueSel = 0;
        for (QueueRegisters queue : queues) {
            queue.reset();
        }
    }
}

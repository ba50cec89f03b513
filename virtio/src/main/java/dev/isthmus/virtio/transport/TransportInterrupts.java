// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.virtio.transport;

/** How a transport interrupts the driver; the part of {@link DeviceLifecycle} that differs between transports. */
interface TransportInterrupts {
    /** Interrupts for used buffers of a queue. Loop thread. */
    void usedBuffers(int queueIndex);

    /** Interrupts for a change of configuration or status. Loop thread. */
    void configChanged();

    /** Forgets all pending events: the device was reset. Loop thread. */
    void clear();
}

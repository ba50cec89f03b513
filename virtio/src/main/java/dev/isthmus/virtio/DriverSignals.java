// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.virtio;

/** What an active device tells its driver through the transport. Loop thread only. */
public interface DriverSignals {
    /** Sends a used buffer notification. The device has asked {@code needsNotification} of the queue before. */
    void usedBuffers(int queueIndex);

    /** Sends a configuration change notification, after {@link ConfigSpace#replace}. */
    void configChanged();

    /**
     * Sets DEVICE_NEEDS_RESET and tells the driver: it broke a rule from which the device cannot recover (2.1.2). The
     * device is not notified any more until it is reset; it takes no more buffers.
     *
     * @param queueIndex the queue at fault
     * @param reason what the driver did, for the log
     */
    void needsReset(int queueIndex, String reason);
}

// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.virtio;

/**
 * A virtio device as the guest sees it before it drives it; a transport carries it.
 *
 * <p>All methods but {@link #activate} are called by vCPU threads, several at once, and only report what is fixed or
 * safely published. A device offers the features of its own type; those of queues and transports are the transport's.
 */
public interface VirtioDevice {
    /** Returns the device type, one of {@link VirtioIds}. */
    int deviceId();

    /** Returns the features of the device's own type that it offers, as a mask; the same until it closes. */
    long offeredFeatures();

    /**
     * Tells whether drivers may choose packed queues: whether VIRTIO_F_RING_PACKED is offered. A device works with either
     * format; this is its user's choice, the same until it closes.
     */
    default boolean offersPackedQueues() {
        return false;
    }

    /**
     * Tells whether the device can work with a driver's choice. What was not offered has been refused before.
     *
     * @param features all features chosen, the transport's included
     */
    default boolean acceptsFeatures(long features) {
        return true;
    }

    /** Takes note of the driver's choice, which {@link #acceptsFeatures} has let pass: FEATURES_OK was set. */
    default void featuresChosen(long features) {}

    /** Returns the number of queues, 1 to {@link #QUEUE_COUNT_LIMIT}. */
    int queueCount();

    /** Most queues that transports carry: pending notifications are one bit each of a long. */
    int QUEUE_COUNT_LIMIT = 64;

    /** Returns the largest Queue Size of a queue: a power of 2 up to 32768. */
    int queueSizeMax(int queueIndex);

    /** Returns the configuration space; the same object until the device closes. */
    ConfigSpace config();

    /**
     * Handles a driver's write to the configuration space, which most devices ignore.
     *
     * @param offset first byte, any value
     * @param sizeBytes width of the access, 1 to 8
     * @param value the value, zero-extended
     */
    default void writeConfig(long offset, int sizeBytes, long value) {}

    /**
     * Takes up work: DRIVER_OK was set. Loop thread. No queue runs yet; the transport starts them next.
     *
     * @return what serves the driver until the next reset
     */
    ActiveDevice activate(Activation activation);

    /** Returns what the device counts; the same object for ever. Any thread, also once the device is closed. */
    Statistics statistics();
}

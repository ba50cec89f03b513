// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.virtio.net;

import dev.isthmus.virtio.queue.QueueLayout;

/**
 * Choices for a network device that do not come from its backend.
 *
 * @param mac the guest's address, of one interface
 * @param queueSizeMax largest Queue Size: a power of 2 from 4 to 1024, which is as much as the kernel takes at once
 * @param mtuBytes the largest MTU that the guest is told of, 68 to 65535; 0 to tell it nothing
 * @param speedMbps speed that the guest is told of, in Mbit/s, 0 to 2^31 - 1; -1 for unknown
 * @param offloads whether checksums and segmentation may be left to the backend or to the guest, where it can do that
 * @param packed whether drivers may choose packed queues
 */
public record VirtioNetOptions(
        MacAddress mac, int queueSizeMax, int mtuBytes, int speedMbps, boolean offloads, boolean packed) {
    /** As QEMU's default, and Linux's for its own queues towards such a device. */
    public static final int DEFAULT_QUEUE_SIZE = 256;

    /** The MTU is not told. */
    public static final int NO_MTU = 0;

    /** The speed is not known. */
    public static final int SPEED_UNKNOWN = -1;

    private static final int QUEUE_SIZE_MIN = 4;

    /** By 5.1.4.1. */
    private static final int MTU_BYTES_MIN = 68;

    private static final int MTU_BYTES_MAX = 65535;

    /** Checks the ranges; the message of a refusal is fit for users. */
    public VirtioNetOptions {
        if (mac.multicast()) {
            throw new IllegalArgumentException("the first byte of a network device's MAC address is even");
        }
        if (queueSizeMax < QUEUE_SIZE_MIN
                || queueSizeMax > Math.min(NetBackend.ELEMENTS_MAX, QueueLayout.QUEUE_SIZE_LIMIT)
                || Integer.bitCount(queueSizeMax) != 1) {
            throw new IllegalArgumentException("a network device's queue size is a power of 2 from 4 to 1024");
        }
        if (mtuBytes != NO_MTU && (mtuBytes < MTU_BYTES_MIN || mtuBytes > MTU_BYTES_MAX)) {
            throw new IllegalArgumentException("an MTU is from 68 to 65535");
        }
        if (speedMbps < SPEED_UNKNOWN) {
            throw new IllegalArgumentException("a speed is from 0 to 2147483647 Mbit/s");
        }
    }

    /** Makes options for a device with offloads, of which the guest knows no more than its address. */
    public VirtioNetOptions(MacAddress mac) {
        this(mac, DEFAULT_QUEUE_SIZE, NO_MTU, SPEED_UNKNOWN, true, false);
    }

    /** Returns the same options with another largest Queue Size. */
    public VirtioNetOptions withQueueSizeMax(int newQueueSizeMax) {
        return new VirtioNetOptions(mac, newQueueSizeMax, mtuBytes, speedMbps, offloads, packed);
    }

    /** Returns the same options with another MTU. */
    public VirtioNetOptions withMtu(int newMtuBytes) {
        return new VirtioNetOptions(mac, queueSizeMax, newMtuBytes, speedMbps, offloads, packed);
    }

    /** Returns the same options with another speed. */
    public VirtioNetOptions withSpeed(int newSpeedMbps) {
        return new VirtioNetOptions(mac, queueSizeMax, mtuBytes, newSpeedMbps, offloads, packed);
    }

    /** Returns the same options with or without offloads. */
    public VirtioNetOptions withOffloads(boolean newOffloads) {
        return new VirtioNetOptions(mac, queueSizeMax, mtuBytes, speedMbps, newOffloads, packed);
    }

    /** Returns the same options with or without packed queues. */
    public VirtioNetOptions withPacked(boolean newPacked) {
        return new VirtioNetOptions(mac, queueSizeMax, mtuBytes, speedMbps, offloads, newPacked);
    }
}

// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.virtio.net;

import dev.isthmus.device.Rate;

/**
 * How much a network device may pass, by the guest's view. Bytes are those of frames. What is over the rate waits: in the
 * driver's queue, or in the backend.
 *
 * @param receivePackets packets a second to the guest
 * @param receiveBytes bytes a second to the guest
 * @param transmitPackets packets a second from the guest
 * @param transmitBytes bytes a second from the guest
 */
public record NetLimits(Rate receivePackets, Rate receiveBytes, Rate transmitPackets, Rate transmitBytes) {
    /** No limits. */
    public static final NetLimits NONE =
            new NetLimits(Rate.UNLIMITED, Rate.UNLIMITED, Rate.UNLIMITED, Rate.UNLIMITED);
}

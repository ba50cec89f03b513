// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.virtio;

import dev.isthmus.device.EventLoop;
import dev.isthmus.memory.GuestMemory;

/**
 * What a device gets when a driver sets DRIVER_OK.
 *
 * @param memory the guest's RAM
 * @param loop the loop that owns the device until its reset
 * @param features what was negotiated
 * @param driver the way back to the driver
 */
public record Activation(GuestMemory memory, EventLoop loop, long features, DriverSignals driver) {
    /** Tells whether all features of a mask were negotiated. */
    public boolean has(long featureMask) {
        return (features & featureMask) == featureMask;
    }
}

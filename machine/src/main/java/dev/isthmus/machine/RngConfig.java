// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.machine;

import org.jspecify.annotations.Nullable;

import dev.isthmus.device.Rate;

/**
 * A source of random numbers for the guest (virtio-rng), which the host's kernel fills.
 *
 * @param rate how many bytes a second the guest gets at most
 * @param packed whether the guest may choose packed queues
 * @param id what logs and errors call it, or null for a name by its position
 */
public record RngConfig(Rate rate, boolean packed, @Nullable String id) implements DeviceConfig {
    /** Without limit. */
    public static final RngConfig DEFAULT = new RngConfig(Rate.UNLIMITED, false, null);

    /** Sets how many bytes a second the guest gets at most; no limit where not called. */
    public RngConfig withRate(Rate newRate) {
        return new RngConfig(newRate, packed, id);
    }

    /** Says whether the guest may choose packed queues; it may not where not called. */
    public RngConfig withPacked(boolean newPacked) {
        return new RngConfig(rate, newPacked, id);
    }

    /** Names the device for logs and errors; null for a name by its position. */
    public RngConfig withId(@Nullable String newId) {
        return new RngConfig(rate, packed, newId);
    }

    @Override
    public String kind() {
        return "rng";
    }
}

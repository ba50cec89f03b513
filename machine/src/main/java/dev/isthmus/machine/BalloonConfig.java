// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.machine;

import org.jspecify.annotations.Nullable;

/**
 * A balloon in the guest's memory (virtio-balloon), by which the host gets memory back; at most one in a machine.
 *
 * @param targetBytes how much memory the guest is to do without from the start, rounded down to 4096
 * @param deflateOnOom whether the guest may take memory back by itself rather than run out of it
 * @param reporting whether memory that the guest has freed goes back to the host by itself (free page reporting)
 * @param packed whether the guest may choose packed queues
 * @param id what logs and errors call it, or null for a name by its position
 */
public record BalloonConfig(
        long targetBytes, boolean deflateOnOom, boolean reporting, boolean packed, @Nullable String id)
        implements DeviceConfig {
    /** Empty at first, without reporting; the guest may deflate it rather than run out of memory. */
    public static final BalloonConfig DEFAULT = new BalloonConfig(0, true, false, false, null);

    /** Sets how much memory the guest is to do without from the start; none where not called. */
    public BalloonConfig withTargetBytes(long newTargetBytes) {
        return new BalloonConfig(newTargetBytes, deflateOnOom, reporting, packed, id);
    }

    /** Says whether the guest may take memory back by itself rather than run out of it; it may where not called. */
    public BalloonConfig withDeflateOnOom(boolean newDeflateOnOom) {
        return new BalloonConfig(targetBytes, newDeflateOnOom, reporting, packed, id);
    }

    /** Says whether memory that the guest has freed goes back to the host by itself; it does not where not called. */
    public BalloonConfig withReporting(boolean newReporting) {
        return new BalloonConfig(targetBytes, deflateOnOom, newReporting, packed, id);
    }

    /** Says whether the guest may choose packed queues; it may not where not called. */
    public BalloonConfig withPacked(boolean newPacked) {
        return new BalloonConfig(targetBytes, deflateOnOom, reporting, newPacked, id);
    }

    /** Names the device for logs and errors; null for a name by its position. */
    public BalloonConfig withId(@Nullable String newId) {
        return new BalloonConfig(targetBytes, deflateOnOom, reporting, packed, newId);
    }

    @Override
    public String kind() {
        return "balloon";
    }
}

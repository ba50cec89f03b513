// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.machine;

import java.nio.file.Path;

import org.jspecify.annotations.Nullable;

/**
 * Sockets between the guest and programs on the host (virtio-vsock), which have Unix sockets by Firecracker's convention; at
 * most one in a machine. A program that connects to {@code path} and writes {@code CONNECT 52} and a newline reads
 * {@code OK} and a number, and is connected to port 52 of the guest; what the guest connects to port 52 of the host (CID 2)
 * reaches who listens at {@code path_52}.
 *
 * @param guestCid the guest's context ID, 3 to 0xfffffffe; it matters only within the guest
 * @param path where the socket is made
 * @param packed whether the guest may choose packed queues
 * @param id what logs and errors call it, or null for a name by its position
 */
public record VsockConfig(long guestCid, Path path, boolean packed, @Nullable String id) implements DeviceConfig {
    /** Makes sockets for a guest with a context ID. */
    public static VsockConfig of(long guestCid, Path path) {
        return new VsockConfig(guestCid, path, false, null);
    }

    /** Says whether the guest may choose packed queues; it may not where not called. */
    public VsockConfig withPacked(boolean newPacked) {
        return new VsockConfig(guestCid, path, newPacked, id);
    }

    /** Names the device for logs and errors; null for a name by its position. */
    public VsockConfig withId(@Nullable String newId) {
        return new VsockConfig(guestCid, path, packed, newId);
    }

    @Override
    public String kind() {
        return "vsock";
    }
}

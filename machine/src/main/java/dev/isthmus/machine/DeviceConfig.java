// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.machine;

import org.jspecify.annotations.Nullable;

/** A virtio device of the guest beside its disks. */
public sealed interface DeviceConfig permits BalloonConfig, ConsoleConfig, FolderConfig, NetConfig, RngConfig, VsockConfig {
    /** Returns what {@link Machine}, logs and errors call the device, or null for a name by its kind and position. */
    @Nullable String id();

    /** Returns the word for devices of this kind in messages, such as "network". */
    String kind();
}

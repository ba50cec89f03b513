// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.machine.block;

import org.jspecify.annotations.Nullable;

/**
 * How image files of the host are opened; the same for an image and all that it names.
 *
 * @param direct past the host's page cache (O_DIRECT)
 * @param flushIgnored nothing is ever made stable: for disks that a crash of the host may cost
 * @param lastFault takes note of what fails, or null
 * @param locking whether they are locked
 */
public record HostFileOptions(
        boolean direct, boolean flushIgnored, @Nullable LastFault lastFault, ImageLocking locking) {
    /** Through the page cache, locked. */
    public static final HostFileOptions DEFAULT = new HostFileOptions(false, false, null, ImageLocking.AUTO);

    /** Returns the same options with another {@link #direct}. */
    public HostFileOptions withDirect(boolean newDirect) {
        return new HostFileOptions(newDirect, flushIgnored, lastFault, locking);
    }

    /** Returns the same options with another {@link #locking}. */
    public HostFileOptions withLocking(ImageLocking newLocking) {
        return new HostFileOptions(direct, flushIgnored, lastFault, newLocking);
    }
}

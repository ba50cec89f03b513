// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.machine.block;

import org.jspecify.annotations.Nullable;

/**
 * How image files of the host are opened; the same for an image and all that it names.
 *
 * @param direct past the host's page cache (O_DIRECT)
 * @param flushIgnored nothing is ever made stable: for disks that a crash of the host may cost
 * @param lastFault takes note of what fails, or null
 */
public record HostFileOptions(boolean direct, boolean flushIgnored, @Nullable LastFault lastFault) {
    /** Through the page cache. */
    public static final HostFileOptions DEFAULT = new HostFileOptions(false, false, null);

    /** Returns the same options with another {@link #direct}. */
    public HostFileOptions withDirect(boolean newDirect) {
        return new HostFileOptions(newDirect, flushIgnored, lastFault);
    }
}

// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.machine.block;

/**
 * How image files of the host are opened; the same for an image and all that it names.
 *
 * @param direct past the host's page cache (O_DIRECT)
 * @param locking whether they are locked
 */
public record HostFileOptions(boolean direct, ImageLocking locking) {
    /** Through the page cache, locked. */
    public static final HostFileOptions DEFAULT = new HostFileOptions(false, ImageLocking.AUTO);

    /** Returns the same options with another {@link #direct}. */
    public HostFileOptions withDirect(boolean newDirect) {
        return new HostFileOptions(newDirect, locking);
    }

    /** Returns the same options with another {@link #locking}. */
    public HostFileOptions withLocking(ImageLocking newLocking) {
        return new HostFileOptions(direct, newLocking);
    }
}

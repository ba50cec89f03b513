// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.machine.block;

/**
 * How image files of the host are opened; the same for an image and all that it names.
 *
 * @param direct past the host's page cache (O_DIRECT)
 */
public record HostFileOptions(boolean direct) {
    /** Through the page cache. */
    public static final HostFileOptions DEFAULT = new HostFileOptions(false);

    /** Returns the same options with another {@link #direct}. */
    public HostFileOptions withDirect(boolean newDirect) {
        return new HostFileOptions(newDirect);
    }
}

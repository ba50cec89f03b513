// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.machine;

import java.nio.file.Path;

import org.jspecify.annotations.Nullable;

/**
 * A disk of the guest.
 *
 * @param path the image file or block device
 * @param format how the image is stored: {@code raw}
 * @param readOnly the guest can't write; the file need not be writable then
 * @param id a name for logs and errors, or null for one by position
 * @param serial the disk's serial number as the guest sees it, up to 20 characters, or null for none
 */
public record DiskConfig(Path path, String format, boolean readOnly, @Nullable String id, @Nullable String serial) {
    /** Makes a writable raw disk. */
    public static DiskConfig raw(Path path) {
        return new DiskConfig(path, "raw", false, null, null);
    }
}

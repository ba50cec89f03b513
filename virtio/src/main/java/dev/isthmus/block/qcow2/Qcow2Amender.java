// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.block.qcow2;

import org.jspecify.annotations.Nullable;

import dev.isthmus.block.ImageException;

/** Changes what the header of an open image says. Any thread. */
public final class Qcow2Amender {
    private Qcow2Amender() {}

    /**
     * Has an image be based on another one, or on none. Its own clusters stay as they are: it is the caller's matter that
     * the disk reads as it should over the new base. Takes effect when the image is next opened.
     *
     * @param backingName the name as the image is to have it, or null for none
     * @param backingFormat the name of its format, or null where that is to be found out
     * @throws ImageException where the name does not fit, or the image can't be written
     * @throws dev.isthmus.block.ImageIoException where the host failed
     */
    public static void changeBacking(Qcow2Image opened, @Nullable String backingName, @Nullable String backingFormat) {
        ImageState image = opened.state();
        if (image.readOnly) {
            throw new ImageException(image.file.name() + " is read-only.", "Open it for writing.");
        }
        if (backingName != null && image.header.dataFileRaw()) {
            throw new ImageException(
                    image.file.name() + " has a raw data file, so it can't be based on another image.", "");
        }
        try {
            image.exclusively(() -> writeHeader(image, backingName, backingFormat));
        } catch (IoFailure e) {
            throw image.failed(e, "change the header of " + image.file.name());
        }
    }

    private static void writeHeader(ImageState image, @Nullable String backingName, @Nullable String backingFormat) {
        Qcow2Header header = image.header;
        String oldName = header.backingName;
        String oldFormat = header.backingFormat;
        boolean written = false;
        try {
            header.backingName = backingName;
            header.backingFormat = backingName == null ? null : backingFormat;
            LongTables.write(image.file, 0, header.encode(image.file.name()));
            IoFailure.check(image.file.flush());
            written = true;
        } finally {
            if (!written) {
                header.backingName = oldName;
                header.backingFormat = oldFormat;
            }
        }
    }
}

// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.block;

import org.jspecify.annotations.Nullable;

/**
 * Opens what one image names: other files that its data is in, and the image that it is based on. Names in images are
 * relative to the folder that the image is in. Whoever opens an image makes one for it, and knows the images that led
 * there, so that an image that is based on itself is refused.
 *
 * <p>One thread at a time.
 */
public interface ImageOpener {
    /**
     * Opens a file that holds data of the image.
     *
     * @param reference the name as the image has it
     * @throws ImageException where it can't be opened
     */
    ImageFile openFile(String reference, boolean readOnly);

    /**
     * Opens the image that this one is based on, read-only.
     *
     * @param reference the name as the image has it
     * @param formatName the name of its format as the image has it, or null where that is to be found out
     * @throws ImageException where it can't be opened, is of no known format, or is one of the images that led here
     */
    BlockBackend openBacking(String reference, @Nullable String formatName);
}

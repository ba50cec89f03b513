// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.block.image;

import dev.isthmus.block.ImageException;
import dev.isthmus.block.ImageFile;

/** Where images are: the host's file system, or a test's memory. One thread at a time. */
public interface ImageFolder {
    /**
     * Opens a file.
     *
     * @param name as {@link #resolve} gave it
     * @throws ImageException where it can't be opened
     */
    ImageFile open(String name, boolean readOnly);

    /**
     * Finds what an image means by a name, which is relative to the folder that it is in.
     *
     * @param imageName the image, as this gave it before
     * @param reference the name in that image
     * @return what {@link #open} takes
     * @throws ImageException where it means nothing here
     */
    String resolve(String imageName, String reference);

    /**
     * Tells files apart that may have several names.
     *
     * @param name as {@link #resolve} gave it
     * @return the same text for the same file
     */
    default String identity(String name) {
        return name;
    }
}

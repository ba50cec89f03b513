// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.block.vmdk;

import dev.isthmus.block.ImageException;
import dev.isthmus.block.ImageFile;

/** Opens the files that hold the extents of an image, which its descriptor names. */
public interface ExtentFiles {
    /**
     * Opens a file in the folder that the descriptor is in, for reading.
     *
     * @param fileName a plain name: not empty, without separators, neither "." nor ".."
     * @return the file, which the caller closes
     * @throws ImageException if there is none, or it can't be opened
     */
    ImageFile open(String fileName);
}

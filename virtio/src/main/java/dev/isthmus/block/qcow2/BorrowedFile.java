// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.block.qcow2;

import dev.isthmus.block.ForwardingImageFile;
import dev.isthmus.block.ImageFile;

/** A file that stays open when the image that works on it closes: it is somebody else's. */
final class BorrowedFile extends ForwardingImageFile {
    BorrowedFile(ImageFile file) {
        super(file);
    }

    @Override
    public void close() {}
}

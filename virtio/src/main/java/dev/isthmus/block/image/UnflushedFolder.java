// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.block.image;

import dev.isthmus.block.BlockStatus;
import dev.isthmus.block.ForwardingImageFile;
import dev.isthmus.block.ImageFile;

/**
 * Opens files that are never flushed: for an image that is being filled, and thrown away should that not succeed. Waiting
 * for the storage would protect nothing, and take most of the time.
 */
final class UnflushedFolder implements ImageFolder {
    private final ImageFolder folder;

    UnflushedFolder(ImageFolder folder) {
        this.folder = folder;
    }

    @Override
    public ImageFile open(String name, boolean readOnly) {
        ImageFile file = folder.open(name, readOnly);
        return readOnly ? file : new UnflushedFile(file);
    }

    @Override
    public String resolve(String imageName, String reference) {
        return folder.resolve(imageName, reference);
    }

    @Override
    public String identity(String name) {
        return folder.identity(name);
    }

    private static final class UnflushedFile extends ForwardingImageFile {
        UnflushedFile(ImageFile file) {
            super(file);
        }

        @Override
        public BlockStatus flush() {
            return BlockStatus.OK;
        }
    }
}

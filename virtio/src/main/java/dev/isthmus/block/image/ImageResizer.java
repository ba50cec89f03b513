// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.block.image;

import dev.isthmus.block.BlockBackend;
import dev.isthmus.block.BlockStatus;
import dev.isthmus.block.ImageException;
import dev.isthmus.block.ImageIoException;

/** Changes the size of a disk that no guest uses. */
public final class ImageResizer {
    private ImageResizer() {}

    /**
     * Changes the size. What is cut off is lost, what is added reads as zeroes.
     *
     * @param name what messages call it
     * @param newBytes a multiple of 512
     * @throws ImageException where its format can't have that size
     * @throws ImageIoException where the host failed
     */
    public static void resize(BlockBackend disk, String name, long newBytes) {
        BlockStatus status = disk.resize(newBytes);
        if (status == BlockStatus.UNSUPPORTED) {
            throw new ImageException(
                    "Can't resize " + name + ": it is a block device, of a format that is only read, or of version 0.10 with"
                            + " snapshots.",
                    "Delete the snapshots, or convert the image.");
        }
        if (status == BlockStatus.OUT_OF_RANGE) {
            throw new ImageException(
                    "Can't resize " + name + " to " + newBytes + " bytes: that is too large for its clusters.",
                    "Convert it to an image with larger clusters (cluster_size=2M).");
        }
        ImageIoException.check(status, "resize " + name);
    }
}

// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.block.image;

import org.jspecify.annotations.Nullable;

import dev.isthmus.block.BlockBackend;
import dev.isthmus.block.ClusterCodec;
import dev.isthmus.block.ImageCancelledException;
import dev.isthmus.block.ImageException;
import dev.isthmus.block.ImageIoException;
import dev.isthmus.block.Progress;
import dev.isthmus.block.SparseDisk;
import dev.isthmus.block.qcow2.Qcow2Image;

/** Copies a disk into a new image of any format that can be written. */
public final class ImageConverter {
    /** As fine as holes are looked for where nobody says otherwise. */
    public static final int DEFAULT_SPARSE_BYTES = 4096;

    private ImageConverter() {}

    /**
     * Copies a disk. Holes stay holes; of an image with a base only what differs from that is copied. The new image is
     * not flushed: what a crash of the host leaves of it soon afterwards is undefined, as with qemu-img.
     *
     * @param source stays open
     * @param target is kept where this succeeds; stays the caller's to close
     * @param sparseBytes the smallest run of zeroes that becomes a hole, a power of 2 from 512, or 0 for none at all
     * @param compress whether its clusters are packed
     * @throws ImageException where the target has no packed clusters
     * @throws ImageIoException where the host failed
     * @throws ImageCancelledException where the progress said so
     */
    public static void convert(
            BlockBackend source,
            String sourceName,
            NewImage target,
            @Nullable ClusterCodec zstd,
            int sparseBytes,
            boolean compress,
            Progress progress) {
        try (BlockBackend disk = target.open(zstd)) {
            if (compress && (!(disk instanceof Qcow2Image image) || image.info().dataFileName() != null)) {
                throw new ImageException(
                        target.name() + " can't have compressed clusters.",
                        "Choose the format qcow2 without a data file, or leave -c out.");
            }
            BlockBackend base = disk instanceof SparseDisk sparse ? sparse.base() : null;
            new DiskCopy(source, sourceName, disk, target.name(), base, sparseBytes, compress).run(progress);
            ImageIoException.check(disk.flush(), "write " + target.name());
        }
        if (progress.cancelled()) {
            throw new ImageCancelledException();
        }
        target.keep();
    }
}

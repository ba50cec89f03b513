// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.block.qcow2;

import org.jspecify.annotations.Nullable;

import dev.isthmus.block.ImageFile;

/**
 * What the header of an image says.
 *
 * @param version 2 or 3
 * @param capacityBytes size of the disk
 * @param clusterBytes size of a cluster
 * @param refcountBits width of a refcount, 1 to 64
 * @param zstd whether compressed clusters are Zstandard's rather than deflate's
 * @param lazyRefcounts whether refcounts are written late, and the image is marked dirty meanwhile
 * @param dirty whether refcounts may be wrong because a writer did not end in order
 * @param corrupt whether the image was found to contradict itself
 * @param snapshots number of internal snapshots
 * @param backingName name of the image that it is based on, as it has it, or null
 * @param backingFormat name of that one's format, or null where it does not tell
 * @param dataFileName name of the file that its data is in, or null where it is in the image
 * @param dataFileRaw whether that file is the disk as it is
 */
public record Qcow2Info(
        int version,
        long capacityBytes,
        int clusterBytes,
        int refcountBits,
        boolean zstd,
        boolean lazyRefcounts,
        boolean dirty,
        boolean corrupt,
        int snapshots,
        @Nullable String backingName,
        @Nullable String backingFormat,
        @Nullable String dataFileName,
        boolean dataFileRaw) {

    /**
     * Reads it from an image that need not be sound otherwise.
     *
     * @throws dev.isthmus.block.ImageException where the header is none, or of a kind that is not supported
     */
    public static Qcow2Info read(ImageFile file) {
        return of(Qcow2Header.read(file, true));
    }

    static Qcow2Info of(Qcow2Header header) {
        return new Qcow2Info(
                header.version,
                header.capacityBytes(),
                1 << header.clusterBits,
                1 << header.refcountOrder,
                header.compressionType == Qcow2Format.COMPRESSION_ZSTD,
                header.lazyRefcounts(),
                header.dirty(),
                header.corrupt(),
                header.snapshotCount,
                header.backingName,
                header.backingFormat,
                header.externalData() ? header.dataFileName : null,
                header.dataFileRaw());
    }
}

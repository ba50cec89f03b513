// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.block;

/**
 * Sizes of a disk that guests use to arrange their requests; they bind nobody.
 *
 * @param logicalBlockBytes the disk's block: a power of 2 from 512
 * @param physicalBlockBytes what the storage below writes at once: a power of 2 from {@code logicalBlockBytes}
 * @param minimumIoBytes smallest request that is not slow, or 0: a multiple of {@code logicalBlockBytes}
 * @param optimalIoBytes best size of a large request, or 0: a multiple of {@code logicalBlockBytes}
 */
public record BlockGeometry(int logicalBlockBytes, int physicalBlockBytes, int minimumIoBytes, int optimalIoBytes) {
    /** Blocks of 512 bytes on storage with pages of 4 KiB. */
    public static final BlockGeometry DEFAULT = new BlockGeometry(512, 4096, 0, 0);

    /** Checks the ranges. */
    public BlockGeometry {
        if (logicalBlockBytes < 512
                || Integer.bitCount(logicalBlockBytes) != 1
                || physicalBlockBytes < logicalBlockBytes
                || Integer.bitCount(physicalBlockBytes) != 1
                || minimumIoBytes < 0
                || minimumIoBytes % logicalBlockBytes != 0
                || optimalIoBytes < 0
                || optimalIoBytes % logicalBlockBytes != 0) {
            throw new IllegalArgumentException("Block sizes");
        }
    }
}

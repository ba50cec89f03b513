// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.block.image;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;

import dev.isthmus.block.BlockStatus;
import dev.isthmus.block.ImageFile;
import dev.isthmus.block.ImageFormat;
import dev.isthmus.block.ImageIoException;

/** Finds out what format files are of. */
public final class ImageFormats {
    private ImageFormats() {}

    /**
     * Finds out a file's format by its first bytes.
     *
     * @throws ImageIoException where it can't be read
     */
    public static ImageFormat probe(ImageFile file) {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment start = arena.allocate(ImageFormat.PROBE_BYTES);
            BlockStatus status = file.read(0, start);
            if (status != BlockStatus.OUT_OF_RANGE) {
                ImageIoException.check(status, "read " + file.name());
            }
            return ImageFormat.probe(start);
        }
    }
}

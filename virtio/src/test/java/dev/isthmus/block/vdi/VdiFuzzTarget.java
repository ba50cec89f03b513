// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.block.vdi;

import java.util.List;

import dev.isthmus.block.ImageException;
import dev.isthmus.block.image.ImageFormats;
import dev.isthmus.block.mapped.BuiltImageFile;
import dev.isthmus.testing.fuzz.FuzzBounds;
import dev.isthmus.testing.fuzz.FuzzInput;
import dev.isthmus.testing.fuzz.FuzzReads;

/**
 * Fuzzes the reader of VDI images: the input is where to read, the size of the file, and its start.
 */
public final class VdiFuzzTarget {
    private static final int READS_BYTES = 32;
    private static final int FILE_UNIT_BYTES = 4096;
    private static final long ALLOCATED_BYTES_MAX = 64 << 20;

    private VdiFuzzTarget() {}

    /** Takes an input. */
    public static void fuzzerTestOneInput(byte[] bytes) {
        FuzzBounds.check(ALLOCATED_BYTES_MAX, () -> run(new FuzzInput(bytes)));
    }

    /** Returns two images, one of them with all that is seldom used. */
    public static List<byte[]> seeds() {
        return List.of(
                seed(VdiBuilder.image(6, 1, 0, VdiImage.VDI_IMAGE_BLOCK_ZERO, VdiImage.VDI_IMAGE_BLOCK_FREE, 3)),
                seed(VdiBuilder.imageOf(3, VdiBuilder.BLOCK_BYTES, 512, 1, 0)));
    }

    private static byte[] seed(BuiltImageFile image) {
        byte[] start = image.get(0, VdiBuilder.MAP_OFFSET + 64);
        byte[] seed = new byte[READS_BYTES + 1 + start.length];
        seed[READS_BYTES] = (byte) (image.sizeBytes() / FILE_UNIT_BYTES);
        System.arraycopy(start, 0, seed, READS_BYTES + 1, start.length);
        return seed;
    }

    private static void run(FuzzInput input) {
        FuzzInput reads = new FuzzInput(input.bytes(READS_BYTES));
        BuiltImageFile file = new BuiltImageFile("fuzz.vdi", (long) input.u8() * FILE_UNIT_BYTES);
        file.put(0, input.rest());
        ImageFormats.probe(file);
        try (VdiImage image = VdiImage.open(file, "fuzz")) {
            FuzzReads.some(image, reads);
        } catch (ImageException e) {
            FuzzReads.assertForUsers(e);
        }
    }
}

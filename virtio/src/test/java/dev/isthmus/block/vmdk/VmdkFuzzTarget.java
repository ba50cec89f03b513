// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.block.vmdk;

import java.util.List;
import java.util.Map;

import dev.isthmus.block.ImageException;
import dev.isthmus.block.image.ImageFormats;
import dev.isthmus.block.mapped.BuiltImageFile;
import dev.isthmus.testing.fuzz.FuzzBounds;
import dev.isthmus.testing.fuzz.FuzzInput;
import dev.isthmus.testing.fuzz.FuzzReads;

/**
 * Fuzzes the reader of VMDK images: the input is where to read, how much zeroes the file has behind it, and its start: a
 * sparse extent, a stream or a descriptor. What a descriptor names is the image itself, or a small file.
 */
public final class VmdkFuzzTarget {
    private static final int READS_BYTES = 32;
    private static final int FILE_UNIT_BYTES = 4096;
    private static final int FLAT_SECTORS = 64;
    private static final long ALLOCATED_BYTES_MAX = 128 << 20;

    private VmdkFuzzTarget() {}

    /** Takes an input. */
    public static void fuzzerTestOneInput(byte[] bytes) {
        FuzzBounds.check(ALLOCATED_BYTES_MAX, () -> run(new FuzzInput(bytes)));
    }

    /** Returns an image of each kind: sparse, stream-optimised, and a descriptor of several extents. */
    public static List<byte[]> seeds() {
        BuiltImageFile sparse = VmdkBuilder.describe(
                VmdkBuilder.sparse("sparse", 4),
                VmdkBuilder.NO_PARENT + "createType=\"monolithicSparse\"\nRW 32 SPARSE \"self.vmdk\"\n");
        VmdkBuilder.entry(sparse, 0, 0);
        VmdkBuilder.entry(sparse, 1, 1);
        VmdkBuilder.entry(sparse, 2, VmdkBuilder.GD_SECTOR);
        BuiltImageFile stream = VmdkBuilder.stream(
                4, Map.of(0, VmdkBuilder.filled(VmdkBuilder.GRAIN_BYTES, 1), 2, new byte[VmdkBuilder.GRAIN_BYTES]));
        BuiltImageFile descriptor = VmdkBuilder.descriptor(
                "RW 64 FLAT \"flat.vmdk\" 0", "RW 32 ZERO", "RW 16 VMFS \"flat.vmdk\"", "RW 32 SPARSE \"sparse.vmdk\"");
        return List.of(seed(sparse), seed(stream), seed(descriptor));
    }

    /** The builder leaves room between tables, which a seed need not have: so the file's end is what tells its size. */
    private static byte[] seed(BuiltImageFile image) {
        byte[] start = image.get(0, (int) Math.min(image.sizeBytes(), 72 << 10));
        int end = start.length;
        while (end > 0 && start[end - 1] == 0) {
            end--;
        }
        byte[] seed = new byte[READS_BYTES + 1 + end];
        seed[READS_BYTES] = (byte) ((image.sizeBytes() - end + FILE_UNIT_BYTES - 1) / FILE_UNIT_BYTES);
        System.arraycopy(start, 0, seed, READS_BYTES + 1, end);
        return seed;
    }

    private static void run(FuzzInput input) {
        FuzzInput reads = new FuzzInput(input.bytes(READS_BYTES));
        int zeroes = input.u8() * FILE_UNIT_BYTES;
        byte[] bytes = input.rest();
        BuiltImageFile file = file(bytes, zeroes);
        ImageFormats.probe(file);
        try (VmdkImage image = VmdkImage.open(file, name -> sibling(name, bytes, zeroes), "fuzz")) {
            FuzzReads.some(image, reads);
        } catch (ImageException e) {
            FuzzReads.assertForUsers(e);
        }
    }

    private static BuiltImageFile sibling(String name, byte[] bytes, int zeroes) {
        return name.startsWith("f") ? VmdkBuilder.flat(name, FLAT_SECTORS, 1) : file(bytes, zeroes);
    }

    private static BuiltImageFile file(byte[] bytes, int zeroes) {
        return new BuiltImageFile("fuzz.vmdk", bytes.length + (long) zeroes).put(0, bytes);
    }
}

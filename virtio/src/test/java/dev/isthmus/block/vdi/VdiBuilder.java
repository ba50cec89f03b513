// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.block.vdi;

import java.util.Arrays;

import dev.isthmus.block.mapped.BuiltImageFile;

/** Puts images together, valid ones unless a test changes them. */
final class VdiBuilder {
    static final int MAP_OFFSET = 1024;
    static final int DATA_OFFSET = 8192;

    /** Small, so that images have many blocks: VirtualBox's are of 1 MiB. */
    static final int BLOCK_BYTES = 4096;

    private VdiBuilder() {}

    /** Makes an image with so many blocks, of which the map says what is given and the rest is free. */
    static BuiltImageFile image(int blocks, long... map) {
        return imageOf(blocks, BLOCK_BYTES, 0, map);
    }

    /** Makes an image with blocks of some size, and some extra bytes in front of each. */
    static BuiltImageFile imageOf(int blocks, int blockBytes, int extraBytes, long... map) {
        BuiltImageFile file = new BuiltImageFile("built.vdi", DATA_OFFSET + (long) map.length * (blockBytes + extraBytes));
        file.put32(VdiHeader.SIGNATURE_OFFSET, VdiHeader.VDI_IMAGE_SIGNATURE);
        file.put32(VdiHeader.VERSION_OFFSET, 0x00010001);
        file.put32(VdiHeader.CB_HEADER_OFFSET, VdiHeader.VDIHEADER1PLUS_BYTES);
        file.put32(VdiHeader.TYPE_OFFSET, VdiHeader.VDI_IMAGE_TYPE_NORMAL);
        file.put32(VdiHeader.OFF_BLOCKS_OFFSET, MAP_OFFSET);
        file.put32(VdiHeader.OFF_DATA_OFFSET, DATA_OFFSET);
        file.put64(VdiHeader.CB_DISK_OFFSET, (long) blocks * blockBytes);
        file.put32(VdiHeader.CB_BLOCK_OFFSET, blockBytes);
        file.put32(VdiHeader.CB_BLOCK_EXTRA_OFFSET, extraBytes);
        file.put32(VdiHeader.C_BLOCKS_OFFSET, blocks);
        file.put32(VdiHeader.LCHS_SECTOR_SIZE_OFFSET, VdiHeader.VDI_GEOMETRY_SECTOR_SIZE);
        for (int i = 0; i < blocks; i++) {
            file.put32(MAP_OFFSET + 4L * i, i < map.length ? map[i] : VdiImage.VDI_IMAGE_BLOCK_FREE);
        }
        for (int i = 0; i < map.length; i++) {
            file.put(DATA_OFFSET + (long) i * (blockBytes + extraBytes) + extraBytes, filled(blockBytes, i + 1));
        }
        return file;
    }

    /** Returns bytes of one value. */
    static byte[] filled(int lengthBytes, int value) {
        byte[] bytes = new byte[lengthBytes];
        Arrays.fill(bytes, (byte) value);
        return bytes;
    }
}

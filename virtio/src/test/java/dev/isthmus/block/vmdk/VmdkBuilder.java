// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.block.vmdk;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.HashMap;
import java.util.Map;
import java.util.zip.Deflater;

import dev.isthmus.block.ImageException;
import dev.isthmus.block.mapped.BuiltImageFile;

import static dev.isthmus.block.vmdk.SparseHeader.SECTOR_BYTES;

/**
 * Puts images together, valid ones unless a test changes them. Sparse extents have grains of 4 KiB, 512 to a table:
 *
 * <pre>
 * sector   0  header
 *          1  descriptor, 20 sectors
 *         21  redundant grain directory
 *         24  redundant grain tables, 4 sectors each
 *         60  grain directory
 *         64  grain tables
 *        128  grains
 * </pre>
 */
final class VmdkBuilder {
    static final int GRAIN_SECTORS = 8;
    static final int GRAIN_BYTES = GRAIN_SECTORS * SECTOR_BYTES;
    static final int GTES = 512;
    static final int RGD_SECTOR = 21;
    static final int RGT_SECTOR = 24;
    static final int GD_SECTOR = 60;
    static final int GT_SECTOR = 64;
    static final int GRAINS_SECTOR = 128;
    static final int GT_SECTORS = GTES * 4 / SECTOR_BYTES;
    static final String NO_PARENT = "# Disk DescriptorFile\nversion=1\nCID=12345678\nparentCID=ffffffff\n";

    private VmdkBuilder() {}

    /** Makes a sparse extent with nothing in it, of up to 8 tables. */
    static BuiltImageFile sparse(String name, int grains) {
        BuiltImageFile file = new BuiltImageFile(name, (long) GRAINS_SECTOR * SECTOR_BYTES);
        header(file, 0, (long) grains * GRAIN_SECTORS);
        file.put64(SparseHeader.RGD_OFFSET_OFFSET, RGD_SECTOR).put64(SparseHeader.GD_OFFSET_OFFSET, GD_SECTOR);
        file.put32(SparseHeader.FLAGS_OFFSET, SparseHeader.FLAG_NEWLINE_TEST | SparseHeader.FLAG_REDUNDANT_TABLE);
        for (int table = 0; table < (grains + GTES - 1) / GTES; table++) {
            file.put32(RGD_SECTOR * SECTOR_BYTES + table * 4, RGT_SECTOR + (long) table * GT_SECTORS);
            file.put32(GD_SECTOR * SECTOR_BYTES + table * 4, GT_SECTOR + (long) table * GT_SECTORS);
        }
        return file;
    }

    private static void header(BuiltImageFile file, long at, long capacitySectors) {
        file.put(at, "KDMV".getBytes(StandardCharsets.US_ASCII));
        file.put32(at + SparseHeader.VERSION_OFFSET, 1);
        file.put64(at + SparseHeader.CAPACITY_OFFSET, capacitySectors);
        file.put64(at + SparseHeader.GRAIN_SIZE_OFFSET, GRAIN_SECTORS);
        file.put32(at + SparseHeader.NUM_GTES_PER_GT_OFFSET, GTES);
        file.put(at + SparseHeader.END_LINE_CHARS_OFFSET, "\n \r\n".getBytes(StandardCharsets.US_ASCII));
    }

    /** Sets an entry of a grain table, in both copies. */
    static BuiltImageFile entry(BuiltImageFile file, int grain, long value) {
        file.put32(RGT_SECTOR * SECTOR_BYTES + grain * 4, value);
        return file.put32(GT_SECTOR * SECTOR_BYTES + grain * 4, value);
    }

    /** Adds a grain of one value at the end of the file. */
    static BuiltImageFile grain(BuiltImageFile file, int grain, int value) {
        long sector = (file.sizeBytes() + SECTOR_BYTES - 1) / SECTOR_BYTES;
        file.put(sector * SECTOR_BYTES, filled(GRAIN_BYTES, value));
        return entry(file, grain, sector);
    }

    /** Embeds a descriptor. */
    static BuiltImageFile describe(BuiltImageFile file, String text) {
        file.put64(SparseHeader.DESCRIPTOR_OFFSET_OFFSET, 1).put64(SparseHeader.DESCRIPTOR_SIZE_OFFSET, 20);
        return file.put(SECTOR_BYTES, text.getBytes(StandardCharsets.ISO_8859_1));
    }

    /**
     * Makes a stream-optimized image, as it comes out of a pipe: its directory is found through the footer at its end.
     *
     * @param grains how many grains the disk has, at most one table of them
     * @param contents the grains that there are
     */
    static BuiltImageFile stream(int grains, Map<Integer, byte[]> contents) {
        BuiltImageFile file = new BuiltImageFile("stream.vmdk", (long) GRAINS_SECTOR * SECTOR_BYTES);
        streamHeader(file, 0, grains, SparseHeader.GD_AT_END);
        describe(file, NO_PARENT + "createType=\"streamOptimized\"\n");
        Map<Integer, Long> sectors = new HashMap<>();
        for (int grain = 0; grain < grains; grain++) {
            byte[] content = contents.get(grain);
            if (content != null) {
                sectors.put(grain, append(file, packed((long) grain * GRAIN_SECTORS, content)));
            }
        }
        long tableSector = append(file, marker(GT_SECTORS, 1)) + 1;
        file.resize((tableSector + GT_SECTORS) * SECTOR_BYTES);
        sectors.forEach((grain, sector) -> file.put32(tableSector * SECTOR_BYTES + grain * 4, sector));
        long directorySector = append(file, marker(1, 2)) + 1;
        file.put32(directorySector * SECTOR_BYTES, tableSector);
        file.resize((directorySector + 1) * SECTOR_BYTES);
        long footerSector = append(file, marker(1, SparseHeader.MARKER_FOOTER)) + 1;
        // The size of a footer's marker is that of its data in VMware's files: none.
        file.put32((footerSector - 1) * SECTOR_BYTES + SparseHeader.MARKER_SIZE_OFFSET, 0);
        streamHeader(file, footerSector * SECTOR_BYTES, grains, directorySector);
        file.resize((footerSector + 2) * SECTOR_BYTES);
        return file;
    }

    private static void streamHeader(BuiltImageFile file, long at, int grains, long directorySector) {
        header(file, at, (long) grains * GRAIN_SECTORS);
        file.put32(at + SparseHeader.VERSION_OFFSET, 3);
        file.put32(
                at + SparseHeader.FLAGS_OFFSET,
                SparseHeader.FLAG_NEWLINE_TEST | SparseHeader.FLAG_COMPRESSED | SparseHeader.FLAG_MARKERS);
        file.put64(at + SparseHeader.GD_OFFSET_OFFSET, directorySector);
        file.put16(at + SparseHeader.COMPRESS_ALGORITHM_OFFSET, SparseHeader.COMPRESSION_DEFLATE);
    }

    /** Returns a grain's marker and its data. */
    static byte[] packed(long grainSector, byte[] content) {
        byte[] data = deflate(content);
        return ByteBuffer.allocate(PackedGrains.MARKER_BYTES + data.length)
                .order(ByteOrder.LITTLE_ENDIAN)
                .putLong(grainSector)
                .putInt(data.length)
                .put(data)
                .array();
    }

    static byte[] deflate(byte[] content) {
        Deflater deflater = new Deflater();
        deflater.setInput(content);
        deflater.finish();
        byte[] data = new byte[2 * content.length + 64];
        int length = deflater.deflate(data);
        deflater.end();
        return Arrays.copyOf(data, length);
    }

    private static byte[] marker(int sectors, int type) {
        byte[] marker = new byte[SECTOR_BYTES];
        marker[0] = (byte) sectors;
        marker[SparseHeader.MARKER_TYPE_OFFSET] = (byte) type;
        return marker;
    }

    /** Appends at the next sector, and returns it. */
    static long append(BuiltImageFile file, byte[] bytes) {
        long sector = (file.sizeBytes() + SECTOR_BYTES - 1) / SECTOR_BYTES;
        file.put(sector * SECTOR_BYTES, bytes);
        return sector;
    }

    /** Makes the file of a descriptor, of an image without a parent. */
    static BuiltImageFile descriptor(String... lines) {
        return text(NO_PARENT + "createType=\"custom\"\n" + String.join("\n", lines) + "\n");
    }

    static BuiltImageFile text(String text) {
        return new BuiltImageFile("disk.vmdk", 0).put(0, text.getBytes(StandardCharsets.ISO_8859_1));
    }

    /** Makes a file of one value. */
    static BuiltImageFile flat(String name, int sectors, int value) {
        return new BuiltImageFile(name, 0).put(0, filled(sectors * SECTOR_BYTES, value));
    }

    static byte[] filled(int lengthBytes, int value) {
        byte[] bytes = new byte[lengthBytes];
        Arrays.fill(bytes, (byte) value);
        return bytes;
    }

    /** Opens these files. */
    static ExtentFiles files(BuiltImageFile... files) {
        return fileName -> {
            for (BuiltImageFile file : files) {
                if (file.name().equals(fileName)) {
                    file.reopen();
                    return file;
                }
            }
            throw new ImageException("File " + fileName + " is missing.", "Get it.");
        };
    }
}

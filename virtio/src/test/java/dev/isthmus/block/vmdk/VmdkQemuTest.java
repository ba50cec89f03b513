// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.block.vmdk;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

import dev.isthmus.block.ImageFormat;
import dev.isthmus.block.image.ImageFormats;
import dev.isthmus.block.mapped.Disks;
import dev.isthmus.block.mapped.RawDisk;
import dev.isthmus.testing.block.ChannelImageFile;
import dev.isthmus.testing.block.QemuTools;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;

/** Images that QEMU made. */
class VmdkQemuTest {
    private static final long GIB = 1L << 30;

    @TempDir
    Path folder;

    private final List<ChannelImageFile> opened = new ArrayList<>();

    private ChannelImageFile open(String fileName) {
        ChannelImageFile file = new ChannelImageFile(folder.resolve(fileName), true);
        opened.add(file);
        return file;
    }

    @ParameterizedTest
    @CsvSource({
        "monolithicSparse, 512, 1", "monolithicSparse, 73440256, 1", "monolithicSparse, 5368709120, 1",
        "streamOptimized, 66048, 1", "streamOptimized, 73440256, 1", "streamOptimized, 5368709120, 1",
        "monolithicFlat, 73440256, 1", "twoGbMaxExtentFlat, 73440256, 1", "twoGbMaxExtentFlat, 4831839232, 3",
        "twoGbMaxExtentSparse, 73440256, 1", "twoGbMaxExtentSparse, 4831839232, 3"
    })
    void imageReadsAsItsSource(String subformat, long sizeBytes, int extents) {
        QemuTools.require();
        RawDisk raw = RawDisk.create(
                folder.resolve("raw"), sizeBytes, sizeBytes, 40, Math.min(sizeBytes, 2 * GIB), Math.min(sizeBytes, 4 * GIB));
        new QemuTools(folder).convertRaw(raw.path(), "vmdk", "subformat=" + subformat, folder.resolve("disk.vmdk"));

        ChannelImageFile file = open("disk.vmdk");
        assertEquals(ImageFormat.VMDK, ImageFormats.probe(file));
        try (VmdkImage image = VmdkImage.open(file, this::open, "disk")) {
            assertEquals(subformat, image.createType());
            assertEquals(extents, image.extentCount());
            Disks.assertSame(raw, image, !"streamOptimized".equals(subformat));
        }
        assertFalse(opened.stream().anyMatch(ChannelImageFile::isOpen));
    }

    @Test
    void zeroedGrainsReadAsZeroes() {
        QemuTools.require();
        Path path = folder.resolve("disk.vmdk");
        QemuTools qemu = new QemuTools(folder);
        qemu.img("create", "-f", "vmdk", "-o", "subformat=monolithicSparse,zeroed_grain=on", path.toString(), "1M");
        qemu.io("vmdk", path.toString(), List.of("write -P 7 0 1M", "write -z 128k 64k"));

        try (VmdkImage image = VmdkImage.open(open("disk.vmdk"), this::open, "disk")) {
            assertArrayEquals(VmdkBuilder.filled(128 << 10, 7), Disks.read(image, 0, 128 << 10));
            assertArrayEquals(new byte[64 << 10], Disks.read(image, 128 << 10, 64 << 10));
            assertArrayEquals(VmdkBuilder.filled(512, 7), Disks.read(image, 192 << 10, 512));
        }
    }

    @Test
    void builtStreamIsReadByQemuTheSame() {
        QemuTools.require();
        RawDisk raw = RawDisk.create(folder.resolve("raw"), 512L * VmdkBuilder.GRAIN_BYTES, 5, 40);
        StreamFiles.write(raw, folder.resolve("stream.vmdk"));
        Path back = folder.resolve("back");
        new QemuTools(folder).img("convert", "-f", "vmdk", "-O", "raw", "stream.vmdk", back.toString());

        try (VmdkImage image = VmdkImage.open(open("stream.vmdk"), this::open, "disk");
                ChannelImageFile expected = new ChannelImageFile(back, true)) {
            Disks.assertSame(raw, image, false);
            assertEquals(raw.sizeBytes(), expected.sizeBytes());
            Disks.assertSame(raw.at(back), image, false);
        }
    }
}

// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.block.image;

import java.nio.file.Path;
import java.util.List;

import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

import dev.isthmus.block.BlockBackend;
import dev.isthmus.block.ImageException;
import dev.isthmus.block.ImageFile;
import dev.isthmus.block.ImageFormat;
import dev.isthmus.block.Progress;
import dev.isthmus.block.qcow2.Qcow2CreateOptions.Preallocation;
import dev.isthmus.testing.block.ChannelImageFile;
import dev.isthmus.testing.block.QemuTools;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

/** Images that QEMU has made, in formats of others and in chains: what they are found to be. */
class ForeignFormatsTest {
    @TempDir
    private Path directory;

    private final ImageFolder folder = new ImageFolder() {
        @Override
        public ImageFile open(String name, boolean readOnly) {
            return new ChannelImageFile(directory.resolve(name), readOnly);
        }

        @Override
        public String resolve(String imageName, String reference) {
            if (reference.contains(":")) {
                throw new ImageException("No file is called " + reference + ".", "");
            }
            return reference;
        }
    };

    private QemuTools qemu = new QemuTools(Path.of("."));

    @BeforeEach
    void findTools() {
        QemuTools.require();
        qemu = new QemuTools(directory);
    }

    @ParameterizedTest
    @CsvSource({
        "raw, RAW, '', 0",
        "vmdk, VMDK, subformat=monolithicSparse, 0",
        "vmdk, VMDK, subformat=twoGbMaxExtentSparse, 0",
        "vdi, VDI, static=off, 1048576",
        "vhdx, VHDX, block_size=2M, 2097152",
        "qcow2, QCOW2, cluster_size=4096, 4096",
    })
    void imageIsFoundToBeWhatItIs(String name, ImageFormat format, String options, long clusterBytes) {
        if (options.isEmpty()) {
            qemu.img("create", "-f", name, "disk", "3M");
        } else {
            qemu.img("create", "-f", name, "-o", options, "disk", "3M");
        }

        ImageInfo info = ImageInfo.read(folder, "disk", null, null);

        assertEquals(format, info.format());
        assertEquals(3 << 20, info.capacityBytes());
        assertEquals(clusterBytes, info.clusterBytes());
        assertEquals(format == ImageFormat.VMDK ? options.replace("subformat=", "") : null, info.vmdkType());
        assertEquals(format == ImageFormat.QCOW2, info.qcow2() != null);
        assertNull(info.baseName());
    }

    @ParameterizedTest
    @CsvSource({"raw, RAW", "vmdk, VMDK", "vdi, VDI", "vhdx, VHDX"})
    void chainEndsWithAnImageOfAnyFormat(String name, ImageFormat format) {
        qemu.img("create", "-f", name, "base", "3M");
        qemu.img("create", "-f", "qcow2", "-b", "base", "-F", name, "middle");
        qemu.img("create", "-f", "qcow2", "-b", "middle", "-F", "qcow2", "top");

        List<ImageInfo> chain = ImageInfo.readChain(folder, "top", null, null);

        assertEquals(List.of("top", "middle", "base"), chain.stream().map(ImageInfo::name).toList());
        assertEquals(
                List.of(ImageFormat.QCOW2, ImageFormat.QCOW2, format), chain.stream().map(ImageInfo::format).toList());
        assertEquals("base", chain.get(1).baseName());
        try (BlockBackend base = ImageChain.open(folder, "base", format, true, null)) {
            assertEquals(format, ImageChain.formatOf(base));
        }
    }

    @Test
    void chainThatLeadsBackToItselfIsRefused() {
        qemu.img("create", "-f", "qcow2", "a", "1M");
        qemu.img("create", "-f", "qcow2", "-b", "a", "-F", "qcow2", "b");
        qemu.img("rebase", "-u", "-f", "qcow2", "-b", "b", "-F", "qcow2", "a");

        ImageException e = assertThrows(ImageException.class, () -> ImageInfo.readChain(folder, "a", null, null));

        assertTrue(String.valueOf(e.getMessage()).contains("based on itself"), e.getMessage());
    }

    @Test
    void baseThatMeansNothingHereIsShownAsItIs() {
        qemu.img("create", "-f", "qcow2", "disk", "1M");
        qemu.img("rebase", "-u", "-f", "qcow2", "-b", "nbd:unix:/nowhere", "-F", "raw", "disk");

        ImageInfo info = ImageInfo.read(folder, "disk", ImageFormat.QCOW2, null);

        assertEquals("nbd:unix:/nowhere", info.baseName());
    }

    @Test
    void rawImageCanNotHaveCompressedClusters() {
        MemoryFolder memory = new MemoryFolder();
        memory.put("raw", new byte[1 << 20]);

        try (BlockBackend source = ImageChain.open(memory, "raw", ImageFormat.RAW, true, null);
                NewImage target = NewImage.raw(memory, "new", 1 << 20, Preallocation.OFF, Progress.NONE)) {
            ImageException e = assertThrows(
                    ImageException.class,
                    () -> ImageConverter.convert(source, "raw", target, null, 4096, true, Progress.NONE));
            assertTrue(String.valueOf(e.getMessage()).contains("compressed"), e.getMessage());
        }
        assertFalse(memory.has("new"));
    }
}

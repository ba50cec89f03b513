// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.machine.block;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;

import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

import dev.isthmus.block.BlockBackend;
import dev.isthmus.block.BlockStatus;
import dev.isthmus.block.ImageException;
import dev.isthmus.block.ImageFormat;
import dev.isthmus.block.image.ImageChain;
import dev.isthmus.memory.ScatterList;
import dev.isthmus.testing.block.QemuTools;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

/** Images of the host's file system with all that they name, made by qemu-img. */
class HostImageFolderTest {
    private static final int SIZE = 4 << 20;

    @TempDir
    Path directory;

    private final HostImageFolder folder = new HostImageFolder(HostFileOptions.DEFAULT);
    private final byte[] contents = new byte[SIZE];

    @BeforeEach
    void makeContents() {
        for (int i = 0; i < SIZE; i++) {
            // Packs well, and no two sectors are the same; a hole in the middle.
            contents[i] = (byte) (i > SIZE / 4 && i < SIZE / 2 ? 0 : i % 512 == 0 ? i >> 9 : i >> 17);
        }
    }

    private QemuTools qemu() {
        QemuTools.require();
        return new QemuTools(directory);
    }

    private byte[] read(String name, @Nullable ImageFormat format) {
        MemorySegment memory = MemorySegment.ofArray(new byte[SIZE]);
        ScatterList target = new ScatterList();
        try (BlockBackend disk = ImageChain.open(
                        folder, directory.resolve(name).toString(), format, true, ZstdClusterCodec.INSTANCE);
                Arena arena = Arena.ofConfined()) {
            MemorySegment whole = arena.allocate(SIZE);
            target.add(whole, 0, SIZE);
            assertEquals(SIZE, disk.capacityBytes());
            assertEquals(BlockStatus.OK, disk.read(0, target));
            memory.copyFrom(whole);
        }
        return memory.toArray(ValueLayout.JAVA_BYTE);
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', value = {
        "qcow2|compat=1.1",
        "qcow2|compression_type=zstd",
        "vmdk|subformat=monolithicSparse",
        "vmdk|subformat=streamOptimized",
        "vmdk|subformat=monolithicFlat",
        "vmdk|subformat=twoGbMaxExtentSparse",
        "vmdk|subformat=twoGbMaxExtentFlat",
        "vdi|static=off",
        "vhdx|subformat=dynamic"
    })
    void diskOfEveryFormatIsFoundOutAndRead(String format, String options) throws Exception {
        Files.write(directory.resolve("disk.raw"), contents);
        List<String> arguments = options.contains("zstd")
                ? List.of("convert", "-c", "-O", format, "-o", options, "disk.raw", "disk.img")
                : List.of("convert", "-O", format, "-o", options, "disk.raw", "disk.img");
        qemu().img(arguments.toArray(new String[0]));

        assertArrayEquals(contents, read("disk.img", null));
        assertArrayEquals(contents, read("disk.img", ImageFormat.ofName(format)));
    }

    @ParameterizedTest
    @ValueSource(strings = {"vmdk", "vdi", "vhdx"})
    void diskOfAForeignFormatMayBeABase(String format) throws Exception {
        Path sub = Files.createDirectory(directory.resolve("bases"));
        Files.write(directory.resolve("disk.raw"), contents);
        qemu().img("convert", "-O", format, "disk.raw", sub.resolve("base").toString());
        qemu().img("create", "-q", "-f", "qcow2", "-b", "bases/base", "-F", format, "top.qcow2");
        qemu().io("qcow2", "top.qcow2", List.of("write -P 9 65536 65536"));
        Arrays.fill(contents, 65536, 131072, (byte) 9);

        assertArrayEquals(contents, read("top.qcow2", ImageFormat.QCOW2));
    }

    @Test
    void namesAreRelativeToTheNameThatTheImageWasOpenedBy() {
        assertEquals("/a/b", folder.resolve("/a/image", "b"));
        assertEquals("b", folder.resolve("image", "b"));
        assertEquals("/b", folder.resolve("/a/image", "/b"));
        assertEquals("/a/b", folder.resolve("/a/image", "file:b"));
        assertEquals("/a/./b:c", folder.resolve("/a/image", "./b:c"));
    }

    @ParameterizedTest
    @ValueSource(strings = {"json:{\"driver\":\"qcow2\"}", "nbd:localhost:10809", "nbd://host/x", "fat:rw:/etc", "b:c", "a\u0000b"})
    void namesThatAreNoPathsAreRefused(String reference) {
        ImageException e = assertThrows(ImageException.class, () -> folder.resolve("/a/image", reference));

        assertTrue(String.valueOf(e.getMessage()).contains("which is no path"), e.getMessage());
    }

    @Test
    void imageThatIsBasedOnItselfThroughALinkIsRefused() throws Exception {
        qemu().img("create", "-q", "-f", "qcow2", "a.qcow2", "1M");
        qemu().img("rebase", "-u", "-b", "link", "-F", "qcow2", "a.qcow2");
        Files.createSymbolicLink(directory.resolve("link"), Path.of("a.qcow2"));

        ImageException e = assertThrows(
                ImageException.class,
                () -> ImageChain.open(folder, directory.resolve("a.qcow2").toString(), null, true, null)
                        .close());

        assertTrue(String.valueOf(e.getMessage()).contains("based on it"), e.getMessage());
    }

    @Test
    void missingBaseIsNamedWithItsRemedy() {
        qemu().img("create", "-q", "-u", "-f", "qcow2", "-b", "gone", "-F", "raw", "a.qcow2", "1M");

        ImageException e = assertThrows(
                ImageException.class,
                () -> ImageChain.open(folder, directory.resolve("a.qcow2").toString(), null, true, null)
                        .close());

        assertTrue(String.valueOf(e.getMessage()).contains(directory.resolve("gone").toString()), e.getMessage());
        assertTrue(e.remedy().contains("path"), e.remedy());
    }

    @Test
    void damagedZstandardClusterIsAnIoError() throws Exception {
        Files.write(directory.resolve("disk.raw"), contents);
        qemu().img("convert", "-c", "-O", "qcow2", "-o", "compression_type=zstd", "disk.raw", "disk.qcow2");
        byte[] image = Files.readAllBytes(directory.resolve("disk.qcow2"));
        int frames = 0;
        for (int i = 0; i + 3 < image.length; i++) {
            if (image[i] == 0x28 && image[i + 1] == (byte) 0xb5 && image[i + 2] == 0x2f && image[i + 3] == (byte) 0xfd) {
                image[i + 5] ^= 0x55;
                frames++;
            }
        }
        Files.write(directory.resolve("disk.qcow2"), image);
        assertTrue(frames > 10, () -> "frames");

        try (BlockBackend disk = ImageChain.open(
                        folder, directory.resolve("disk.qcow2").toString(), null, true, ZstdClusterCodec.INSTANCE);
                Arena arena = Arena.ofConfined()) {
            ScatterList target = new ScatterList();
            target.add(arena.allocate(65536), 0, 65536);

            assertEquals(BlockStatus.IO_ERROR, disk.read(65536, target));
        }
    }
}

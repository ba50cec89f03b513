// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.block.image;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.charset.StandardCharsets;
import java.util.HashMap;
import java.util.Map;

import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;

import dev.isthmus.block.BlockBackend;
import dev.isthmus.block.BlockStatus;
import dev.isthmus.block.ImageException;
import dev.isthmus.block.ImageFile;
import dev.isthmus.block.ImageFormat;
import dev.isthmus.block.qcow2.Qcow2CreateOptions;
import dev.isthmus.block.qcow2.Qcow2Creator;
import dev.isthmus.memory.ScatterList;
import dev.isthmus.testing.block.MemoryImageFile;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

/** Images with their bases, in a folder in memory. */
class ImageChainTest {
    private final Map<String, MemoryImageFile> files = new HashMap<>();

    private final ImageFolder folder = new ImageFolder() {
        @Override
        public ImageFile open(String name, boolean readOnly) {
            MemoryImageFile file = files.get(name);
            if (file == null) {
                throw new ImageException("There is no " + name + ".", "");
            }
            return new MemoryImageFile(name, file.contents(), readOnly);
        }

        @Override
        public String resolve(String imageName, String reference) {
            return "/" + reference;
        }
    };

    private void create(String name, @Nullable String base, @Nullable String format) {
        MemoryImageFile file = new MemoryImageFile();
        Qcow2CreateOptions options = new Qcow2CreateOptions(1 << 16).clusterBytes(4096);
        Qcow2Creator.create(file, base == null ? options : options.backing(base, format), null);
        files.put("/" + name, file);
    }

    private String refusal(String name) {
        ImageException e = assertThrows(
                ImageException.class, () -> ImageChain.open(folder, "/" + name, null, true, null).close());
        return String.valueOf(e.getMessage());
    }

    @Test
    void lowestImageShowsThrough() {
        byte[] raw = new byte[1 << 16];
        raw[5000] = 42;
        files.put("/base.raw", new MemoryImageFile("base", raw, true));
        create("middle", "base.raw", "raw");
        create("top", "middle", null);
        MemorySegment read = MemorySegment.ofArray(new byte[8192]);
        ScatterList target = new ScatterList();
        target.add(read, 0, 8192);

        try (BlockBackend disk = ImageChain.open(folder, "/top", ImageFormat.QCOW2, false, null)) {
            assertEquals(BlockStatus.OK, disk.read(0, target));
        }

        assertEquals(42, read.get(ValueLayout.JAVA_BYTE, 5000));
    }

    @Test
    void imageThatIsBasedOnItselfIsRefused() {
        create("a", "b", "qcow2");
        create("b", "a", "qcow2");
        create("self", "self", null);

        assertTrue(refusal("a").contains("based on it"));
        assertTrue(refusal("self").contains("based on it"));
    }

    @Test
    void imageOfAForeignFormatIsNotOpenedForWriting() {
        files.put("/vdi", new MemoryImageFile("vdi", new byte[512], true));

        ImageException e = assertThrows(
                ImageException.class, () -> ImageChain.open(folder, "/vdi", ImageFormat.VDI, false, null).close());

        assertTrue(String.valueOf(e.getMessage()).contains("can only be read"), e.getMessage());
        assertTrue(e.remedy().contains("readonly=on"), e.remedy());
    }

    @Test
    void chainWithoutEndIsRefused() {
        for (int i = 0; i < 201; i++) {
            create("image" + i, "image" + (i + 1), "qcow2");
        }

        assertTrue(refusal("image0").contains("more than 200"));
    }

    @Test
    void whatCanNotBeOpenedIsNamed() {
        create("missing", "nowhere", "raw");
        create("odd", "missing", "qed");
        files.put("/vhdx", new MemoryImageFile("x", "vhdxfile".getBytes(StandardCharsets.US_ASCII), true));

        assertTrue(refusal("missing").contains("nowhere"));
        assertTrue(refusal("odd").contains("qed"));
        assertTrue(refusal("vhdx").contains("vhdx"));
        assertTrue(refusal("gone").contains("gone"));
    }
}

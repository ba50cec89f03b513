// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.block.image;

import java.time.Instant;
import java.util.function.Consumer;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

import dev.isthmus.block.BlockStatus;
import dev.isthmus.block.ImageException;
import dev.isthmus.block.ImageFormat;
import dev.isthmus.block.ImageIoException;
import dev.isthmus.block.Progress;
import dev.isthmus.block.qcow2.Qcow2Amender;
import dev.isthmus.block.qcow2.Qcow2CreateOptions;
import dev.isthmus.block.qcow2.Qcow2CreateOptions.Preallocation;
import dev.isthmus.block.qcow2.Qcow2Creator;
import dev.isthmus.block.qcow2.Qcow2Image;
import dev.isthmus.block.qcow2.Qcow2Snapshots;
import dev.isthmus.testing.block.MemoryImageFile;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

/** What the host can't do is told from what an image can't do: only the first is an {@link ImageIoException}. */
class ImageFaultTest {
    private static final int SIZE = 1 << 20;
    private static final int MAX_OPERATIONS = 500;

    private final MemoryFolder folder = new MemoryFolder();

    private static Qcow2CreateOptions options() {
        return new Qcow2CreateOptions(SIZE).clusterBytes(4096);
    }

    /** Does something with a new image whose storage fails after ever more operations, until it succeeds. */
    private static void assertHostFaults(Consumer<MemoryImageFile> open, Consumer<Qcow2Image> change) {
        int faults = 0;
        for (int good = 0; good < MAX_OPERATIONS; good++) {
            MemoryImageFile file = new MemoryImageFile();
            Qcow2Creator.create(file, options(), null);
            int operations = good;
            ImageException failure = null;
            try {
                open.accept(file);
                try (Qcow2Image image = Qcow2Image.open(file, null, null)) {
                    file.failAfter(operations, BlockStatus.NO_SPACE);
                    change.accept(image);
                }
            } catch (ImageException e) {
                failure = e;
            }
            if (failure == null) {
                assertTrue(faults > 0, "nothing failed");
                return;
            }
            ImageIoException fault = assertInstanceOf(ImageIoException.class, failure);
            assertEquals(BlockStatus.NO_SPACE, fault.status());
            assertTrue(String.valueOf(fault.getMessage()).contains("there is no space left"), fault.getMessage());
            assertFalse(fault.remedy().isEmpty());
            faults++;
        }
        throw new AssertionError("it never succeeds");
    }

    @Test
    void snapshotThatHasNoRoomIsAFaultOfTheHost() {
        assertHostFaults(_ -> {}, image -> new Qcow2Snapshots(image).create("a", Instant.EPOCH));
    }

    @Test
    void headerThatCanNotBeWrittenIsAFaultOfTheHost() {
        assertHostFaults(_ -> {}, image -> Qcow2Amender.changeBacking(image, "base", "raw"));
    }

    @Test
    void imageThatCanNotBeReadIsAFaultOfTheHost() {
        int[] good = {0};
        assertHostFaults(file -> {
            file.failAfter(good[0]++, BlockStatus.NO_SPACE);
            Qcow2Image.open(file, null, null).close();
            file.recover();
        }, _ -> {});
    }

    @ParameterizedTest
    @EnumSource(names = {"METADATA", "FULL", "FALLOC"})
    void imageThatHasNoRoomIsAFaultOfTheHostAndRemoved(Preallocation preallocation) {
        folder.roomBytes = 16 << 10;

        ImageIoException e = assertThrows(
                ImageIoException.class,
                () -> NewImage.qcow2(folder, "new", options().preallocation(preallocation), null, Progress.NONE).close());

        assertEquals(BlockStatus.NO_SPACE, e.status());
        assertFalse(folder.has("new"));
    }

    @Test
    void sizeThatAnImageCanNotHaveIsNoFaultOfTheHost() {
        NewImage.qcow2(folder, "disk", new Qcow2CreateOptions(SIZE).clusterBytes(512), null, Progress.NONE).keep();

        try (Qcow2Image disk = open("disk", ImageChain.Bases.READ)) {
            ImageException e = assertThrows(ImageException.class, () -> ImageResizer.resize(disk, "disk", 1L << 40));

            assertFalse(e instanceof ImageIoException);
            assertTrue(String.valueOf(e.getMessage()).contains("too large for its clusters"), e.getMessage());
            assertTrue(e.remedy().contains("cluster_size"), e.remedy());
            assertEquals(SIZE, disk.capacityBytes());
        }
    }

    @Test
    void baseThatCanNotGrowIsNoFaultOfTheHost() {
        NewImage.qcow2(folder, "base", options().version(2), null, Progress.NONE).keep();
        try (Qcow2Image base = open("base", ImageChain.Bases.READ)) {
            new Qcow2Snapshots(base).create("a", Instant.EPOCH);
        }
        NewImage.qcow2(folder, "top", new Qcow2CreateOptions(2 * SIZE).backing("base", "qcow2"), null, Progress.NONE).keep();

        try (Qcow2Image top = open("top", ImageChain.Bases.WRITE)) {
            ImageException e =
                    assertThrows(ImageException.class, () -> ImageMerger.commit(top, "top", true, Progress.NONE));

            assertFalse(e instanceof ImageIoException);
            assertTrue(String.valueOf(e.getMessage()).contains("with snapshots"), e.getMessage());
            assertFalse(e.remedy().isEmpty());
        }
    }

    private Qcow2Image open(String name, ImageChain.Bases bases) {
        return (Qcow2Image) ImageChain.open(folder, name, ImageFormat.QCOW2, false, null, bases);
    }
}

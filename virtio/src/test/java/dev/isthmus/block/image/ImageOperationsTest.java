// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.block.image;

import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import java.util.SplittableRandom;
import java.util.concurrent.CountDownLatch;

import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

import dev.isthmus.block.BlockBackend;
import dev.isthmus.block.BlockStatus;
import dev.isthmus.block.DiskExtent;
import dev.isthmus.block.ImageCancelledException;
import dev.isthmus.block.ImageException;
import dev.isthmus.block.ImageFormat;
import dev.isthmus.block.ImageIoException;
import dev.isthmus.block.Progress;
import dev.isthmus.block.qcow2.Qcow2CheckResult;
import dev.isthmus.block.qcow2.Qcow2Checker;
import dev.isthmus.block.qcow2.Qcow2CreateOptions;
import dev.isthmus.block.qcow2.Qcow2CreateOptions.Preallocation;
import dev.isthmus.block.qcow2.Qcow2Image;
import dev.isthmus.memory.ScatterList;
import dev.isthmus.memory.ScatterView;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

/** Converting, committing and rebasing, in memory. */
class ImageOperationsTest {
    private static final int CLUSTER = 4096;
    private static final int SIZE = 1 << 20;

    private final MemoryFolder folder = new MemoryFolder();
    private final SplittableRandom random = new SplittableRandom(42);

    /** Clusters of data, of zeroes, and of both. */
    private byte[] contents(int sizeBytes) {
        byte[] bytes = new byte[sizeBytes];
        for (int offset = 0; offset < sizeBytes; offset += CLUSTER) {
            int kind = random.nextInt(4);
            int end = Math.min(sizeBytes, offset + (kind == 3 ? 512 : CLUSTER));
            if (kind > 1) {
                Arrays.fill(bytes, offset, end, (byte) (1 + random.nextInt(99)));
            }
        }
        // A large hole, and one that ends in the middle of everything.
        Arrays.fill(bytes, sizeBytes / 4, sizeBytes / 2 + 512, (byte) 0);
        return bytes;
    }

    private static Qcow2CreateOptions options() {
        return new Qcow2CreateOptions(SIZE).clusterBytes(CLUSTER);
    }

    private NewImage qcow2(String name, Qcow2CreateOptions options) {
        return NewImage.qcow2(folder, name, options, null, Progress.NONE);
    }

    private Qcow2Image openQcow2(String name, ImageChain.Bases bases) {
        return (Qcow2Image) ImageChain.open(folder, name, ImageFormat.QCOW2, false, null, bases);
    }

    private byte[] disk(String name, @Nullable ImageFormat format) {
        try (BlockBackend disk = ImageChain.open(folder, name, format, true, null)) {
            byte[] bytes = new byte[Math.toIntExact(disk.capacityBytes())];
            ScatterList target = new ScatterList();
            target.add(MemorySegment.ofArray(bytes), 0, bytes.length);
            assertEquals(BlockStatus.OK, disk.read(0, target));
            return bytes;
        }
    }

    private static void write(BlockBackend disk, int offset, byte[] bytes) {
        ScatterList source = new ScatterList();
        source.add(MemorySegment.ofArray(bytes), 0, bytes.length);
        assertEquals(BlockStatus.OK, disk.write(offset, source));
    }

    private void assertSound(String name) {
        Qcow2CheckResult result = Qcow2Checker.check(folder.file(name), Qcow2Checker.Repair.NONE);
        assertTrue(result.clean(), () -> result.findings().toString());
    }

    private void convert(String from, @Nullable ImageFormat format, NewImage target, int sparseBytes, boolean compress) {
        try (target;
                BlockBackend source = ImageChain.open(folder, from, format, true, null)) {
            ImageConverter.convert(source, from, target, null, sparseBytes, compress, Progress.NONE);
        }
    }

    @ParameterizedTest
    @CsvSource({"512,false", "4096,false", "65536,false", "2097152,false", "4096,true", "65536,true"})
    void convertedImageHasTheSameContents(int clusterBytes, boolean compress) {
        // More than one piece of the copy; the smallest clusters cost the most.
        byte[] contents = contents((clusterBytes == 512 ? SIZE : 5 << 20) + 512 * 7);
        folder.put("raw", contents);

        convert("raw", ImageFormat.RAW,
                qcow2("new", new Qcow2CreateOptions(contents.length).clusterBytes(clusterBytes)), 4096, compress);
        convert("new", ImageFormat.QCOW2, NewImage.raw(folder, "back", contents.length, Preallocation.OFF, Progress.NONE), 4096, false);

        assertArrayEquals(contents, disk("new", ImageFormat.QCOW2));
        assertArrayEquals(contents, folder.contents("back"));
        assertSound("new");
    }

    @Test
    void zeroesTakeNoClusters() {
        folder.put("raw", contents(SIZE));

        convert("raw", ImageFormat.RAW, qcow2("new", options()), 4096, false);
        convert("raw", ImageFormat.RAW, qcow2("full", options()), 0, false);

        long clusters = Qcow2Checker.check(folder.file("new"), Qcow2Checker.Repair.NONE).allocatedClusters();
        assertTrue(clusters < SIZE / CLUSTER / 2, () -> clusters + " clusters");
        assertEquals(
                SIZE / CLUSTER,
                Qcow2Checker.check(folder.file("full"), Qcow2Checker.Repair.NONE).allocatedClusters());
    }

    @Test
    void imageWithABaseHoldsOnlyWhatDiffers() {
        byte[] base = contents(SIZE);
        byte[] contents = base.clone();
        Arrays.fill(contents, 8 * CLUSTER, 9 * CLUSTER, (byte) 77);
        Arrays.fill(contents, 20 * CLUSTER, 21 * CLUSTER, (byte) 0);
        base[20 * CLUSTER] = 5;
        folder.put("base", base);
        folder.put("raw", contents);

        convert("raw", ImageFormat.RAW, qcow2("new", options().backing("base", "raw")), 4096, false);

        assertArrayEquals(contents, disk("new", ImageFormat.QCOW2));
        assertEquals(1, Qcow2Checker.check(folder.file("new"), Qcow2Checker.Repair.NONE).allocatedClusters());
    }

    @Test
    void imageThatCouldNotBeFilledIsRemoved() {
        folder.put("raw", contents(SIZE));
        folder.roomBytes = 1 << 18;

        NewImage target = qcow2("new", options());
        ImageIoException e =
                assertThrows(ImageIoException.class, () -> convert("raw", ImageFormat.RAW, target, 4096, false));

        assertTrue(String.valueOf(e.getMessage()).contains("no space"), e.getMessage());
        assertFalse(folder.has("new"));
    }

    @Test
    void interruptedConversionLeavesNothing() {
        folder.put("raw", contents(SIZE));

        try (BlockBackend source = ImageChain.open(folder, "raw", ImageFormat.RAW, true, null);
                NewImage target = qcow2("new", options())) {
            Cancelled progress = new Cancelled();
            BlockBackend slow = new SlowDisk(source, progress.asked);
            assertThrows(
                    ImageCancelledException.class,
                    () -> ImageConverter.convert(slow, "raw", target, null, 4096, false, progress));
        }

        assertFalse(folder.has("new"));
    }

    private static final class Cancelled implements Progress {
        private final CountDownLatch asked = new CountDownLatch(1);

        @Override
        public void update(long doneBytes, long totalBytes) {}

        @Override
        public boolean cancelled() {
            asked.countDown();
            return true;
        }
    }

    /** A disk whose reads wait until the copy has asked whether it is cancelled. */
    private record SlowDisk(BlockBackend disk, CountDownLatch asked) implements BlockBackend {
        @Override
        public long capacityBytes() {
            return disk.capacityBytes();
        }

        @Override
        public boolean readOnly() {
            return true;
        }

        @Override
        public BlockStatus read(long offsetBytes, ScatterView target) {
            try {
                asked.await();
            } catch (InterruptedException e) {
                return BlockStatus.IO_ERROR;
            }
            return disk.read(offsetBytes, target);
        }

        @Override
        public BlockStatus write(long offsetBytes, ScatterView source) {
            return BlockStatus.READ_ONLY;
        }

        @Override
        public BlockStatus flush() {
            return BlockStatus.OK;
        }

        @Override
        public void close() {}
    }

    private byte[] makeOverlay(String base, int baseBytes) {
        byte[] contents = contents(baseBytes);
        folder.put(base, contents);
        qcow2("top", options().backing(base, "raw")).keep();
        byte[] expected = Arrays.copyOf(contents, SIZE);
        try (Qcow2Image top = openQcow2("top", ImageChain.Bases.READ)) {
            byte[] data = new byte[3 * CLUSTER];
            Arrays.fill(data, (byte) 111);
            write(top, 512 * 3, data);
            System.arraycopy(data, 0, expected, 512 * 3, data.length);
            assertEquals(BlockStatus.OK, top.writeZeroes(40 * CLUSTER, 8 * CLUSTER, true));
            Arrays.fill(expected, 40 * CLUSTER, 48 * CLUSTER, (byte) 0);
        }
        return expected;
    }

    @ParameterizedTest
    @ValueSource(ints = {SIZE, SIZE / 2 + 512, SIZE + CLUSTER})
    void committedBaseReadsAsTheImageDid(int baseBytes) {
        byte[] expected = makeOverlay("base", baseBytes);

        try (Qcow2Image top = openQcow2("top", ImageChain.Bases.WRITE)) {
            ImageMerger.commit(top, "top", true, Progress.NONE);
        }

        assertArrayEquals(expected, Arrays.copyOf(folder.contents("base"), SIZE));
        assertArrayEquals(expected, disk("top", ImageFormat.QCOW2));
        assertEquals(0, Qcow2Checker.check(folder.file("top"), Qcow2Checker.Repair.NONE).allocatedClusters());
        assertSound("top");
    }

    @Test
    void imageThatIsKeptIsNotEmptied() {
        makeOverlay("base", SIZE);

        try (Qcow2Image top = openQcow2("top", ImageChain.Bases.WRITE)) {
            assertTrue(ImageMerger.commit(top, "top", false, Progress.NONE) > 0);
        }

        assertTrue(Qcow2Checker.check(folder.file("top"), Qcow2Checker.Repair.NONE).allocatedClusters() > 0);
    }

    @Test
    void imageWithoutABaseCanNotBeCommitted() {
        qcow2("alone", options()).keep();

        try (Qcow2Image alone = openQcow2("alone", ImageChain.Bases.WRITE)) {
            assertThrows(ImageException.class, () -> ImageMerger.commit(alone, "alone", true, Progress.NONE));
        }
    }

    @ParameterizedTest
    @ValueSource(ints = {SIZE, SIZE - 100 * CLUSTER + 512, SIZE + CLUSTER})
    void rebasedImageReadsAsBefore(int newBaseBytes) {
        byte[] expected = makeOverlay("base", SIZE - CLUSTER);
        byte[] other = Arrays.copyOf(folder.contents("base"), newBaseBytes);
        Arrays.fill(other, 100 * CLUSTER, 140 * CLUSTER, (byte) 33);
        folder.put("other", other);

        rebase("other", "raw");

        assertArrayEquals(expected, disk("top", ImageFormat.QCOW2));
        assertEquals("other", ImageInfo.read(folder, "top", null, null).baseName());
        assertSound("top");
    }

    @Test
    void imageCanBeFreedOfItsBaseAndBeBasedAgain() {
        byte[] expected = makeOverlay("base", SIZE);

        rebase(null, null);
        folder.delete("base");
        assertArrayEquals(expected, disk("top", ImageFormat.QCOW2));

        folder.put("later", contents(SIZE));
        rebase("later", "raw");
        assertArrayEquals(expected, disk("top", ImageFormat.QCOW2));
        assertSound("top");
    }

    private void rebase(@Nullable String name, @Nullable String format) {
        try (Qcow2Image top = openQcow2("top", ImageChain.Bases.READ)) {
            if (name == null) {
                ImageMerger.rebase(top, "top", null, null, null, Progress.NONE);
                return;
            }
            try (BlockBackend base = ImageChain.open(folder, name, ImageFormat.RAW, true, null)) {
                ImageMerger.rebase(top, "top", base, name, format, Progress.NONE);
            }
        }
    }

    @Test
    void interruptedRebaseLeavesTheImageOnItsOldBase() {
        byte[] expected = makeOverlay("base", SIZE);
        folder.put("other", contents(SIZE));

        try (Qcow2Image top = openQcow2("top", ImageChain.Bases.READ);
                BlockBackend base = ImageChain.open(folder, "other", ImageFormat.RAW, true, null)) {
            assertThrows(
                    ImageCancelledException.class,
                    () -> ImageMerger.rebase(top, "top", base, "other", "raw", new Cancelled()));
        }

        assertArrayEquals(expected, disk("top", ImageFormat.QCOW2));
        assertEquals("base", ImageInfo.read(folder, "top", null, null).baseName());
    }

    @Test
    void extentsTellDataFromZeroesAndTheBase() {
        makeOverlay("base", SIZE);
        DiskExtent found = new DiskExtent();

        try (Qcow2Image top = openQcow2("top", ImageChain.Bases.READ)) {
            assertEquals(BlockStatus.OK, top.find(0, SIZE, found));
            assertEquals(DiskExtent.Kind.DATA, found.kind());
            assertEquals(BlockStatus.OK, top.find(41 * CLUSTER, SIZE - 41 * CLUSTER, found));
            assertEquals(DiskExtent.Kind.ZERO, found.kind());
            assertEquals(7 * CLUSTER, found.lengthBytes());
            assertEquals(BlockStatus.OK, top.find(100 * CLUSTER, CLUSTER, found));
            assertEquals(DiskExtent.Kind.BASE, found.kind());
            assertEquals(CLUSTER, found.lengthBytes());
        }
    }

    @Test
    void chainThatEndsNowhereIsToldOfNonetheless() {
        qcow2("top", options().backing("gone", "qcow2")).keep();

        ImageInfo info = ImageInfo.read(folder, "top", null, null);

        assertEquals("gone", info.baseName());
        assertEquals(SIZE, info.capacityBytes());
        assertThrows(ImageException.class, () -> ImageInfo.readChain(folder, "top", null, null));
    }

    @Test
    void imageThatIsThereIsNotOverwritten() {
        folder.put("there", new byte[512]);

        assertThrows(ImageException.class, () -> qcow2("there", options()).close());
        assertThrows(ImageException.class, () -> NewImage.raw(folder, "there", 512, Preallocation.OFF, Progress.NONE).close());

        assertTrue(folder.has("there"));
    }
}

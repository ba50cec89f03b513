// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.machine.block;

import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Random;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

import dev.isthmus.block.BlockBackend;
import dev.isthmus.block.BlockStatus;
import dev.isthmus.block.ImageFormat;
import dev.isthmus.block.image.ImageChain;
import dev.isthmus.machine.VmException;
import dev.isthmus.memory.ScatterList;
import dev.isthmus.testing.block.QemuTools;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

/** Files past the page cache, on the file system of the build folder; skipped where that has no direct I/O. */
class DirectIoTest {
    private static final HostFileOptions DIRECT = HostFileOptions.DEFAULT.withDirect(true);
    private static final int SIZE = 1 << 20;
    private static final int STEPS = 400;

    @TempDir(factory = InBuildFolder.class)
    Path directory;

    private final MemorySegment memory = Arena.ofAuto().allocate(1 << 20, 4096);

    private HostImageFile create(String name, byte[] content) throws IOException {
        Path path = Files.write(directory.resolve(name), content);
        try {
            return HostImageFile.open(path, false, name, DIRECT);
        } catch (VmException.Configuration e) {
            assumeTrue(false, String.valueOf(e.getMessage()));
            throw e;
        }
    }

    private static byte[] random(int length, long seed) {
        byte[] bytes = new byte[length];
        new Random(seed).nextBytes(bytes);
        return bytes;
    }

    private static byte[] read(HostImageFile file, int offset, int length) {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment target = arena.allocate(length, 1);
            assertEquals(BlockStatus.OK, file.read(offset, target));
            return target.toArray(ValueLayout.JAVA_BYTE);
        }
    }

    /** Any place of the memory, divided into pieces of any size. */
    private ScatterList scattered(Random random, int length) {
        ScatterList list = new ScatterList();
        int at = random.nextInt(4096);
        int left = length;
        while (left > 0) {
            int piece = Math.min(left, 1 + random.nextInt(40_000));
            list.add(memory, at, piece);
            at += piece + random.nextInt(100);
            left -= piece;
        }
        return list;
    }

    private void fill(ScatterList list, byte[] bytes) {
        int done = 0;
        for (int i = 0; i < list.count(); i++) {
            int length = (int) list.lengthBytes(i);
            MemorySegment.copy(bytes, done, memory, ValueLayout.JAVA_BYTE, list.offset(i), length);
            done += length;
        }
    }

    private byte[] collect(ScatterList list) {
        byte[] bytes = new byte[(int) list.totalBytes()];
        int done = 0;
        for (int i = 0; i < list.count(); i++) {
            int length = (int) list.lengthBytes(i);
            MemorySegment.copy(memory, ValueLayout.JAVA_BYTE, list.offset(i), bytes, done, length);
            done += length;
        }
        return bytes;
    }

    @Test
    void anyRangeAndAnyMemoryIsReadAndWrittenAsThroughThePageCache() throws IOException {
        byte[] model = random(SIZE, 1);
        Random random = new Random(2);
        try (HostImageFile file = create("random.img", model)) {
            for (int i = 0; i < STEPS; i++) {
                int granularity = random.nextBoolean() ? 512 : 1;
                int length = granularity * (1 + random.nextInt(i % 10 == 0 ? 400_000 / granularity : 9000 / granularity));
                int offset = random.nextInt((SIZE - length) / granularity) * granularity;
                ScatterList list = scattered(random, length);
                if (random.nextBoolean()) {
                    byte[] written = random(length, i);
                    fill(list, written);
                    assertEquals(BlockStatus.OK, file.write(offset, list));
                    System.arraycopy(written, 0, model, offset, length);
                } else {
                    assertEquals(BlockStatus.OK, file.read(offset, list));
                    assertArrayEquals(Arrays.copyOfRange(model, offset, offset + length), collect(list), "step " + i);
                }
            }
            assertEquals(BlockStatus.OK, file.flush());
            assertEquals(SIZE, file.sizeBytes());
        }

        assertArrayEquals(model, Files.readAllBytes(directory.resolve("random.img")));
    }

    @Test
    void smallPiecesOfMetadataChangeNothingBesideThem() throws IOException {
        byte[] model = random(3 * 4096, 3);
        try (HostImageFile file = create("small.img", model)) {
            MemorySegment eight = memory.asSlice(3, 8);
            for (int offset : new int[] {0, 504, 508, 4092, 8191, 12_280}) {
                eight.fill((byte) offset);
                assertEquals(BlockStatus.OK, file.write(offset, eight));
                Arrays.fill(model, offset, offset + 8, (byte) offset);
                assertArrayEquals(Arrays.copyOfRange(model, offset, offset + 8), read(file, offset, 8));
            }
        }

        assertArrayEquals(model, Files.readAllBytes(directory.resolve("small.img")));
    }

    @Test
    void endOfTheFileIsReadAsFarAsItGoes() throws IOException {
        byte[] model = random(5000, 4);
        try (HostImageFile file = create("end.img", model)) {
            memory.fill((byte) 1);
            ScatterList aligned = new ScatterList();
            aligned.add(memory, 0, 8192);
            assertEquals(BlockStatus.OUT_OF_RANGE, file.read(0, aligned));
            assertArrayEquals(model, memory.asSlice(0, 5000).toArray(ValueLayout.JAVA_BYTE));
            assertEquals(0, memory.get(ValueLayout.JAVA_BYTE, 5000));
            assertEquals(0, memory.get(ValueLayout.JAVA_BYTE, 8191));

            memory.fill((byte) 1);
            MemorySegment odd = memory.asSlice(1, 300);
            assertEquals(BlockStatus.OUT_OF_RANGE, file.read(4900, odd));
            assertArrayEquals(
                    Arrays.copyOfRange(model, 4900, 5000), odd.asSlice(0, 100).toArray(ValueLayout.JAVA_BYTE));
            assertEquals(0, odd.get(ValueLayout.JAVA_BYTE, 299));
            assertEquals(BlockStatus.OUT_OF_RANGE, file.read(1 << 20, odd));
        }
    }

    @Test
    void writeBehindTheEndLeavesZeroesBetween() throws IOException {
        try (HostImageFile file = create("grow.img", new byte[0])) {
            memory.fill((byte) 7);

            assertEquals(BlockStatus.OK, file.write(10_000, memory.asSlice(0, 100)));

            assertArrayEquals(new byte[10_000], read(file, 0, 10_000));
            assertEquals(7, read(file, 10_099, 1)[0]);
            assertTrue(file.sizeBytes() >= 10_100);
        }
    }

    @Test
    void zeroesReachAnyRange() throws IOException {
        byte[] model = random(SIZE, 5);
        try (HostImageFile file = create("zero.img", model)) {
            for (boolean unmap : new boolean[] {false, true}) {
                assertEquals(BlockStatus.OK, file.writeZeroes(1000, 200_000, unmap));
                Arrays.fill(model, 1000, 201_000, (byte) 0);
                assertEquals(BlockStatus.OK, file.discard(300_000, 100_000));
                Arrays.fill(model, 300_000, 400_000, (byte) 0);
                assertArrayEquals(model, read(file, 0, SIZE));
            }
        }
    }

    @Test
    void engineTakesOnlyWhatIsWholeBlocks() throws IOException {
        try (HostImageFile file = create("takes.img", new byte[SIZE])) {
            ScatterList whole = new ScatterList();
            whole.add(memory, 0, 4096);
            ScatterList part = new ScatterList();
            part.add(memory, 1, 4096);

            assertTrue(file.takes(whole, 4096, 4096));
            assertFalse(file.takes(whole, 1, 4096));
            assertFalse(file.takes(part, 4096, 4096));
        }
        try (HostImageFile cached = HostImageFile.open(directory.resolve("takes.img"), true, "cached")) {
            ScatterList part = new ScatterList();
            part.add(memory, 1, 4096);
            assertTrue(cached.takes(part, 1, 4096));
        }
    }

    @Test
    void qcow2WorksPastThePageCache() throws Exception {
        QemuTools.require();
        create("probe.img", new byte[4096]).close();
        Path image = directory.resolve("disk.qcow2");
        QemuTools qemu = new QemuTools(directory);
        qemu.img("create", "-q", "-f", "qcow2", image.toString(), "8M");
        byte[] model = new byte[8 << 20];
        Random random = new Random(6);
        try (BlockBackend disk = ImageChain.open(
                new HostImageFolder(DIRECT), image.toString(), ImageFormat.QCOW2, false, ZstdClusterCodec.INSTANCE)) {
            for (int i = 0; i < 100; i++) {
                int length = 512 * (1 + random.nextInt(300));
                int offset = 512 * random.nextInt((model.length - length) / 512);
                byte[] written = random(length, i);
                ScatterList list = scattered(random, length);
                fill(list, written);
                assertEquals(BlockStatus.OK, disk.write(offset, list));
                System.arraycopy(written, 0, model, offset, length);
            }
            assertEquals(BlockStatus.OK, disk.flush());
        }

        qemu.img("check", "-q", image.toString());
        Path raw = directory.resolve("disk.raw");
        qemu.img("convert", "-O", "raw", image.toString(), raw.toString());
        assertArrayEquals(model, Files.readAllBytes(raw));
    }

    @Test
    void fileSystemWithoutDirectIoIsNamedWithTheWayOut() {
        // A regular file of a file system that never has it.
        VmException.Configuration refused = assertThrows(
                VmException.Configuration.class,
                () -> HostImageFile.open(Path.of("/proc/version"), true, "disk", DIRECT).close());

        assertEquals(
                "The file system of disk /proc/version has no direct I/O (O_DIRECT).", refused.getMessage());
        assertTrue(refused.remedy().contains("cache=writeback"), refused.remedy());
    }
}

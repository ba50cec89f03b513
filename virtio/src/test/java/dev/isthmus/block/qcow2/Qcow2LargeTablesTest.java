// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.block.qcow2;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.SplittableRandom;

import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

import dev.isthmus.block.BlockStatus;
import dev.isthmus.testing.block.ChannelImageFile;
import dev.isthmus.testing.block.FolderImages;
import dev.isthmus.testing.block.MemoryImageFile;
import dev.isthmus.testing.block.MemoryImageFile.Change;
import dev.isthmus.testing.block.MemoryImageFile.Kind;
import dev.isthmus.testing.block.QemuTools;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

/** Tables that grow out of their places, and more of them than are kept in memory. */
class Qcow2LargeTablesTest {
    private static final int CLUSTER = 512;

    @TempDir
    Path folder;

    @BeforeAll
    static void needsQemu() {
        QemuTools.require();
    }

    private static Qcow2CreateOptions tiny(long capacity) {
        // A refcount table of one cluster counts 2 MiB only.
        return new Qcow2CreateOptions(capacity).clusterBytes(CLUSTER).refcountBits(64);
    }

    @Test
    void refcountTableGrowsWithTheFile() throws IOException {
        int capacity = 7 << 20;
        DiskModel model = new DiskModel(capacity);
        SplittableRandom random = new SplittableRandom(5);
        try (ChannelImageFile file = new ChannelImageFile(folder.resolve("disk.qcow2"), false)) {
            Qcow2Creator.create(file, tiny(capacity), null);
        }
        try (Qcow2Image disk = new FolderImages(folder, null).open("disk.qcow2", false)) {
            int step = 50 * CLUSTER;
            for (int i = 0; i < capacity / step; i++) {
                int offset = i * 97 % (capacity / step) * step;
                assertEquals(BlockStatus.OK, model.write(disk, random, offset, step));
                assertEquals(BlockStatus.OK, i % 20 == 0 ? disk.flush() : BlockStatus.OK);
            }
            model.checkAll(disk);
        }
        QemuTools qemu = new QemuTools(folder);
        QemuTools.Answer answer = qemu.run("check", "-f", "qcow2", "disk.qcow2");
        assertEquals(0, answer.status(), answer::text);
        qemu.img("convert", "-f", "qcow2", "-O", "raw", "disk.qcow2", "disk.raw");
        model.checkFile(folder.resolve("disk.raw"));
        assertTrue(Files.size(folder.resolve("disk.qcow2")) > capacity);
    }

    @Test
    void placeOfARefcountTableThatHasMovedIsUsedAgainAndReadsAsZeroes() {
        int capacity = 4 << 20;
        MemoryImageFile file = new MemoryImageFile();

        Qcow2Creator.create(file, tiny(capacity).preallocation(Qcow2CreateOptions.Preallocation.METADATA), null);

        try (Qcow2Image disk = Qcow2Image.open(file, null, null)) {
            assertEquals(1, disk.state().refcounts.get(1), "the first table's place");
            new DiskModel(capacity).checkAll(disk);
        }
        Qcow2CheckResult result = Qcow2Checker.check(file, Qcow2Checker.Repair.NONE);
        assertTrue(result.clean(), () -> result.findings().toString());
    }

    @Test
    void crashWhileTheRefcountTableGrowsLeavesASoundImage() {
        int capacity = 3 << 20;
        DiskModel model = new DiskModel(capacity);
        SplittableRandom random = new SplittableRandom(6);
        MemoryImageFile file = new MemoryImageFile();
        Qcow2Creator.create(file, tiny(capacity), null);
        int filled = 1800 << 10;
        try (Qcow2Image disk = Qcow2Image.open(file, null, null)) {
            assertEquals(BlockStatus.OK, model.write(disk, random, 0, filled));
        }
        MemoryImageFile growing = new MemoryImageFile("growing", file.contents(), false);
        int offset = filled;
        try (Qcow2Image disk = Qcow2Image.open(growing, null, null)) {
            for (int i = 0; i < 16; i++) {
                assertEquals(BlockStatus.OK, model.write(disk, random, offset, 32 * CLUSTER));
                assertEquals(BlockStatus.OK, i % 4 == 3 ? disk.flush() : BlockStatus.OK);
                offset += 32 * CLUSTER;
            }
        }
        assertTrue(Qcow2Header.read(growing, false).refcountTableClusters > 1, "has not grown");
        byte[] flushed = file.contents();
        List<Change> changes = growing.changes();
        int flushes = 0;
        for (int point = 1; point < changes.size(); point += 29) {
            for (; flushes < point; flushes++) {
                // What was not flushed before this point is lost or not, sector by sector.
                int next = nextFlush(changes, flushes);
                if (next >= point) {
                    break;
                }
                for (int i = flushes; i <= next; i++) {
                    flushed = apply(flushed, changes.get(i), null);
                }
                flushes = next;
            }
            byte[] crashed = flushed.clone();
            for (int i = flushes; i < point; i++) {
                crashed = apply(crashed, changes.get(i), random);
            }
            Qcow2CheckResult result = Qcow2Checker.check(
                    new MemoryImageFile("crashed", crashed, true), Qcow2Checker.Repair.NONE);
            assertEquals(0, result.corruptions() + result.checkErrors(), () -> result.findings().toString());
        }
    }

    private static int nextFlush(List<Change> changes, int from) {
        for (int i = from; i < changes.size(); i++) {
            if (changes.get(i).kind() == Kind.FLUSH) {
                return i;
            }
        }
        return changes.size();
    }

    private static byte[] apply(
            byte[] bytes, Change change, @Nullable SplittableRandom random) {
        byte[] result = bytes;
        int offset = Math.toIntExact(change.offset());
        for (int done = 0; done < change.bytes().length; done += 512) {
            int count = Math.min(512, change.bytes().length - done);
            if (random == null || random.nextBoolean()) {
                result = result.length < offset + done + count ? Arrays.copyOf(result, offset + done + count) : result;
                System.arraycopy(change.bytes(), done, result, offset + done, count);
            }
        }
        return result;
    }

    @Test
    void moreTablesThanAreKeptInMemoryAreWrittenAndReadAgain() {
        long coveredByTable = 1L << 39;
        int tables = 20;
        try (ChannelImageFile file = new ChannelImageFile(folder.resolve("disk.qcow2"), false)) {
            Qcow2Creator.create(file, new Qcow2CreateOptions(tables * coveredByTable).clusterBytes(2 << 20), null);
        }
        SplittableRandom random = new SplittableRandom(9);
        DiskModel[] sectors = new DiskModel[tables];
        try (Qcow2Image disk = new FolderImages(folder, null).open("disk.qcow2", false)) {
            for (int i = 0; i < tables; i++) {
                sectors[i] = new DiskModel(512);
                assertEquals(BlockStatus.OK, sectors[i].write(new Window(disk, i * coveredByTable), random, 0, 512));
            }
            for (int i = 0; i < tables; i++) {
                sectors[i].check(new Window(disk, i * coveredByTable), random, 0, 512);
            }
        }
        assertEquals(0, new QemuTools(folder).run("check", "-f", "qcow2", "disk.qcow2").status());
        try (Qcow2Image disk = new FolderImages(folder, null).open("disk.qcow2", true)) {
            for (int i = 0; i < tables; i++) {
                sectors[i].check(new Window(disk, i * coveredByTable), random, 0, 512);
            }
        }
    }

    @Test
    void clustersOfBitmapsAreCountedUntilTheirBitIsCleared() {
        QemuTools qemu = new QemuTools(folder);
        qemu.img("create", "-q", "-f", "qcow2", "disk.qcow2", "4M");
        qemu.img("bitmap", "--add", "disk.qcow2", "first");
        qemu.img("bitmap", "--add", "-g", "4096", "disk.qcow2", "second");
        qemu.io("qcow2", "disk.qcow2", List.of("write -P 1 0 1M"));
        assertSameNumbers(qemu);

        new FolderImages(folder, null).open("disk.qcow2", false).close();

        assertSameNumbers(qemu);
        try (ChannelImageFile file = new ChannelImageFile(folder.resolve("disk.qcow2"), false)) {
            assertTrue(Qcow2Checker.check(file, Qcow2Checker.Repair.LEAKS).leaksFixed() > 0);
        }
        assertEquals(0, qemu.run("check", "disk.qcow2").status());
    }

    private void assertSameNumbers(QemuTools qemu) {
        QemuTools.Answer answer = qemu.run("check", "--output=json", "disk.qcow2");
        try (ChannelImageFile file = new ChannelImageFile(folder.resolve("disk.qcow2"), true)) {
            Qcow2CheckResult result = Qcow2Checker.check(file, Qcow2Checker.Repair.NONE);
            assertEquals(answer.number("corruptions"), result.corruptions());
            assertEquals(answer.number("leaks"), result.leaks(), answer + result.toString());
        }
    }
}

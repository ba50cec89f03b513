// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.block.qcow2;

import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.SplittableRandom;

import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

import dev.isthmus.block.BlockStatus;
import dev.isthmus.testing.block.ChannelImageFile;
import dev.isthmus.testing.block.FolderImages;
import dev.isthmus.testing.block.QemuTools;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

/** Seeded random operations on images, compared with a model and with what QEMU's tools make of the images. */
class Qcow2PeerTest {
    private static final String IMAGE = "disk.qcow2";

    @TempDir
    Path folder;

    @BeforeAll
    static void needsQemu() {
        QemuTools.require();
    }

    @ParameterizedTest
    @CsvSource({
        "3, 512, 1, false",
        "3, 512, 64, false",
        "3, 1024, 2, true",
        "3, 4096, 4, false",
        "3, 4096, 8, false",
        "2, 4096, 16, false",
        "2, 65536, 16, false",
        "3, 65536, 16, false",
        "3, 65536, 16, true",
        "3, 65536, 32, false",
        "3, 2097152, 16, false"
    })
    void randomOperationsReadAsTheModelDoes(int version, int clusterBytes, int refcountBits, boolean lazy)
            throws Exception {
        SplittableRandom random = new SplittableRandom(clusterBytes * 131L + refcountBits);
        int capacity = clusterBytes * (clusterBytes > 1 << 20 ? 6 : 150) + 512 * 3;
        QemuTools qemu = new QemuTools(folder);
        FolderImages images = new FolderImages(folder, null);
        try (ChannelImageFile file = new ChannelImageFile(folder.resolve(IMAGE), false)) {
            Qcow2CreateOptions options = new Qcow2CreateOptions(capacity)
                    .version(version)
                    .clusterBytes(clusterBytes)
                    .refcountBits(refcountBits)
                    .lazyRefcounts(lazy);
            Qcow2Creator.create(file, options, null);
        }
        DiskModel model = new DiskModel(capacity);
        List<DiskModel> snapshots = new ArrayList<>();
        Qcow2Image disk = images.open(IMAGE, false);
        for (int round = 0; round < 6; round++) {
            for (int i = 0; i < 80; i++) {
                operate(disk, model, random, clusterBytes);
            }
            if (version == 3 && refcountBits >= 2 && random.nextInt(2) == 0) {
                snapshot(disk, model, snapshots, random);
            }
            if (random.nextInt(3) == 0 && (version == 3 || snapshots.isEmpty())) {
                int newBytes = 512 * (capacity / 1024 + random.nextInt(capacity / 512));
                assertEquals(BlockStatus.OK, model.resize(disk, newBytes));
            }
            if (round % 2 == 1) {
                disk.close();
                assertEquals(0, qemu.run("check", "-f", "qcow2", IMAGE).status(), () -> qemu.run("check", IMAGE).text());
                disk = images.open(IMAGE, false);
            }
            model.checkAll(disk);
        }
        disk.close();
        checkWithQemu(qemu, model);
    }

    private void checkWithQemu(QemuTools qemu, DiskModel model) throws Exception {
        QemuTools.Answer answer = qemu.run("check", "-f", "qcow2", IMAGE);
        assertEquals(0, answer.status(), answer::text);
        qemu.img("convert", "-f", "qcow2", "-O", "raw", IMAGE, "disk.raw");
        model.checkFile(folder.resolve("disk.raw"));
        try (ChannelImageFile file = new ChannelImageFile(folder.resolve(IMAGE), true)) {
            Qcow2CheckResult result = Qcow2Checker.check(file, Qcow2Checker.Repair.NONE);
            assertTrue(result.clean(), () -> result.findings().toString());
        }
        Files.delete(folder.resolve("disk.raw"));
    }

    private static void operate(Qcow2Image disk, DiskModel model, SplittableRandom random, int clusterBytes) {
        int sectors = model.bytes.length / 512;
        int first = random.nextInt(sectors);
        int most = Math.min(sectors - first, random.nextInt(4) == 0 ? 8 * clusterBytes / 512 : 24);
        int offset = first * 512;
        int lengthBytes = (1 + random.nextInt(most)) * 512;
        switch (random.nextInt(12)) {
            case 0, 1, 2, 3, 4 -> assertEquals(BlockStatus.OK, model.write(disk, random, offset, lengthBytes));
            case 5 -> assertEquals(BlockStatus.OK, model.zero(disk, offset, lengthBytes, random.nextBoolean()));
            case 6 -> assertEquals(BlockStatus.OK, model.discard(disk, offset, lengthBytes));
            case 7 -> assertEquals(BlockStatus.OK, disk.flush());
            default -> model.check(disk, random, offset, lengthBytes);
        }
    }

    private static void snapshot(
            Qcow2Image disk, DiskModel model, List<DiskModel> snapshots, SplittableRandom random) {
        Qcow2Snapshots operations = new Qcow2Snapshots(disk);
        List<Qcow2Snapshot> there = operations.list();
        assertEquals(snapshots.size(), there.size());
        int which = there.isEmpty() ? 0 : random.nextInt(there.size());
        switch (there.isEmpty() ? 0 : random.nextInt(3)) {
            case 0 -> {
                model.checkAll(disk);
                operations.create("snapshot " + random.nextInt(), Instant.ofEpochSecond(1_700_000_000));
                snapshots.add(model.copy());
            }
            case 1 -> {
                operations.apply(there.get(which).id());
                model.restore(snapshots.get(which));
            }
            default -> {
                operations.delete(there.get(which).id());
                snapshots.remove(which);
            }
        }
        model.checkAll(disk);
    }
}

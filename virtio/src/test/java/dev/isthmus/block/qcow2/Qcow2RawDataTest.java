// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.block.qcow2;

import java.nio.file.Path;
import java.util.SplittableRandom;

import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

import dev.isthmus.block.BlockStatus;
import dev.isthmus.block.DiskExtent;
import dev.isthmus.testing.block.ChannelImageFile;
import dev.isthmus.testing.block.FolderImages;
import dev.isthmus.testing.block.QemuTools;

import static org.junit.jupiter.api.Assertions.assertEquals;

/** An image whose external data file is the disk, byte by byte, whoever writes it. */
class Qcow2RawDataTest {
    private static final int CLUSTER = 4096;
    private static final int CAPACITY = 100 * CLUSTER + 512;

    /** Beyond what one L2 table and one L1 cluster cover at first. */
    private static final int LARGER = 1500 * CLUSTER + 1024;

    @TempDir
    Path folder;

    private final SplittableRandom random = new SplittableRandom(8);
    private final DiskModel model = new DiskModel(CAPACITY);

    @BeforeEach
    void create() {
        FolderImages images = new FolderImages(folder, null);
        images.openFile("disk.data", false).close();
        try (ChannelImageFile file = new ChannelImageFile(folder.resolve("disk.qcow2"), false)) {
            Qcow2Creator.create(
                    file, new Qcow2CreateOptions(CAPACITY).clusterBytes(CLUSTER).dataFile("disk.data", true), images);
        }
    }

    private Qcow2Image open() {
        return new FolderImages(folder, null).open("disk.qcow2", false);
    }

    private static void assertAllData(Qcow2Image disk) {
        DiskExtent extent = new DiskExtent();
        for (long offset = 0; offset < disk.capacityBytes(); offset += extent.lengthBytes()) {
            assertEquals(BlockStatus.OK, disk.find(offset, disk.capacityBytes() - offset, extent));
            assertEquals(DiskExtent.Kind.DATA, extent.kind(), "at " + offset);
        }
    }

    @Test
    void allOfALargerDiskHasItsPlaceInTheDataFile() {
        try (Qcow2Image disk = open()) {
            assertEquals(BlockStatus.OK, model.write(disk, random, 0, CAPACITY));

            assertEquals(BlockStatus.OK, model.resize(disk, LARGER));

            assertAllData(disk);
        }
        try (ChannelImageFile data = new ChannelImageFile(folder.resolve("disk.data"), false);
                Qcow2Image disk = open()) {
            // Written past the image, as those may do who use the raw file.
            byte[] bytes = new byte[CLUSTER];
            random.nextBytes(bytes);
            LongTables.write(data, 1200 * CLUSTER, bytes);
            model.put(1200 * CLUSTER, bytes);
            model.checkAll(disk);
        }
    }

    @Test
    void diskThatWasSmallerInBetweenHasAllItsPlacesAgain() {
        try (Qcow2Image disk = open()) {
            assertEquals(BlockStatus.OK, model.write(disk, random, 0, CAPACITY));
            assertEquals(BlockStatus.OK, model.resize(disk, 10 * CLUSTER));
            assertEquals(BlockStatus.OK, model.resize(disk, LARGER));

            assertAllData(disk);
            model.checkAll(disk);
        }
    }

    @Test
    void qemuFindsTheSameInALargerDisk() {
        QemuTools.require();
        try (Qcow2Image disk = open()) {
            assertEquals(BlockStatus.OK, model.write(disk, random, 0, CAPACITY));
            assertEquals(BlockStatus.OK, model.resize(disk, LARGER));
            assertEquals(BlockStatus.OK, model.write(disk, random, 900 * CLUSTER, 3 * CLUSTER));
        }

        QemuTools qemu = new QemuTools(folder);
        qemu.img("check", "-f", "qcow2", "disk.qcow2");
        qemu.img("compare", "-f", "qcow2", "-F", "raw", "disk.qcow2", "disk.data");
        qemu.img("convert", "-f", "qcow2", "-O", "raw", "disk.qcow2", "disk.raw");
        model.checkFile(folder.resolve("disk.raw"));
    }
}

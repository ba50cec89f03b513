// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.block.qcow2;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.util.Arrays;
import java.util.SplittableRandom;

import org.junit.jupiter.api.Test;

import dev.isthmus.block.BlockStatus;
import dev.isthmus.block.ClusterCodec;
import dev.isthmus.block.ImageException;
import dev.isthmus.memory.ScatterList;
import dev.isthmus.testing.block.MemoryImageFile;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

/** Clusters in a compression that is brought from outside, as Zstandard is. */
class Qcow2CodecTest {
    private static final int CLUSTER = 4096;
    private static final int CAPACITY = 16 * CLUSTER;

    /** Packs a cluster of one value into a mark and that value, and nothing else. */
    private static final class OneValue implements ClusterCodec {
        @Override
        public boolean unpack(ByteBuffer packed, ByteBuffer target) {
            if (packed.get() != 'V') {
                return false;
            }
            byte value = packed.get();
            while (target.hasRemaining()) {
                target.put(value);
            }
            return true;
        }

        @Override
        public boolean pack(ByteBuffer cluster, ByteBuffer target) {
            byte value = cluster.get(cluster.position());
            while (cluster.hasRemaining()) {
                if (cluster.get() != value) {
                    return false;
                }
            }
            target.put((byte) 'V').put(value);
            return true;
        }
    }

    private final MemoryImageFile file = new MemoryImageFile();
    private final DiskModel model = new DiskModel(CAPACITY);
    private final SplittableRandom random = new SplittableRandom(2);

    private Qcow2Image filled() {
        Qcow2Creator.create(file, new Qcow2CreateOptions(CAPACITY).clusterBytes(CLUSTER).zstd(true), null);
        Qcow2Image disk = Qcow2Image.open(file, null, new OneValue());
        try (Arena arena = Arena.ofConfined()) {
            for (int i = 0; i < 8; i++) {
                byte[] data = new byte[CLUSTER];
                Arrays.fill(data, (byte) (i + 1));
                data[0] = (byte) (i == 5 ? 99 : i + 1);
                MemorySegment cluster = arena.allocate(CLUSTER);
                cluster.copyFrom(MemorySegment.ofArray(data));
                assertEquals(BlockStatus.OK, disk.writeCompressed((long) i * CLUSTER, cluster));
                model.put(i * CLUSTER, data);
            }
        }
        return disk;
    }

    @Test
    void packedClustersAreReadAndOverwritten() {
        try (Qcow2Image disk = filled()) {
            model.checkAll(disk);
            assertTrue(disk.info().zstd());
            assertEquals(BlockStatus.OK, model.write(disk, random, CLUSTER + 512, 1024));
            assertEquals(BlockStatus.OK, model.zero(disk, 2 * CLUSTER, CLUSTER, true));
            model.checkAll(disk);
        }
        Qcow2CheckResult result = Qcow2Checker.check(file, Qcow2Checker.Repair.NONE);
        assertTrue(result.clean(), () -> result.findings().toString());
        assertEquals(5, result.compressedClusters(), "one can't be packed, two are gone");
    }

    @Test
    void packedClusterThatCantBeWrittenLeavesTheOldOne() {
        try (Qcow2Image disk = filled();
                Arena arena = Arena.ofConfined()) {
            assertEquals(BlockStatus.OK, disk.flush());
            MemorySegment cluster = arena.allocate(CLUSTER);
            cluster.fill((byte) 77);
            file.failAfter(0, BlockStatus.NO_SPACE);

            assertEquals(BlockStatus.NO_SPACE, disk.writeCompressed(2 * CLUSTER, cluster));

            file.recover();
            model.checkAll(disk);
        }
        Qcow2CheckResult result = Qcow2Checker.check(file, Qcow2Checker.Repair.NONE);
        assertTrue(result.clean(), () -> result.findings().toString());
    }

    @Test
    void imageIsRefusedWithoutItsCompression() {
        filled().close();

        ImageException e = assertThrows(ImageException.class, () -> Qcow2Image.open(file, null, null).close());
        assertTrue(e.remedy().contains("qemu-img convert"), e.remedy());
    }

    @Test
    void damagedPackedClusterIsAnIoError() {
        filled().close();
        byte[] bytes = file.contents();
        for (int i = 0; i + 1 < bytes.length; i++) {
            if (bytes[i] == 'V' && bytes[i + 1] == 3) {
                bytes[i] = 'W';
            }
        }
        try (Qcow2Image disk =
                Qcow2Image.open(new MemoryImageFile("damaged", bytes, true), null, new OneValue())) {
            ScatterList target = new ScatterList();
            target.add(MemorySegment.ofArray(new byte[CLUSTER]), 0, CLUSTER);

            assertEquals(BlockStatus.IO_ERROR, disk.read(2 * CLUSTER, target));
            assertEquals(BlockStatus.OK, disk.read(3 * CLUSTER, target));
        }
    }
}

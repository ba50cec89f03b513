// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.virtio.block;

import java.util.Arrays;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

import dev.isthmus.block.BlockGeometry;
import dev.isthmus.block.BlockRequest;
import dev.isthmus.testing.block.MemoryBlockBackend;
import dev.isthmus.virtio.VirtioIds;
import dev.isthmus.virtio.transport.MmioRegisters;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

/** What the guest sees before it drives a disk: virtio 1.2, sections 5.2.1 to 5.2.5. */
class VirtioBlkConfigTest {
    private static BlkTestRig rig(int capacityBytes, boolean readOnly, int queues) {
        return new BlkTestRig(
                new MemoryBlockBackend(capacityBytes, readOnly),
                BlockRequest::run,
                new VirtioBlkOptions("", queues, BlkTestRig.QUEUE_SIZE));
    }

    @Test
    void configurationHasTheDisksSizes() {
        BlkTestRig rig = rig(10 * 512 + 100, false, 3);

        assertEquals(VirtioIds.VIRTIO_ID_BLOCK, rig.transport.registers().read(MmioRegisters.VIRTIO_MMIO_DEVICE_ID, 4));
        assertEquals(10, rig.driver.readConfig(0, 4));
        assertEquals(0, rig.driver.readConfig(4, 4));
        assertEquals(0, rig.driver.readConfig(8, 4), "size_max");
        assertEquals(BlkTestRig.QUEUE_SIZE - 2, rig.driver.readConfig(12, 4), "seg_max");
        assertEquals(512, rig.driver.readConfig(20, 4), "blk_size");
        assertEquals(3, rig.driver.readConfig(24, 1), "physical_block_exp");
        assertEquals(0, rig.driver.readConfig(25, 1), "alignment_offset");
        assertEquals(1, rig.driver.readConfig(32, 1), "writeback");
        assertEquals(0, rig.driver.readConfig(33, 1), "unused0");
        assertEquals(3, rig.driver.readConfig(34, 2), "num_queues");
        for (int offset = 36; offset < 60; offset++) {
            assertEquals(0, rig.driver.readConfig(offset, 1), "nothing to discard or zero");
        }
    }

    @Test
    void limitsOfDiscardAndWriteZeroesAreThereWithTheirFeatures() {
        BlkTestRig rig = new BlkTestRig(
                MemoryBlockBackend.withZeroes(1 << 20),
                BlockRequest::run,
                new VirtioBlkOptions("", 1, BlkTestRig.QUEUE_SIZE));

        assertEquals(
                VirtioBlkProtocol.VIRTIO_BLK_F_DISCARD | VirtioBlkProtocol.VIRTIO_BLK_F_WRITE_ZEROES,
                rig.driver.deviceFeatures() ^ rig(1 << 20, false, 1).driver.deviceFeatures());
        assertEquals((1 << 22) - 1, rig.driver.readConfig(36, 4), "max_discard_sectors");
        assertEquals(64, rig.driver.readConfig(40, 4), "max_discard_seg");
        assertEquals(8, rig.driver.readConfig(44, 4), "discard_sector_alignment");
        assertEquals((1 << 22) - 1, rig.driver.readConfig(48, 4), "max_write_zeroes_sectors");
        assertEquals(64, rig.driver.readConfig(52, 4), "max_write_zeroes_seg");
        assertEquals(1, rig.driver.readConfig(56, 1), "write_zeroes_may_unmap");
        assertEquals(0, rig.driver.readConfig(57, 1) | rig.driver.readConfig(58, 1) | rig.driver.readConfig(59, 1));
    }

    @Test
    void diskThatKeepsItsStorageOffersZeroesThatNeverUnmap() {
        // 5.2.6.2: write_zeroes_may_unmap is clear if and only if nothing can be deallocated.
        BlkTestRig rig = new BlkTestRig(
                MemoryBlockBackend.withZeroes(1 << 20),
                BlockRequest::run,
                new VirtioBlkOptions("", 1, BlkTestRig.QUEUE_SIZE).withDiscard(false));

        long features = rig.driver.deviceFeatures();
        assertEquals(0, features & VirtioBlkProtocol.VIRTIO_BLK_F_DISCARD);
        assertNotEquals(0, features & VirtioBlkProtocol.VIRTIO_BLK_F_WRITE_ZEROES);
        assertEquals(0, rig.driver.readConfig(36, 4) | rig.driver.readConfig(40, 4));
        assertEquals(0, rig.driver.readConfig(56, 1));
    }

    @Test
    void topologyIsCountedInLogicalBlocks() {
        BlockGeometry geometry = new BlockGeometry(4096, 16384, 8192, 1 << 20);
        byte[] config = VirtioBlkConfig.build(
                new MemoryBlockBackend(0, false, geometry), VirtioBlkOptions.withSerial(""), 1, true);

        assertEquals(2, config[VirtioBlkConfig.PHYSICAL_BLOCK_EXP]);
        assertEquals(2, config[VirtioBlkConfig.MIN_IO_SIZE]);
        assertArrayEquals(new byte[] {0, 1, 0, 0}, Arrays.copyOfRange(config, 28, 32));
    }

    @Test
    void featuresFollowDiskAndOptions() {
        long plain = rig(512, false, 1).driver.deviceFeatures();
        long readOnly = rig(512, true, 1).driver.deviceFeatures();
        long many = rig(512, false, 2).driver.deviceFeatures();

        assertNotEquals(0, plain & VirtioBlkProtocol.VIRTIO_BLK_F_FLUSH);
        assertEquals(VirtioBlkProtocol.VIRTIO_BLK_F_RO, plain ^ readOnly);
        assertEquals(VirtioBlkProtocol.VIRTIO_BLK_F_MQ, plain ^ many);
    }

    @ParameterizedTest
    @ValueSource(strings = {"123456789012345678901", "umlaut-ä", "tab\t", "nul\0"})
    void unfitSerialsAreRefused(String serial) {
        assertThrows(IllegalArgumentException.class, () -> VirtioBlkOptions.withSerial(serial));
    }

    @Test
    void serialOfTwentyCharactersHasNoNul() {
        byte[] id = VirtioBlkOptions.withSerial("12345678901234567890").idBytes();

        assertEquals(20, id.length);
        assertEquals('0', id[19]);
    }

    @Test
    void unfitQueuesAreRefused() {
        assertThrows(IllegalArgumentException.class, () -> new VirtioBlkOptions("", 0, 16));
        assertThrows(IllegalArgumentException.class, () -> new VirtioBlkOptions("", 65, 16));
        assertThrows(IllegalArgumentException.class, () -> new VirtioBlkOptions("", 1, 2));
        assertThrows(IllegalArgumentException.class, () -> new VirtioBlkOptions("", 1, 48));
        assertThrows(IllegalArgumentException.class, () -> new VirtioBlkOptions("", 1, 65536));
    }

    @Test
    void unfitGeometryIsRefused() {
        assertThrows(IllegalArgumentException.class, () -> new BlockGeometry(256, 4096, 0, 0));
        assertThrows(IllegalArgumentException.class, () -> new BlockGeometry(4096, 512, 0, 0));
        assertThrows(IllegalArgumentException.class, () -> new BlockGeometry(512, 4096, 100, 0));
        assertThrows(IllegalArgumentException.class, () -> new BlockGeometry(512, 4096, 0, -512));
        assertThrows(IllegalArgumentException.class, () -> new BlockGeometry(1536, 4096, 0, 0));
        assertThrows(IllegalArgumentException.class, () -> new BlockGeometry(512, 6144, 0, 0));
        assertThrows(IllegalArgumentException.class, () -> new BlockGeometry(512, 4096, -512, 0));
        assertThrows(IllegalArgumentException.class, () -> new BlockGeometry(512, 4096, 0, 100));
    }
}

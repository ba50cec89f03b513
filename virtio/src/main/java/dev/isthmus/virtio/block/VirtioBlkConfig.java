// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.virtio.block;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;

import dev.isthmus.block.BlockGeometry;

/**
 * Builds {@code struct virtio_blk_config} (virtio 1.2, section 5.2.4).
 *
 * <pre>
 *  +0   le64 capacity            in sectors of 512 bytes
 *  +8   le32 size_max            0: VIRTIO_BLK_F_SIZE_MAX is not offered
 *  +12  le32 seg_max
 *  +16  le16 cylinders, u8 heads, u8 sectors   0: VIRTIO_BLK_F_GEOMETRY is not offered
 *  +20  le32 blk_size
 *  +24  u8   physical_block_exp  logical blocks in a physical one, log2
 *  +25  u8   alignment_offset
 *  +26  le16 min_io_size         in logical blocks
 *  +28  le32 opt_io_size         in logical blocks
 *  +32  u8   writeback
 *  +33  u8   unused0
 *  +34  le16 num_queues
 * </pre>
 */
final class VirtioBlkConfig {
    static final int CAPACITY = 0;
    static final int SEG_MAX = 12;
    static final int BLK_SIZE = 20;
    static final int PHYSICAL_BLOCK_EXP = 24;
    static final int MIN_IO_SIZE = 26;
    static final int OPT_IO_SIZE = 28;
    static final int WRITEBACK = 32;
    static final int NUM_QUEUES = 34;
    static final int LENGTH_BYTES = 36;

    private static final int U16_MAX = 0xffff;

    private VirtioBlkConfig() {}

    /**
     * Builds the configuration space.
     *
     * @param capacityBytes the disk's size; a last part of a sector is out of reach
     * @param geometry the disk's sizes
     * @param queueCount number of queues
     * @param segMax most data segments in a request
     * @param writeback whether completed writes stay volatile until a flush
     */
    static byte[] build(long capacityBytes, BlockGeometry geometry, int queueCount, int segMax, boolean writeback) {
        ByteBuffer config = ByteBuffer.allocate(LENGTH_BYTES).order(ByteOrder.LITTLE_ENDIAN);
        int block = geometry.logicalBlockBytes();
        config.putLong(CAPACITY, capacityBytes / VirtioBlkProtocol.SECTOR_BYTES);
        config.putInt(SEG_MAX, segMax);
        config.putInt(BLK_SIZE, block);
        config.put(PHYSICAL_BLOCK_EXP, (byte) Integer.numberOfTrailingZeros(geometry.physicalBlockBytes() / block));
        config.putShort(MIN_IO_SIZE, (short) Math.min(geometry.minimumIoBytes() / block, U16_MAX));
        config.putInt(OPT_IO_SIZE, geometry.optimalIoBytes() / block);
        config.put(WRITEBACK, (byte) (writeback ? 1 : 0));
        config.putShort(NUM_QUEUES, (short) queueCount);
        return config.array();
    }
}

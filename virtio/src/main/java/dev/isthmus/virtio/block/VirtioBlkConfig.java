// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.virtio.block;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;

import dev.isthmus.block.BlockBackend;
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
 *  +36  le32 max_discard_sectors
 *  +40  le32 max_discard_seg
 *  +44  le32 discard_sector_alignment
 *  +48  le32 max_write_zeroes_sectors
 *  +52  le32 max_write_zeroes_seg
 *  +56  u8   write_zeroes_may_unmap
 *  +57  u8   unused1[3]
 * </pre>
 *
 * <p>What follows in later versions belongs to features that are not offered.
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
    static final int MAX_DISCARD_SECTORS = 36;
    static final int MAX_DISCARD_SEG = 40;
    static final int DISCARD_SECTOR_ALIGNMENT = 44;
    static final int MAX_WRITE_ZEROES_SECTORS = 48;
    static final int MAX_WRITE_ZEROES_SEG = 52;
    static final int WRITE_ZEROES_MAY_UNMAP = 56;
    static final int LENGTH_BYTES = 60;

    /** Most sectors of one segment that is discarded or zeroed: 2 GiB less one, as QEMU has it. */
    static final int SEGMENT_SECTORS_MAX = (1 << 22) - 1;

    /** Most such segments in a request, which bounds what a request takes. */
    static final int SEGMENTS_MAX = 64;

    private static final int U16_MAX = 0xffff;

    private VirtioBlkConfig() {}

    /**
     * Builds the configuration space.
     *
     * @param backend the disk; a last part of a sector is out of reach
     * @param options the device's
     * @param segMax most data segments in a request
     * @param writeback whether completed writes stay volatile until a flush
     */
    static byte[] build(BlockBackend backend, VirtioBlkOptions options, int segMax, boolean writeback) {
        ByteBuffer config = ByteBuffer.allocate(LENGTH_BYTES).order(ByteOrder.LITTLE_ENDIAN);
        BlockGeometry geometry = backend.geometry();
        int block = geometry.logicalBlockBytes();
        config.putLong(CAPACITY, backend.capacityBytes() / VirtioBlkProtocol.SECTOR_BYTES);
        config.putInt(SEG_MAX, segMax);
        config.putInt(BLK_SIZE, block);
        config.put(PHYSICAL_BLOCK_EXP, (byte) Integer.numberOfTrailingZeros(geometry.physicalBlockBytes() / block));
        config.putShort(MIN_IO_SIZE, (short) Math.min(geometry.minimumIoBytes() / block, U16_MAX));
        config.putInt(OPT_IO_SIZE, geometry.optimalIoBytes() / block);
        config.put(WRITEBACK, (byte) (writeback ? 1 : 0));
        config.putShort(NUM_QUEUES, (short) options.queueCount());
        boolean discard = options.discard() && backend.canDiscard();
        if (discard) {
            config.putInt(MAX_DISCARD_SECTORS, SEGMENT_SECTORS_MAX);
            config.putInt(MAX_DISCARD_SEG, SEGMENTS_MAX);
            config.putInt(DISCARD_SECTOR_ALIGNMENT, geometry.physicalBlockBytes() / VirtioBlkProtocol.SECTOR_BYTES);
        }
        if (backend.canWriteZeroes()) {
            config.putInt(MAX_WRITE_ZEROES_SECTORS, SEGMENT_SECTORS_MAX);
            config.putInt(MAX_WRITE_ZEROES_SEG, SEGMENTS_MAX);
            config.put(WRITE_ZEROES_MAY_UNMAP, (byte) (discard ? 1 : 0));
        }
        return config.array();
    }
}

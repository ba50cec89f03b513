// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.virtio.block;

/**
 * Numbers of the block device's protocol (virtio 1.2, section 5.2).
 *
 * <pre>
 *  struct virtio_blk_req (5.2.6)
 *  +0   le32 type       device-readable
 *  +4   le32 reserved
 *  +8   le64 sector     in units of 512 bytes, whatever the block size
 *  +16  u8 data[]       device-readable for OUT, device-writable for IN and GET_ID
 *  end  u8 status       the last device-writable byte
 *
 *  struct virtio_blk_discard_write_zeroes (5.2.6), data of DISCARD and WRITE_ZEROES
 *  +0   le64 sector
 *  +8   le32 num_sectors
 *  +12  le32 flags      bit 0: unmap; the others are reserved
 * </pre>
 */
public final class VirtioBlkProtocol {
    private VirtioBlkProtocol() {}

    // Feature bits (5.2.3), as masks.

    /** {@code size_max} holds the longest segment. */
    public static final long VIRTIO_BLK_F_SIZE_MAX = 1L << 1;
    /** {@code seg_max} holds the most segments in a request. */
    public static final long VIRTIO_BLK_F_SEG_MAX = 1L << 2;
    /** The disk is read-only. */
    public static final long VIRTIO_BLK_F_RO = 1L << 5;
    /** {@code blk_size} holds the block size. */
    public static final long VIRTIO_BLK_F_BLK_SIZE = 1L << 6;
    /** VIRTIO_BLK_T_FLUSH is understood. */
    public static final long VIRTIO_BLK_F_FLUSH = 1L << 9;
    /** {@code topology} is filled in. */
    public static final long VIRTIO_BLK_F_TOPOLOGY = 1L << 10;
    /** {@code writeback} can be read and written. */
    public static final long VIRTIO_BLK_F_CONFIG_WCE = 1L << 11;
    /** {@code num_queues} holds the number of queues. */
    public static final long VIRTIO_BLK_F_MQ = 1L << 12;
    /** VIRTIO_BLK_T_DISCARD is understood. */
    public static final long VIRTIO_BLK_F_DISCARD = 1L << 13;
    /** VIRTIO_BLK_T_WRITE_ZEROES is understood. */
    public static final long VIRTIO_BLK_F_WRITE_ZEROES = 1L << 14;

    // Request types (5.2.6).

    /** Read. */
    public static final int VIRTIO_BLK_T_IN = 0;
    /** Write. */
    public static final int VIRTIO_BLK_T_OUT = 1;
    /** Make completed writes stable. */
    public static final int VIRTIO_BLK_T_FLUSH = 4;
    /** Read the serial. */
    public static final int VIRTIO_BLK_T_GET_ID = 8;
    /** Discard. */
    public static final int VIRTIO_BLK_T_DISCARD = 11;
    /** Write zeroes. */
    public static final int VIRTIO_BLK_T_WRITE_ZEROES = 13;
    /** Discard so that nothing can be recovered; never offered. */
    public static final int VIRTIO_BLK_T_SECURE_ERASE = 14;

    /** Flag of WRITE_ZEROES: storage may be given up. */
    public static final int VIRTIO_BLK_WRITE_ZEROES_FLAG_UNMAP = 1;

    // Status (5.2.6).

    /** Success. */
    public static final int VIRTIO_BLK_S_OK = 0;
    /** Error of device or driver. */
    public static final int VIRTIO_BLK_S_IOERR = 1;
    /** Request not supported. */
    public static final int VIRTIO_BLK_S_UNSUPP = 2;

    /** Size of the header before the data. */
    public static final int HEADER_BYTES = 16;

    /** Size of one segment of a DISCARD or WRITE_ZEROES. */
    public static final int SEGMENT_BYTES = 16;

    /** Unit of {@code capacity} and {@code sector}. */
    public static final int SECTOR_BYTES = 512;

    /** Length of the string that GET_ID reads, NUL-padded (5.2.6). */
    public static final int VIRTIO_BLK_ID_BYTES = 20;
}

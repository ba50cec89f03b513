// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.virtio.block;

import java.nio.charset.StandardCharsets;

import dev.isthmus.virtio.VirtioDevice;
import dev.isthmus.virtio.queue.QueueLayout;

/**
 * Choices for a block device that do not come from its disk.
 *
 * @param serial what the guest sees as serial: printable ASCII, up to 20 characters, may be empty
 * @param queueCount number of request queues, 1 to 64
 * @param queueSizeMax largest Queue Size: a power of 2 from 4 to 32768
 * @param writeback whether writes may stay volatile until a flush where the driver can flush; a driver that knows how
 *     may change it
 * @param discard whether the guest may give storage up, by a discard or for zeroes
 * @param packed whether drivers may choose packed queues
 */
public record VirtioBlkOptions(
        String serial, int queueCount, int queueSizeMax, boolean writeback, boolean discard, boolean packed) {
    /** Descriptors that suffice for an SSD's depth at usual request sizes; QEMU's choice too. */
    public static final int DEFAULT_QUEUE_SIZE = 256;

    /** Header and status take one descriptor each; at least one must be left for data. */
    private static final int QUEUE_SIZE_MIN = 4;

    /** Checks the ranges; the message of a refusal is fit for users. */
    public VirtioBlkOptions {
        if (serial.length() > VirtioBlkProtocol.VIRTIO_BLK_ID_BYTES) {
            throw new IllegalArgumentException("a disk's serial has at most 20 characters");
        }
        for (int i = 0; i < serial.length(); i++) {
            if (serial.charAt(i) < ' ' || serial.charAt(i) > '~') {
                throw new IllegalArgumentException("a disk's serial consists of printable ASCII characters");
            }
        }
        if (queueCount < 1 || queueCount > VirtioDevice.QUEUE_COUNT_LIMIT) {
            throw new IllegalArgumentException("a disk has 1 to 64 queues");
        }
        if (queueSizeMax < QUEUE_SIZE_MIN
                || queueSizeMax > QueueLayout.QUEUE_SIZE_LIMIT
                || Integer.bitCount(queueSizeMax) != 1) {
            throw new IllegalArgumentException("a disk's queue size is a power of 2 from 4 to 32768");
        }
    }

    /** Makes options for a disk with writeback, discard and split queues only. */
    public VirtioBlkOptions(String serial, int queueCount, int queueSizeMax) {
        this(serial, queueCount, queueSizeMax, true, true, false);
    }

    /** Returns the same options with or without {@link #writeback}. */
    public VirtioBlkOptions withWriteback(boolean newWriteback) {
        return new VirtioBlkOptions(serial, queueCount, queueSizeMax, newWriteback, discard, packed);
    }

    /** Returns the same options with or without {@link #discard}. */
    public VirtioBlkOptions withDiscard(boolean newDiscard) {
        return new VirtioBlkOptions(serial, queueCount, queueSizeMax, writeback, newDiscard, packed);
    }

    /** Returns the same options with or without packed queues. */
    public VirtioBlkOptions withPacked(boolean newPacked) {
        return new VirtioBlkOptions(serial, queueCount, queueSizeMax, writeback, discard, newPacked);
    }

    /** Returns one queue of the default size, with a serial. */
    public static VirtioBlkOptions withSerial(String serial) {
        return new VirtioBlkOptions(serial, 1, DEFAULT_QUEUE_SIZE);
    }

    /** Returns the answer to GET_ID: NUL-padded, without a NUL where it is full. */
    byte[] idBytes() {
        byte[] id = new byte[VirtioBlkProtocol.VIRTIO_BLK_ID_BYTES];
        byte[] ascii = serial.getBytes(StandardCharsets.US_ASCII);
        System.arraycopy(ascii, 0, id, 0, ascii.length);
        return id;
    }
}

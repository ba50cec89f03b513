// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.virtio.queue;

/** The ways in which a driver can get a virtqueue wrong. Each makes the whole queue unusable until a reset. */
public enum QueueFault {
    /** Queue Size is 0, above the device's maximum, or, of a split queue, no power of 2 (2.7). */
    QUEUE_SIZE("queue size is 0, above the device's maximum, or of a split queue no power of 2"),
    /** A part of the queue is not aligned as the table in 2.7 or 2.8.10.1 asks. */
    RING_ALIGNMENT("a part of the queue is not aligned"),
    /** A part of the queue is not wholly in RAM. */
    RING_OUTSIDE_RAM("a part of the queue is not in guest RAM"),
    /** The available index is more than Queue Size ahead of what the device took. */
    AVAILABLE_INDEX("available idx is further ahead than the queue is long"),
    /** An entry of the available ring is not below Queue Size. */
    HEAD_INDEX("available ring entry is not below the queue size"),
    /** A descriptor of a packed ring is available while the whole ring is in flight (2.8.16). */
    RING_OVERRUN("a descriptor was made available before it was used"),
    /** A head was made available again before it was used. */
    HEAD_IN_FLIGHT("descriptor chain was made available twice"),
    /** {@code next} points outside the table. */
    NEXT_INDEX("next is outside the descriptor table"),
    /** More descriptors than the device's Queue Size or than are free, or a loop (2.7.5.2, 2.7.5.3.1, 2.8.17). */
    CHAIN_LENGTH("descriptor chain is longer than the queue, or loops"),
    /** More than 2^32 bytes in one chain (2.7.5.2). */
    CHAIN_BYTES("descriptor chain is longer than 2^32 bytes"),
    /** A buffer is not wholly in RAM. */
    BUFFER_OUTSIDE_RAM("buffer is not in guest RAM"),
    /** A device-readable buffer follows a device-writable one (2.7.4.2, 2.8.17). */
    READABLE_AFTER_WRITABLE("device-readable buffer after a device-writable one"),
    /** VIRTQ_DESC_F_INDIRECT without VIRTIO_F_INDIRECT_DESC (2.7.5.3.1, 2.8.19). */
    INDIRECT_NOT_NEGOTIATED("VIRTQ_DESC_F_INDIRECT was not negotiated"),
    /** VIRTQ_DESC_F_INDIRECT within an indirect table (2.7.5.3.1). */
    INDIRECT_NESTED("VIRTQ_DESC_F_INDIRECT within an indirect table"),
    /** VIRTQ_DESC_F_INDIRECT together with VIRTQ_DESC_F_NEXT (2.7.5.3.1, 2.8.19). */
    INDIRECT_WITH_NEXT("VIRTQ_DESC_F_INDIRECT together with VIRTQ_DESC_F_NEXT"),
    /** The length of an indirect table is 0 or no multiple of a descriptor. */
    INDIRECT_LENGTH("indirect table has no whole number of descriptors"),
    /** An indirect table is not wholly in RAM. */
    INDIRECT_OUTSIDE_RAM("indirect table is not in guest RAM");

    private final String description;

    QueueFault(String description) {
        this.description = description;
    }

    /** Returns what is wrong, in words, for a log line. */
    public String description() {
        return description;
    }
}

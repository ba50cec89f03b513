// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.virtio.fs;

/**
 * Numbers of the file system device's protocol (virtio 1.2, section 5.11).
 *
 * <pre>
 *  struct virtio_fs_config (5.11.4)
 *  +0   u8 tag[36]               UTF-8, padded with zeroes, without one where it is full
 *  +36  le32 num_request_queues
 *
 *  queue 0       hiprio
 *  queues 1 …    requests
 * </pre>
 *
 * <p>VIRTIO_FS_F_NOTIFICATION is not offered, so that there is no notification queue.
 */
final class VirtioFsProtocol {
    private VirtioFsProtocol() {}

    /** Size of {@code tag}. */
    static final int TAG_BYTES = 36;

    /** Where {@code num_request_queues} is. */
    static final int NUM_REQUEST_QUEUES = TAG_BYTES;

    /** Size of the configuration space without {@code notify_buf_size}, which belongs to VIRTIO_FS_F_NOTIFICATION. */
    static final int CONFIG_BYTES = TAG_BYTES + Integer.BYTES;
}

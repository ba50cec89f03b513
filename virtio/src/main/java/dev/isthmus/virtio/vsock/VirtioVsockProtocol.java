// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.virtio.vsock;

/** Numbers of the socket device, by the names of virtio 1.2, section 5.10. */
final class VirtioVsockProtocol {
    private VirtioVsockProtocol() {}

    // Queues (5.10.2).
    static final int QUEUE_RX = 0;
    static final int QUEUE_TX = 1;
    static final int QUEUE_EVENT = 2;
    static final int QUEUE_COUNT = 3;

    // Features (5.10.3).
    static final long VIRTIO_VSOCK_F_STREAM = 1L;
    static final long VIRTIO_VSOCK_F_SEQPACKET = 1L << 1;
    static final long VIRTIO_VSOCK_F_NO_IMPLIED_STREAM = 1L << 2;

    /** Size of struct virtio_vsock_config: le64 guest_cid (5.10.4). */
    static final int CONFIG_BYTES = 8;

    /** The well-known CID of the host (5.10.4). */
    static final long VMADDR_CID_HOST = 2;

    /** The lowest CID that is not reserved, and the highest. */
    static final long GUEST_CID_MIN = 3;

    static final long GUEST_CID_MAX = 0xffff_fffeL;

    /** The highest port that can be used: all ones means any. */
    static final long PORT_MAX = 0xffff_fffeL;

    // Operations (5.10.6).
    static final int VIRTIO_VSOCK_OP_INVALID = 0;
    static final int VIRTIO_VSOCK_OP_REQUEST = 1;
    static final int VIRTIO_VSOCK_OP_RESPONSE = 2;
    static final int VIRTIO_VSOCK_OP_RST = 3;
    static final int VIRTIO_VSOCK_OP_SHUTDOWN = 4;
    static final int VIRTIO_VSOCK_OP_RW = 5;
    static final int VIRTIO_VSOCK_OP_CREDIT_UPDATE = 6;
    static final int VIRTIO_VSOCK_OP_CREDIT_REQUEST = 7;

    // Types (5.10.6.2).
    static final int VIRTIO_VSOCK_TYPE_STREAM = 1;

    // Flags of a shutdown (5.10.6.5), which the specification gives as bit numbers.
    static final int VIRTIO_VSOCK_SHUTDOWN_F_RECEIVE = 1;
    static final int VIRTIO_VSOCK_SHUTDOWN_F_SEND = 1 << 1;
    static final int SHUTDOWN_BOTH = VIRTIO_VSOCK_SHUTDOWN_F_RECEIVE | VIRTIO_VSOCK_SHUTDOWN_F_SEND;

    // Events (5.10.6.7).
    static final int VIRTIO_VSOCK_EVENT_TRANSPORT_RESET = 0;

    /** Size of struct virtio_vsock_event: le32 id. */
    static final int EVENT_BYTES = 4;
}

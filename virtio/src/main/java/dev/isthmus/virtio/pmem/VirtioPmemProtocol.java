// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.virtio.pmem;

/**
 * Numbers of the persistent memory device's protocol (virtio 1.2, section 5.19).
 *
 * <pre>
 *  struct virtio_pmem_config (5.19.4)    struct virtio_pmem_req (5.19.6)    struct virtio_pmem_resp (5.19.7.2)
 *  +0   le64 start                       +0   le32 type                     +0   le32 ret
 *  +8   le64 size
 * </pre>
 */
final class VirtioPmemProtocol {
    private VirtioPmemProtocol() {}

    /** Make durable what was written. */
    static final long VIRTIO_PMEM_REQ_TYPE_FLUSH = 0;

    /** {@code ret} for success. */
    static final long RET_OK = 0;

    /** {@code ret} for failure: -1. */
    static final long RET_FAILED = 0xffff_ffffL;

    static final int REQUEST_BYTES = 4;
    static final int RESPONSE_BYTES = 4;
    static final int CONFIG_BYTES = 16;
}

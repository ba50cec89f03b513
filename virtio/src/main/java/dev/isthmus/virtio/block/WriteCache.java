// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.virtio.block;

/**
 * The write cache as the driver sees it: whether a completed write may stay volatile until a flush (virtio 1.2,
 * section 5.2.6.2).
 *
 * <pre>
 *  FLUSH  CONFIG_WCE   writes are stable when they complete
 *  no     no           always: the driver has no other means
 *  yes    no           as the disk is configured
 *  no     yes          until the driver writes 1 to {@code writeback} (5.2.5.2: it starts with 0)
 *  yes    yes          while {@code writeback} is 0, which starts as configured
 * </pre>
 *
 * <p>vCPU threads change it, the loop reads it: a write that is submitted after {@code writeback} was written goes by
 * the new value.
 */
final class WriteCache {
    private final boolean configured;
    private volatile boolean writeback;
    private volatile boolean changeable;

    WriteCache(boolean configured) {
        this.configured = configured;
        this.writeback = configured;
    }

    /** Takes up the features that a driver has chosen. */
    void negotiated(long features) {
        writeback = configured && (features & VirtioBlkProtocol.VIRTIO_BLK_F_FLUSH) != 0;
        changeable = (features & VirtioBlkProtocol.VIRTIO_BLK_F_CONFIG_WCE) != 0;
    }

    /** Handles the driver's write to {@code writeback}; tells whether that changes anything. */
    boolean set(boolean on) {
        if (!changeable) {
            return false;
        }
        boolean changed = writeback != on;
        writeback = on;
        return changed;
    }

    /** Tells whether completed writes may stay volatile. */
    boolean writeback() {
        return writeback;
    }
}

// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.virtio.vsock;

/**
 * Refusals that wait to be sent to the guest, of packets that belong to no connection: the additional resources of
 * virtio 1.2, section 5.10.6.1. While there is no room, the transmit queue waits.
 *
 * <p>Loop thread only; allocates nothing.
 */
final class ResetQueue {
    static final int CAPACITY = 256;

    private final long[] hostCids = new long[CAPACITY];
    private final long[] hostPorts = new long[CAPACITY];
    private final long[] guestPorts = new long[CAPACITY];
    private final int[] types = new int[CAPACITY];
    private int first;
    private int count;

    boolean isEmpty() {
        return count == 0;
    }

    boolean isFull() {
        return count == CAPACITY;
    }

    /** Adds the answer to a packet of the guest's; there is room. */
    void add(PacketHeader refused) {
        int last = (first + count) % CAPACITY;
        hostCids[last] = refused.dstCid();
        hostPorts[last] = refused.dstPort();
        guestPorts[last] = refused.srcPort();
        types[last] = refused.type();
        count++;
    }

    /** Removes the first; there is one. */
    void take(PacketHeader target, long guestCid) {
        target.begin(
                hostCids[first],
                hostPorts[first],
                guestCid,
                guestPorts[first],
                VirtioVsockProtocol.VIRTIO_VSOCK_OP_RST);
        target.setType(types[first]);
        first = (first + 1) % CAPACITY;
        count--;
    }

    void clear() {
        count = 0;
    }
}

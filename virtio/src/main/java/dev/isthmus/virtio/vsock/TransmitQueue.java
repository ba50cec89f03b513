// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.virtio.vsock;

import org.jspecify.annotations.Nullable;

import dev.isthmus.memory.ScatterList;
import dev.isthmus.memory.ScatterView;
import dev.isthmus.virtio.queue.DescriptorChain;
import dev.isthmus.virtio.queue.Malformed;
import dev.isthmus.virtio.queue.PopOutcome;
import dev.isthmus.virtio.queue.Virtqueue;

/**
 * The running transmit queue (virtio 1.2, section 5.10.6.4): hands the driver's packets to the connections, in order, and
 * back at once. It goes on while the receive queue is full, until the refusals that wait for that are too many (5.10.6.1).
 *
 * <p>Loop thread only; allocates nothing once it is warm.
 */
final class TransmitQueue {
    private final Virtqueue queue;
    private final VsockSession session;
    private final Connections connections;
    private final PacketHeader header = new PacketHeader();
    private final ScatterList payload = new ScatterList();
    private boolean broken;

    TransmitQueue(Virtqueue queue, VsockSession session, Connections connections) {
        this.queue = queue;
        this.session = session;
        this.connections = connections;
    }

    /**
     * Takes what the driver has made available, at most one round of the queue.
     *
     * @param polled whether the loop looks by itself, so that the driver need not notify
     * @return whether more may be available, for a later call
     */
    boolean process(boolean polled) {
        int budget = queue.size();
        queue.disableNotifications();
        do {
            boolean more = true;
            while (more && !broken && !waits() && budget > 0) {
                more = take();
                budget--;
            }
        } while (!broken && !waits() && budget > 0 && !polled && queue.enableNotifications());
        if (queue.needsNotification()) {
            session.activation.driver().usedBuffers(VirtioVsockProtocol.QUEUE_TX);
        }
        return !broken && !waits() && budget == 0;
    }

    /** Tells whether nothing is taken until the receive queue goes on. */
    boolean waits() {
        return connections.resets().isFull();
    }

    /** Tells whether {@link #process} would find something. */
    boolean hasAvailable() {
        return !broken && !waits() && queue.hasAvailable();
    }

    void disableNotifications() {
        queue.disableNotifications();
    }

    void takeNoMore() {
        broken = true;
    }

    /** Takes the next packet; tells whether there was one. */
    private boolean take() {
        PopOutcome outcome = queue.pop();
        if (outcome instanceof DescriptorChain chain) {
            if (chain.readable().totalBytes() < PacketHeader.BYTES) {
                fail("packet without a header");
                return false;
            }
            packet(chain.readable());
            queue.push(chain, 0);
            return true;
        }
        if (outcome instanceof Malformed malformed) {
            fail(malformed.reason().description());
        }
        return false;
    }

    private void fail(String reason) {
        broken = true;
        session.activation.driver().needsReset(VirtioVsockProtocol.QUEUE_TX, reason);
    }

    private void packet(ScatterView bytes) {
        header.read(bytes);
        session.statistics.transmitPackets.increment();
        String fault = addressFault();
        if (fault != null) {
            session.faults.report(fault);
            session.statistics.transmitInvalid.increment();
            return;
        }
        long lengthBytes = header.len();
        boolean whole = lengthBytes <= bytes.totalBytes() - PacketHeader.BYTES;
        payload.clear();
        if (whole) {
            payload.addSlice(bytes, PacketHeader.BYTES, lengthBytes);
        }
        connections.packet(header, payload, whole);
    }

    /** Returns what keeps a packet from being answered, or null. */
    private @Nullable String addressFault() {
        if (header.srcCid() != session.guestCid) {
            return "packet from a CID that is not the guest's";
        }
        if (header.srcPort() > VirtioVsockProtocol.PORT_MAX) {
            return "packet from any port";
        }
        return header.dstCid() >>> Integer.SIZE != 0 ? "packet to a reserved CID" : null;
    }
}

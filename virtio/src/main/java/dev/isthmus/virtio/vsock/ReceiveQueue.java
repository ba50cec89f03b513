// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.virtio.vsock;

import dev.isthmus.memory.ScatterList;
import dev.isthmus.virtio.queue.Virtqueue;

/**
 * The running receive queue (virtio 1.2, section 5.10.6.4): sends refusals, then what connections have to say, in turns.
 *
 * <p>Data is read from the host's end straight into the guest's buffers, behind where the headers go: as much at once as
 * the guest has room for, up to a limit. Loop thread only; allocates nothing once it is warm.
 */
final class ReceiveQueue {
    /** What a connection reads in its turn. */
    static final int TURN_BYTES = 64 << 10;

    private final Virtqueue queue;
    private final VsockSession session;
    private final Connections connections;
    private final ReceiveBuffers buffers;
    private final PacketHeader header = new PacketHeader();
    private final ScatterList target = new ScatterList();
    private boolean starved;
    private boolean broken;

    ReceiveQueue(Virtqueue queue, VsockSession session, Connections connections) {
        this.queue = queue;
        this.session = session;
        this.connections = connections;
        this.buffers = new ReceiveBuffers(queue);
    }

    /**
     * Sends what there is to send, at most one round of the queue.
     *
     * @param polled whether the loop looks by itself, so that the driver need not notify
     * @return whether there is more to send, and buffers, for a later call
     */
    boolean process(boolean polled) {
        int budget = queue.size();
        queue.disableNotifications();
        do {
            starved = false;
            while (!broken && !starved && budget > 0 && connections.anythingToSend()) {
                budget -= send(budget);
            }
        } while (!broken && starved && !polled && queue.enableNotifications());
        if (queue.needsNotification()) {
            session.activation.driver().usedBuffers(VirtioVsockProtocol.QUEUE_RX);
        }
        return !broken && !starved && connections.anythingToSend();
    }

    /** Tells whether buffers have come that were missing. */
    boolean buffersCame() {
        return !broken && starved && queue.hasAvailable();
    }

    boolean starved() {
        return starved;
    }

    void disableNotifications() {
        queue.disableNotifications();
    }

    void takeNoMore() {
        broken = true;
    }

    /** Has one say what it has; returns how much of the budget that took. */
    private int send(int budget) {
        buffers.fill(0, 1);
        String fault = buffers.fault();
        if (fault != null) {
            broken = true;
            session.activation.driver().needsReset(VirtioVsockProtocol.QUEUE_RX, fault);
            return 0;
        }
        if (buffers.isEmpty()) {
            starved = true;
            return 0;
        }
        if (!connections.resets().isEmpty()) {
            connections.resets().take(header, session.guestCid);
            return sendControl();
        }
        Flow flow = connections.ready().take();
        if (flow == null || !flow.hasWork()) {
            return 0;
        }
        int used = connections.nextControl(flow, header) ? sendControl() : sendData(flow, budget);
        if (flow.hasWork()) {
            connections.ready().add(flow);
        }
        return used;
    }

    private int sendControl() {
        session.statistics.receivePackets.increment();
        buffers.finish(header, 0);
        buffers.show();
        return 1;
    }

    /** Reads what fits the guest's room, and makes packets of it. */
    private int sendData(Flow flow, int budget) {
        long limitBytes = Math.min(flow.credit.peerFree(), TURN_BYTES);
        buffers.fill(limitBytes, budget);
        if (buffers.firstPayloadBytes() == 0) {
            // A packet of data has data.
            buffers.skip();
            buffers.show();
            return 1;
        }
        buffers.listTo(target, limitBytes);
        int read = flow.host.read(target);
        if (read <= 0) {
            if (read == VsockConnection.WOULD_BLOCK) {
                connections.drained(flow);
            } else {
                connections.hostSentAll(flow, read == VsockConnection.BROKEN);
            }
            // Costs something all the same: a turn of a call to the host.
            return 1;
        }
        if (read < target.totalBytes()) {
            connections.drained(flow);
        }
        return makePackets(flow, read);
    }

    private int makePackets(Flow flow, int lengthBytes) {
        connections.beginData(flow, header);
        session.statistics.receiveBytes.add(lengthBytes);
        flow.credit.sent(lengthBytes);
        int left = lengthBytes;
        int used = 0;
        while (left > 0) {
            int part = (int) Math.min(left, buffers.firstPayloadBytes());
            if (part == 0) {
                buffers.skip();
            } else {
                session.statistics.receivePackets.increment();
                buffers.finish(header, part);
            }
            left -= part;
            used++;
        }
        buffers.show();
        return used;
    }
}

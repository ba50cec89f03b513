// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.virtio.vsock;

import dev.isthmus.virtio.queue.ChainWriter;
import dev.isthmus.virtio.queue.DescriptorChain;
import dev.isthmus.virtio.queue.Malformed;
import dev.isthmus.virtio.queue.PopOutcome;
import dev.isthmus.virtio.queue.Virtqueue;

/** The running event queue (virtio 1.2, section 5.10.6.7). There is one event, which waits for a buffer. Loop thread only. */
final class EventQueue {
    private final Virtqueue queue;
    private final VsockSession session;
    private final ChainWriter writer = new ChainWriter();
    private boolean broken;

    EventQueue(Virtqueue queue, VsockSession session) {
        this.queue = queue;
        this.session = session;
    }

    /**
     * Tells the driver that communication has been interrupted.
     *
     * @return whether there was a buffer for it
     */
    boolean sendTransportReset() {
        queue.disableNotifications();
        PopOutcome outcome = broken ? null : queue.pop();
        if (outcome == null && !broken && queue.enableNotifications()) {
            outcome = queue.pop();
        }
        if (outcome instanceof DescriptorChain chain) {
            return send(chain);
        }
        if (outcome instanceof Malformed malformed) {
            fail(malformed.reason().description());
        }
        return false;
    }

    private boolean send(DescriptorChain chain) {
        writer.reset(chain);
        if (writer.remainingBytes() < VirtioVsockProtocol.EVENT_BYTES) {
            fail("event buffer that is smaller than an event");
            return false;
        }
        writer.writeU32(VirtioVsockProtocol.VIRTIO_VSOCK_EVENT_TRANSPORT_RESET);
        queue.push(chain, writer.writtenBytes());
        if (queue.needsNotification()) {
            session.activation.driver().usedBuffers(VirtioVsockProtocol.QUEUE_EVENT);
        }
        return true;
    }

    private void fail(String reason) {
        broken = true;
        session.activation.driver().needsReset(VirtioVsockProtocol.QUEUE_EVENT, reason);
    }

    void takeNoMore() {
        broken = true;
    }
}

// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.virtio.console;

import dev.isthmus.virtio.queue.ChainWriter;
import dev.isthmus.virtio.queue.DescriptorChain;
import dev.isthmus.virtio.queue.Malformed;
import dev.isthmus.virtio.queue.PopOutcome;
import dev.isthmus.virtio.queue.Virtqueue;

/**
 * The running control receive queue: tells the driver what is due, port by port (virtio 1.2, section 5.3.6.2). A message
 * stays due until there is a buffer for it. Loop thread only; allocates nothing once it is warm.
 */
final class ControlOutput {
    private final Virtqueue queue;
    private final PortLine[] ports;
    private final ConsoleSession session;
    private final ControlMessage message = new ControlMessage();
    private final ChainWriter writer = new ChainWriter();
    private boolean broken;

    /** A message was made, and there was no buffer for it. */
    private boolean waiting;

    /** What the host's ends are told may make more messages due, which the same call sees to. */
    private boolean processing;

    private boolean again;

    ControlOutput(Virtqueue queue, PortLine[] ports, ConsoleSession session) {
        this.queue = queue;
        this.ports = ports;
        this.session = session;
    }

    /** Tells all that is due, as far as there are buffers. */
    void process() {
        again = true;
        if (processing) {
            return;
        }
        processing = true;
        queue.disableNotifications();
        while (again) {
            again = false;
            tellAll();
        }
        processing = false;
        if (queue.needsNotification()) {
            session.activation().driver().usedBuffers(VirtioConsoleProtocol.QUEUE_CONTROL_RECEIVE);
        }
    }

    private void tellAll() {
        int port = 0;
        while (!broken && port < ports.length) {
            if (!waiting && !ports[port].nextMessage(message)) {
                port++;
                continue;
            }
            waiting = !send();
            if (waiting && !queue.enableNotifications()) {
                return;
            }
        }
    }

    private boolean send() {
        PopOutcome outcome = queue.pop();
        if (outcome instanceof DescriptorChain chain) {
            writer.reset(chain);
            if (writer.remainingBytes() < message.lengthBytes()) {
                fail("control buffer that is smaller than a message");
                return false;
            }
            message.write(writer);
            queue.push(chain, writer.writtenBytes());
            session.statistics().controlSent.increment();
            return true;
        }
        if (outcome instanceof Malformed malformed) {
            fail(malformed.reason().description());
        }
        return false;
    }

    private void fail(String reason) {
        broken = true;
        session.activation().driver().needsReset(VirtioConsoleProtocol.QUEUE_CONTROL_RECEIVE, reason);
    }
}

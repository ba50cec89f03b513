// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.virtio.console;

import dev.isthmus.device.BottomHalf;
import dev.isthmus.virtio.queue.ChainReader;
import dev.isthmus.virtio.queue.DescriptorChain;
import dev.isthmus.virtio.queue.Malformed;
import dev.isthmus.virtio.queue.PopOutcome;
import dev.isthmus.virtio.queue.Virtqueue;

/**
 * The running control transmit queue: what the driver says of itself and of ports (virtio 1.2, section 5.3.6.2). What means
 * nothing is ignored and counted. Loop thread only; allocates nothing once it is warm.
 */
final class ControlInput {
    private final Virtqueue queue;
    private final PortLine[] ports;
    private final ConsoleSession session;
    private final BottomHalf more;
    private final ControlMessage message = new ControlMessage();
    private final ChainReader reader = new ChainReader();
    private boolean driverReady;
    private boolean stopped;

    ControlInput(Virtqueue queue, PortLine[] ports, ConsoleSession session, Runnable again) {
        this.queue = queue;
        this.ports = ports;
        this.session = session;
        this.more = session.activation().loop().newBottomHalf(again);
    }

    /** Tells whether the driver wants to be told of ports. */
    boolean driverReady() {
        return driverReady;
    }

    /** Takes what the driver has made available, at most one round of the queue, and goes on later. */
    void process() {
        int budget = queue.size();
        queue.disableNotifications();
        do {
            while (!stopped && budget > 0 && take()) {
                budget--;
            }
        } while (!stopped && budget > 0 && queue.enableNotifications());
        if (queue.needsNotification()) {
            session.activation().driver().usedBuffers(VirtioConsoleProtocol.QUEUE_CONTROL_TRANSMIT);
        }
        if (!stopped && budget == 0) {
            more.schedule();
        }
    }

    private boolean take() {
        PopOutcome outcome = queue.pop();
        if (outcome instanceof DescriptorChain chain) {
            reader.reset(chain);
            // Linux sends just the struct; what follows is of no meaning.
            if (reader.remainingBytes() < VirtioConsoleProtocol.CONTROL_BYTES || !handle()) {
                session.faults().report("control message without a meaning");
                session.statistics().controlInvalid.increment();
            }
            session.statistics().controlReceived.increment();
            queue.push(chain, 0);
            return true;
        }
        if (outcome instanceof Malformed malformed) {
            stop();
            session.activation()
                    .driver()
                    .needsReset(
                            VirtioConsoleProtocol.QUEUE_CONTROL_TRANSMIT,
                            malformed.reason().description());
        }
        return false;
    }

    /** Tells whether the message has a meaning. */
    private boolean handle() {
        message.read(reader);
        boolean yes = message.value() != 0;
        if (message.event() == VirtioConsoleProtocol.VIRTIO_CONSOLE_DEVICE_READY) {
            driverReady = yes;
            return true;
        }
        long id = message.id();
        if (id >= ports.length) {
            return false;
        }
        PortLine port = ports[(int) id];
        return switch (message.event()) {
            case VirtioConsoleProtocol.VIRTIO_CONSOLE_PORT_READY -> port.driverIsReady(yes);
            case VirtioConsoleProtocol.VIRTIO_CONSOLE_PORT_OPEN -> port.driverHasOpened(yes);
            default -> false;
        };
    }

    /** Takes nothing more. */
    void stop() {
        stopped = true;
        more.cancel();
    }
}

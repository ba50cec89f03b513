// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.virtio.vsock;

import org.jspecify.annotations.Nullable;

import dev.isthmus.device.BottomHalf;
import dev.isthmus.device.LoopPoller;
import dev.isthmus.virtio.ActiveDevice;
import dev.isthmus.virtio.queue.Virtqueue;

import static dev.isthmus.virtio.vsock.VirtioVsockProtocol.QUEUE_RX;
import static dev.isthmus.virtio.vsock.VirtioVsockProtocol.QUEUE_TX;

/**
 * A socket device in use: its queues, and what has them go on. Nothing is ever in flight beyond a call: the host's ends
 * touch the guest's memory only while they are called, so that queues stop at once. Loop thread only.
 */
final class ActiveVsock implements ActiveDevice, LoopPoller {
    private final VsockSession session;
    private final Connections connections;
    private final Runnable whenClosed;
    private final BottomHalf moreHalf;
    private @Nullable ReceiveQueue receive;
    private @Nullable TransmitQueue transmit;
    private @Nullable EventQueue events;

    /** The driver is to be told of a transport reset. */
    private boolean resetToTell;

    /** Whether the loop looks by itself, so that drivers need not notify. */
    private boolean polled;

    private boolean broken;
    private boolean closed;

    ActiveVsock(VsockSession session, boolean resetToTell, Runnable whenClosed) {
        this.session = session;
        this.resetToTell = resetToTell;
        this.whenClosed = whenClosed;
        this.connections = new Connections(session, this::receiveGoesOn);
        this.moreHalf = session.activation.loop().newBottomHalf(this::bothGoOn);
        session.backend.start(session.activation.loop());
        session.activation.loop().addPoller(this);
    }

    @Override
    public void startQueue(int queueIndex, Virtqueue queue) {
        switch (queueIndex) {
            case QUEUE_RX -> receive = new ReceiveQueue(queue, session, connections);
            case QUEUE_TX -> transmit = new TransmitQueue(queue, session, connections);
            default -> events = new EventQueue(queue, session);
        }
    }

    @Override
    public void queueNotified(int queueIndex) {
        assert session.activation.loop().inLoop();
        switch (queueIndex) {
            case QUEUE_RX -> receiveGoesOn();
            case QUEUE_TX -> bothGoOn();
            default -> eventGoesOn();
        }
    }

    private boolean usable() {
        return !broken && !closed;
    }

    private void receiveGoesOn() {
        ReceiveQueue receiver = receive;
        if (receiver == null || !usable()) {
            return;
        }
        TransmitQueue sender = transmit;
        boolean waited = sender != null && sender.waits();
        boolean more = receiver.process(polled);
        if (more || (waited && sender != null && !sender.waits())) {
            moreHalf.schedule();
        }
    }

    /** Packets of the guest first: they may bring the credit that others wait for. */
    private void bothGoOn() {
        if (transmit != null && usable() && transmit.process(polled)) {
            moreHalf.schedule();
        }
        receiveGoesOn();
    }

    private void eventGoesOn() {
        if (events != null && usable() && resetToTell) {
            resetToTell = !events.sendTransportReset();
        }
    }

    /** Ends all connections and tells the driver, once there is a buffer for it (5.10.6.7). */
    void transportReset(long guestCid) {
        connections.endAll();
        session.guestCid = guestCid;
        resetToTell = true;
        eventGoesOn();
    }

    /** Tells whether the driver does not know of a transport reset yet. */
    boolean resetToTell() {
        return resetToTell;
    }

    /** Takes a connection that the host wants, or not. */
    boolean incoming(VsockConnection host, long guestPort) {
        return usable() && connections.incoming(host, guestPort);
    }

    /** Returns how many connections there are. */
    int connectionCount() {
        return connections.count();
    }

    /** Returns how much memory holds data that waits. */
    long heldBytes() {
        return connections.heldBytes();
    }

    @Override
    public void takeNoMore() {
        broken = true;
        if (receive != null) {
            receive.takeNoMore();
        }
        if (transmit != null) {
            transmit.takeNoMore();
        }
        if (events != null) {
            events.takeNoMore();
        }
    }

    @Override
    public void stopQueue(int queueIndex, Runnable stopped) {
        assert session.activation.loop().inLoop();
        switch (queueIndex) {
            case QUEUE_RX -> receive = null;
            case QUEUE_TX -> transmit = null;
            default -> events = null;
        }
        stopped.run();
    }

    @Override
    public void close(Runnable whenOver) {
        assert session.activation.loop().inLoop();
        closed = true;
        session.activation.loop().removePoller(this);
        moreHalf.cancel();
        receive = null;
        transmit = null;
        events = null;
        connections.endAll();
        session.backend.stop();
        whenClosed.run();
        whenOver.run();
    }

    // Looking by itself.

    @Override
    public void begin() {
        polled = true;
        if (transmit != null) {
            transmit.disableNotifications();
        }
        if (receive != null) {
            receive.disableNotifications();
        }
    }

    @Override
    public boolean poll() {
        boolean progress = false;
        if (transmit != null && transmit.hasAvailable()) {
            bothGoOn();
            progress = true;
        }
        if (receive != null && receive.buffersCame()) {
            receiveGoesOn();
            progress = true;
        }
        return progress;
    }

    @Override
    public void end() {
        polled = false;
        bothGoOn();
    }
}

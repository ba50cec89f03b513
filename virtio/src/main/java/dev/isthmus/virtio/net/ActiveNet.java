// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.virtio.net;

import org.jspecify.annotations.Nullable;

import dev.isthmus.device.BottomHalf;
import dev.isthmus.device.LoopPoller;
import dev.isthmus.virtio.ActiveDevice;
import dev.isthmus.virtio.queue.Virtqueue;

/**
 * A network device in use: its queues, and what has them go on. Nothing is ever in flight beyond a call: backends touch
 * the guest's memory only while they are called, so that queues stop at once. Loop thread only.
 *
 * <pre>
 *  queue              index
 *  receiveq n         2n
 *  transmitq n        2n + 1
 *  controlq           2N, with N the pairs that the driver may use
 * </pre>
 */
final class ActiveNet implements ActiveDevice, LoopPoller, NetPacing.Waiter {
    private static final int NO_QUEUE = -1;

    private final NetSession session;
    private final ControlQueue.Settings settings;
    private final @Nullable ReceiveQueue[] receiveQueues;
    private final @Nullable TransmitQueue[] transmitQueues;
    private final int controlIndex;
    private @Nullable ControlQueue controlQueue;
    private final BottomHalf moreHalf;
    private final Runnable whenClosed;

    /** Queues that ran out of budget, or may go on: bit n for queue n. */
    private long more;

    /** Whether the loop looks by itself, so that drivers need not notify. */
    private boolean polled;

    private boolean broken;
    private boolean closed;

    /**
     * Takes up work.
     *
     * @param settings what commands change at the device
     * @param linkUp whether packets pass
     * @param whenClosed run when it is over
     */
    ActiveNet(NetSession session, ControlQueue.Settings settings, boolean linkUp, Runnable whenClosed) {
        this.session = session;
        this.settings = settings;
        this.whenClosed = whenClosed;
        this.receiveQueues = new ReceiveQueue[session.queuePairs];
        this.transmitQueues = new TransmitQueue[session.queuePairs];
        this.controlIndex = session.has(VirtioNetProtocol.VIRTIO_NET_F_CTRL_VQ) ? 2 * session.queuePairs : NO_QUEUE;
        this.moreHalf = session.activation.loop().newBottomHalf(this::processMore);
        session.setLinkUp(linkUp);
        session.backend.start(session.activation.loop());
        session.setGuestOffloads(session.guestOffloads());
        session.setActivePairs(1);
        session.pacing.open(session.activation.loop(), this);
        session.activation.loop().addPoller(this);
    }

    @Override
    public void startQueue(int queueIndex, Virtqueue queue) {
        int pair = queueIndex / 2;
        if (queueIndex == controlIndex) {
            controlQueue = new ControlQueue(queueIndex, queue, session, settings);
        } else if (pair >= session.queuePairs) {
            // Of no use with these features.
            return;
        } else if (queueIndex % 2 == 0) {
            receiveQueues[pair] = new ReceiveQueue(queueIndex, queue, session);
        } else {
            transmitQueues[pair] = new TransmitQueue(queueIndex, queue, session);
        }
    }

    @Override
    public void queueNotified(int queueIndex) {
        assert session.activation.loop().inLoop();
        if (broken || closed) {
            return;
        }
        boolean again = false;
        int pair = queueIndex / 2;
        if (queueIndex == controlIndex) {
            ControlQueue control = controlQueue;
            again = control != null && control.process(polled);
        } else if (pair < session.queuePairs && queueIndex % 2 == 0) {
            ReceiveQueue receive = receiveQueues[pair];
            again = receive != null && receive.process(polled);
        } else if (pair < session.queuePairs) {
            TransmitQueue transmit = transmitQueues[pair];
            again = transmit != null && transmit.process(polled);
        }
        if (again) {
            goOn(queueIndex);
        }
    }

    private void goOn(int queueIndex) {
        more |= 1L << queueIndex;
        moreHalf.schedule();
    }

    private void processMore() {
        long bits = more;
        more = 0;
        while (bits != 0) {
            queueNotified(Long.numberOfTrailingZeros(bits));
            bits &= bits - 1;
        }
    }

    @Override
    public void takeNoMore() {
        broken = true;
        for (int i = 0; i < session.queuePairs; i++) {
            ReceiveQueue receive = receiveQueues[i];
            if (receive != null) {
                receive.takeNoMore();
            }
            TransmitQueue transmit = transmitQueues[i];
            if (transmit != null) {
                transmit.takeNoMore();
            }
        }
        if (controlQueue != null) {
            controlQueue.takeNoMore();
        }
    }

    @Override
    public void stopQueue(int queueIndex, Runnable stopped) {
        assert session.activation.loop().inLoop();
        drop(queueIndex);
        stopped.run();
    }

    private void drop(int queueIndex) {
        int pair = queueIndex / 2;
        more &= ~(1L << queueIndex);
        if (queueIndex == controlIndex) {
            controlQueue = null;
        } else if (pair < session.queuePairs && queueIndex % 2 == 0) {
            receiveQueues[pair] = null;
            session.backend.setReceiving(pair, false);
        } else if (pair < session.queuePairs) {
            transmitQueues[pair] = null;
        }
    }

    @Override
    public void close(Runnable whenOver) {
        assert session.activation.loop().inLoop();
        closed = true;
        session.activation.loop().removePoller(this);
        session.pacing.close();
        moreHalf.cancel();
        for (int i = 0; i < session.queuePairs; i++) {
            receiveQueues[i] = null;
            transmitQueues[i] = null;
        }
        controlQueue = null;
        session.backend.stop();
        whenClosed.run();
        whenOver.run();
    }

    // Looking by itself.

    @Override
    public void begin() {
        polled = true;
        for (int i = 0; i < session.queuePairs; i++) {
            TransmitQueue transmit = transmitQueues[i];
            if (transmit != null) {
                transmit.disableNotifications();
            }
            ReceiveQueue receive = receiveQueues[i];
            if (receive != null) {
                receive.disableNotifications();
            }
        }
        if (controlQueue != null) {
            controlQueue.disableNotifications();
        }
    }

    @Override
    public boolean poll() {
        boolean progress = false;
        for (int i = 0; i < session.queuePairs && !broken; i++) {
            TransmitQueue transmit = transmitQueues[i];
            if (transmit != null && transmit.hasAvailable()) {
                queueNotified(2 * i + 1);
                progress = true;
            }
            ReceiveQueue receive = receiveQueues[i];
            if (receive != null && receive.buffersCame()) {
                queueNotified(2 * i);
                progress = true;
            } else if (receive != null && receive.looks()) {
                queueNotified(2 * i);
                progress |= receive.found();
            }
        }
        ControlQueue control = controlQueue;
        if (control != null && control.hasAvailable()) {
            queueNotified(controlIndex);
            progress = true;
        }
        return progress;
    }

    @Override
    public void end() {
        polled = false;
        for (int i = 0; i < session.queuePairs; i++) {
            queueNotified(2 * i + 1);
            ReceiveQueue receive = receiveQueues[i];
            if (receive != null && receive.starved()) {
                queueNotified(2 * i);
            }
        }
        if (controlQueue != null) {
            queueNotified(controlIndex);
        }
    }

    // What happens at the backend, by the clock, and by the device's settings.

    void readable(int pair) {
        if (pair < session.queuePairs && receiveQueues[pair] != null) {
            queueNotified(2 * pair);
        } else {
            session.backend.setReceiving(pair, false);
        }
    }

    void writable(int pair) {
        if (pair < session.queuePairs) {
            queueNotified(2 * pair + 1);
        }
    }

    @Override
    public void receiveMayGoOn() {
        for (int i = 0; i < session.queuePairs; i++) {
            queueNotified(2 * i);
        }
    }

    @Override
    public void transmitMayGoOn() {
        for (int i = 0; i < session.queuePairs; i++) {
            queueNotified(2 * i + 1);
        }
    }

    @Override
    public void heldTooLong() {
        for (int i = 0; i < session.queuePairs; i++) {
            ReceiveQueue receive = receiveQueues[i];
            if (receive != null) {
                receive.dropHeld();
                queueNotified(2 * i);
            }
        }
    }

    void pairsChanged(int pairs) {
        session.setActivePairs(pairs);
        for (int i = 0; i < 2 * pairs; i++) {
            // Not now: this comes from the control queue, whose command is not answered yet.
            goOn(i);
        }
    }

    /** Packets pass from now on, or no more. */
    void setLinkUp(boolean up) {
        session.setLinkUp(up);
        for (int i = 0; i < 2 * session.queuePairs; i++) {
            goOn(i);
        }
    }

    /** Tells whether features were negotiated. */
    boolean has(long features) {
        return session.has(features);
    }

    /** Tells the driver that the configuration space has changed. */
    void configChanged() {
        if (!closed) {
            session.activation.driver().configChanged();
        }
    }
}

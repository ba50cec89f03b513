// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.virtio.vsock;

import org.jspecify.annotations.Nullable;

import static dev.isthmus.virtio.vsock.VirtioVsockProtocol.SHUTDOWN_BOTH;
import static dev.isthmus.virtio.vsock.VirtioVsockProtocol.VIRTIO_VSOCK_SHUTDOWN_F_RECEIVE;
import static dev.isthmus.virtio.vsock.VirtioVsockProtocol.VIRTIO_VSOCK_SHUTDOWN_F_SEND;

/**
 * What a device knows of one connection; {@link Connections} changes it. Loop thread only.
 *
 * <pre>
 *  state      in                                           out
 *  REQUESTED  the host asks                                RESPONSE: OPEN; RST: GONE; timeout, hung up: RESET
 *  OPEN       the guest asks and the host agrees; above    both ends shut down, rules broken, timeout: RESET; RST: GONE,
 *                                                          or LINGERING where data waits
 *  LINGERING  the guest is done, the host has not all      all taken, hung up, timeout: GONE
 *  RESET      above                                        RST is sent: GONE
 *  GONE       above                                        none
 * </pre>
 */
final class Flow {
    enum State {
        REQUESTED,
        OPEN,
        LINGERING,
        RESET,
        GONE
    }

    /** {@link #deadlineNanos} means nothing unless {@link #timed}. */
    long deadlineNanos;

    boolean timed;

    final long guestPort;
    final long hostPort;
    final VsockConnection host;
    final Credit credit;
    final Backlog backlog;
    State state;

    /** SHUTDOWN flags that the guest has sent. */
    int guestShutdown;

    /** SHUTDOWN flags that are true of the host's end: what it does no more. */
    int hostShutdown;

    /** SHUTDOWN flags that the guest was told. */
    int toldShutdown;

    /** A REQUEST or RESPONSE is to be sent; 0 where none is. */
    int openingOp;

    /** The guest has asked for credit. */
    boolean creditAsked;

    /** The guest was asked for credit, and has told of none since. */
    boolean creditRequested;

    /** There may be something to read. */
    boolean readable;

    /** The host's end has hung up, and will not tell of readiness any more. */
    boolean hungUp;

    private boolean watchingRead;
    private boolean watchingWrite;

    /** Place in {@link FlowTable}'s list. */
    int listIndex;

    /** For {@link FlowQueue}. */
    @Nullable Flow nextReady;

    boolean queued;

    Flow(long guestPort, long hostPort, VsockConnection host, State state, BufferPool pool, int bufAlloc) {
        this.guestPort = guestPort;
        this.hostPort = hostPort;
        this.host = host;
        this.state = state;
        this.credit = new Credit(bufAlloc);
        this.backlog = new Backlog(pool, bufAlloc);
    }

    boolean isOpen() {
        return state == State.OPEN;
    }

    boolean guestSends() {
        return (guestShutdown & VIRTIO_VSOCK_SHUTDOWN_F_SEND) == 0;
    }

    boolean guestReceives() {
        return (guestShutdown & VIRTIO_VSOCK_SHUTDOWN_F_RECEIVE) == 0;
    }

    boolean hostSends() {
        return (hostShutdown & VIRTIO_VSOCK_SHUTDOWN_F_SEND) == 0;
    }

    boolean hostReceives() {
        return (hostShutdown & VIRTIO_VSOCK_SHUTDOWN_F_RECEIVE) == 0;
    }

    boolean toldAllShutdown() {
        return toldShutdown == SHUTDOWN_BOTH;
    }

    /** Tells whether data of the host's goes to the guest, as far as there is any. */
    boolean carriesToGuest() {
        return isOpen() && openingOp == 0 && hostSends() && guestReceives();
    }

    /** Tells whether there is anything to send to the guest. */
    boolean hasWork() {
        return switch (state) {
            case RESET -> true;
            case REQUESTED -> openingOp != 0;
            case OPEN ->
                openingOp != 0
                        || hostShutdown != toldShutdown
                        || creditAsked
                        || credit.updateDue()
                        || (readable && carriesToGuest() && (credit.peerFree() > 0 || !creditRequested));
            case LINGERING, GONE -> false;
        };
    }

    void watchRead(boolean on) {
        if (on != watchingRead && !hungUp) {
            watchingRead = on;
            host.watch(watchingRead, watchingWrite);
        }
    }

    void watchWrite(boolean on) {
        if (on != watchingWrite && !hungUp) {
            watchingWrite = on;
            host.watch(watchingRead, watchingWrite);
        }
    }

    void setDeadline(long newDeadlineNanos) {
        deadlineNanos = newDeadlineNanos;
        timed = true;
    }
}

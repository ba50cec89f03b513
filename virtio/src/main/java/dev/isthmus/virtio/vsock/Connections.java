// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.virtio.vsock;

import org.jspecify.annotations.Nullable;

import dev.isthmus.device.LoopTimer;
import dev.isthmus.memory.ScatterList;
import dev.isthmus.memory.ScatterView;

import static dev.isthmus.virtio.vsock.VirtioVsockProtocol.SHUTDOWN_BOTH;
import static dev.isthmus.virtio.vsock.VirtioVsockProtocol.VIRTIO_VSOCK_OP_CREDIT_REQUEST;
import static dev.isthmus.virtio.vsock.VirtioVsockProtocol.VIRTIO_VSOCK_OP_CREDIT_UPDATE;
import static dev.isthmus.virtio.vsock.VirtioVsockProtocol.VIRTIO_VSOCK_OP_REQUEST;
import static dev.isthmus.virtio.vsock.VirtioVsockProtocol.VIRTIO_VSOCK_OP_RESPONSE;
import static dev.isthmus.virtio.vsock.VirtioVsockProtocol.VIRTIO_VSOCK_OP_RST;
import static dev.isthmus.virtio.vsock.VirtioVsockProtocol.VIRTIO_VSOCK_OP_RW;
import static dev.isthmus.virtio.vsock.VirtioVsockProtocol.VIRTIO_VSOCK_OP_SHUTDOWN;
import static dev.isthmus.virtio.vsock.VirtioVsockProtocol.VIRTIO_VSOCK_SHUTDOWN_F_RECEIVE;
import static dev.isthmus.virtio.vsock.VirtioVsockProtocol.VIRTIO_VSOCK_SHUTDOWN_F_SEND;

/**
 * The connections of a device in use: what packets of the guest and events of the host do to them (virtio 1.2, section
 * 5.10.6). What there is to send to the guest as a consequence is queued by connection, for {@link ReceiveQueue}.
 *
 * <p>Data of the guest goes to the host's end at once, straight from the guest's memory. What that does not take waits in
 * the connection's {@link Backlog}, which holds all that the guest was promised room for; a guest that sends more breaks
 * the rules and loses the connection. Loop thread only; a packet of an open connection allocates nothing.
 */
final class Connections {
    /** How long a guest has to answer the host's wish for a connection. */
    static final long REQUEST_TIMEOUT_NANOS = 10_000_000_000L;

    /** How long a guest has to answer a whole shutdown (5.10.6.5); as Linux waits for us. */
    static final long CLOSE_TIMEOUT_NANOS = 8_000_000_000L;

    /** How long the host has to take what a guest has left behind. */
    static final long LINGER_TIMEOUT_NANOS = 60_000_000_000L;

    /** How often deadlines are looked at, while there are any. */
    private static final long TICK_NANOS = 500_000_000L;

    /** Ports of the host's ends from here on are for connections that the host wants; as in Firecracker. */
    private static final long HOST_PORT_FIRST = 1L << 30;

    private static final long HOST_PORT_LAST = (1L << 31) - 1;

    private final VsockSession session;
    private final Runnable packetsForGuest;
    private final FlowTable flows;
    private final BufferPool pool;
    private final FlowQueue ready = new FlowQueue();
    private final ResetQueue resets = new ResetQueue();
    private final ScatterList waiting = new ScatterList();
    private final LoopTimer timer;
    private boolean ticking;
    private long nextHostPort = HOST_PORT_FIRST;

    /**
     * Makes the connections, none yet.
     *
     * @param packetsForGuest run after events of the host, when there may be packets to send to the guest
     */
    Connections(VsockSession session, Runnable packetsForGuest) {
        this.session = session;
        this.packetsForGuest = packetsForGuest;
        this.flows = new FlowTable(session.options.connectionsMax());
        this.pool = new BufferPool(session.options.buffersBytes());
        this.timer = session.activation.loop().newTimer(this::tick);
    }

    FlowQueue ready() {
        return ready;
    }

    ResetQueue resets() {
        return resets;
    }

    /** Returns how many connections there are. */
    int count() {
        return flows.count();
    }

    /** Returns how much memory holds data that waits. */
    long heldBytes() {
        return pool.takenBytes();
    }

    /** Tells whether there is anything to send to the guest. */
    boolean anythingToSend() {
        return !resets.isEmpty() || !ready.isEmpty();
    }

    private void schedule(Flow flow) {
        if (flow.hasWork()) {
            ready.add(flow);
        }
    }

    // Packets of the guest.

    /**
     * Handles a packet that is addressed from the guest; {@link ResetQueue} has room.
     *
     * @param payload its data: as many bytes as the header says
     * @param whole whether there were as many
     */
    void packet(PacketHeader header, ScatterView payload, boolean whole) {
        boolean known = header.type() == VirtioVsockProtocol.VIRTIO_VSOCK_TYPE_STREAM && session.streams();
        if (!known || header.dstCid() != VirtioVsockProtocol.VMADDR_CID_HOST) {
            // Types by 5.10.6.4.2. There is nobody at other CIDs, and the guest need not wait to learn it.
            refuse(header);
            return;
        }
        Flow flow = flows.find(header.srcPort(), header.dstPort());
        if (flow == null) {
            if (header.op() == VIRTIO_VSOCK_OP_REQUEST) {
                request(header);
            } else {
                refuse(header);
            }
            return;
        }
        if (flow.state == Flow.State.RESET) {
            // Its end is on the way to the guest.
            if (header.op() == VIRTIO_VSOCK_OP_RST) {
                end(flow);
            }
            return;
        }
        flow.credit.peerTells(header.bufAlloc(), header.fwdCnt());
        // Not with an answer that there is no room yet: a guest would be asked, and answer, for ever.
        flow.creditRequested &= flow.credit.peerFree() == 0;
        if (!whole) {
            breaksRules(flow, "packet that is shorter than it says");
        } else {
            operation(flow, header, payload);
        }
        schedule(flow);
    }

    private void operation(Flow flow, PacketHeader header, ScatterView payload) {
        int op = header.op();
        if (op == VIRTIO_VSOCK_OP_RST) {
            resetByGuest(flow);
        } else if (flow.isOpen()) {
            switch (op) {
                case VIRTIO_VSOCK_OP_RW -> data(flow, payload);
                case VIRTIO_VSOCK_OP_CREDIT_UPDATE -> {
                    // All that it says was taken note of.
                }
                case VIRTIO_VSOCK_OP_CREDIT_REQUEST -> flow.creditAsked = true;
                case VIRTIO_VSOCK_OP_SHUTDOWN -> shutdownByGuest(flow, header.flags() & SHUTDOWN_BOTH);
                default -> breaksRules(flow, "packet that an open connection does not expect");
            }
        } else if (op == VIRTIO_VSOCK_OP_RESPONSE && flow.openingOp == 0) {
            agreed(flow);
        } else {
            breaksRules(flow, "packet that a connection which is not open does not expect");
        }
    }

    /** Answers a packet that belongs to no connection, unless it is such an answer. */
    private void refuse(PacketHeader header) {
        if (header.op() == VIRTIO_VSOCK_OP_RST) {
            return;
        }
        if (header.op() == VIRTIO_VSOCK_OP_REQUEST) {
            session.statistics.connectionsRefused.increment();
        }
        resets.add(header);
    }

    private void request(PacketHeader header) {
        int bufAlloc = flows.isFull() ? 0 : pool.promise(session.options.bufferBytes());
        if (bufAlloc == 0) {
            session.faults.report("too many connections: the guest's is refused");
            refuse(header);
            return;
        }
        VsockConnection host = session.backend.connect(header.dstPort());
        if (host == null) {
            pool.takeBack(bufAlloc);
            refuse(header);
            return;
        }
        Flow flow = add(header.srcPort(), header.dstPort(), host, Flow.State.OPEN, bufAlloc);
        flow.credit.peerTells(header.bufAlloc(), header.fwdCnt());
        flow.openingOp = VIRTIO_VSOCK_OP_RESPONSE;
        session.statistics.connectionsOut.increment();
        flow.watchRead(true);
        schedule(flow);
    }

    private void agreed(Flow flow) {
        flow.state = Flow.State.OPEN;
        flow.timed = false;
        if (flow.host.opened(flow.hostPort)) {
            session.statistics.connectionsIn.increment();
            flow.watchRead(true);
        } else {
            reset(flow);
        }
    }

    private void data(Flow flow, ScatterView payload) {
        int lengthBytes = (int) payload.totalBytes();
        if (!flow.guestSends()) {
            breaksRules(flow, "data after the end of sending");
            return;
        }
        if (lengthBytes > flow.backlog.room()) {
            breaksRules(flow, "more data than there is room for");
            return;
        }
        session.statistics.transmitBytes.add(lengthBytes);
        int done = 0;
        if (flow.hostReceives() && flow.backlog.isEmpty() && lengthBytes > 0) {
            int written = flow.host.write(payload);
            if (written == VsockConnection.BROKEN) {
                hostTakesNoMore(flow);
            } else {
                done = Math.max(0, written);
            }
        }
        if (!flow.hostReceives()) {
            // Was under way when the guest was told, or will be told.
            done = lengthBytes;
        }
        flow.credit.forwarded(done);
        if (done < lengthBytes) {
            session.statistics.transmitHeldBytes.add(lengthBytes - done);
            flow.backlog.append(payload, done, lengthBytes - done);
            flow.watchWrite(true);
        }
    }

    private void shutdownByGuest(Flow flow, int flags) {
        int before = flow.guestShutdown;
        flow.guestShutdown |= flags;
        int changed = flow.guestShutdown & ~before;
        if ((changed & VIRTIO_VSOCK_SHUTDOWN_F_RECEIVE) != 0) {
            flow.host.endInput();
            flow.watchRead(false);
            flow.readable = false;
        }
        if ((changed & VIRTIO_VSOCK_SHUTDOWN_F_SEND) != 0 && flow.backlog.isEmpty()) {
            flow.host.endOutput();
        }
        endIfDone(flow);
    }

    /** Answers a whole shutdown of the guest's once the host has all of its data (5.10.6.5). */
    private void endIfDone(Flow flow) {
        if (flow.isOpen() && flow.guestShutdown == SHUTDOWN_BOTH && flow.backlog.isEmpty()) {
            reset(flow);
        }
    }

    private void resetByGuest(Flow flow) {
        if (flow.state == Flow.State.REQUESTED) {
            session.statistics.connectionsRefused.increment();
        }
        if (flow.isOpen() && !flow.guestSends() && !flow.backlog.isEmpty()) {
            // It had sent all it wanted to and would not wait any longer. The host gets it all the same.
            flow.state = Flow.State.LINGERING;
            flows.freePorts(flow);
            flow.watchRead(false);
            setDeadline(flow, LINGER_TIMEOUT_NANOS);
        } else {
            end(flow);
        }
    }

    private void breaksRules(Flow flow, String what) {
        session.faults.report(what);
        session.statistics.connectionsInvalid.increment();
        reset(flow);
    }

    // What the host does.

    /** Takes a connection that the host wants, or not. */
    boolean incoming(VsockConnection host, long guestPort) {
        boolean usable = session.streams() && guestPort >= 0 && guestPort <= VirtioVsockProtocol.PORT_MAX;
        int bufAlloc = usable && !flows.isFull() ? pool.promise(session.options.bufferBytes()) : 0;
        if (bufAlloc == 0) {
            session.statistics.connectionsRefused.increment();
            return false;
        }
        // There are many more ports than connections.
        while (flows.find(guestPort, nextHostPort) != null) {
            nextHostPort = portAfter(nextHostPort);
        }
        Flow flow = add(guestPort, nextHostPort, host, Flow.State.REQUESTED, bufAlloc);
        nextHostPort = portAfter(nextHostPort);
        flow.openingOp = VIRTIO_VSOCK_OP_REQUEST;
        setDeadline(flow, REQUEST_TIMEOUT_NANOS);
        schedule(flow);
        packetsForGuest.run();
        return true;
    }

    private static long portAfter(long port) {
        return port == HOST_PORT_LAST ? HOST_PORT_FIRST : port + 1;
    }

    private Flow add(long guestPort, long hostPort, VsockConnection host, Flow.State state, int bufAlloc) {
        Flow flow = new Flow(guestPort, hostPort, host, state, pool, bufAlloc);
        flows.add(flow);
        host.attach(new HostEvents(flow));
        return flow;
    }

    private final class HostEvents implements VsockConnection.Events {
        private final Flow flow;

        HostEvents(Flow flow) {
            this.flow = flow;
        }

        @Override
        public void readable() {
            if (!flow.carriesToGuest() && flow.openingOp == 0) {
                flow.watchRead(false);
                return;
            }
            flow.readable = true;
            schedule(flow);
            packetsForGuest.run();
            if (flow.readable && flow.isOpen()) {
                // For want of buffers, credit or time: it would be told again and again.
                flow.watchRead(false);
            }
        }

        @Override
        public void writable() {
            flush(flow);
            schedule(flow);
            packetsForGuest.run();
        }

        @Override
        public void hungUp() {
            flow.hungUp = true;
            if (flow.state == Flow.State.REQUESTED) {
                reset(flow);
            } else {
                hostTakesNoMore(flow);
                if (flow.isOpen() && flow.hostSends()) {
                    // Its last words come first, if anybody wants them.
                    flow.readable = flow.guestReceives();
                    if (!flow.readable) {
                        flow.hostShutdown |= VIRTIO_VSOCK_SHUTDOWN_F_SEND;
                    }
                }
            }
            schedule(flow);
            packetsForGuest.run();
        }
    }

    /** Writes what waits, as far as it is taken. */
    private void flush(Flow flow) {
        if (!flow.backlog.isEmpty()) {
            flow.backlog.listTo(waiting);
            int written = flow.host.write(waiting);
            if (written == VsockConnection.BROKEN) {
                hostTakesNoMore(flow);
                return;
            }
            if (written > 0) {
                flow.backlog.remove(written);
                flow.credit.forwarded(written);
            }
        }
        if (flow.backlog.isEmpty()) {
            flow.watchWrite(false);
            backlogEnded(flow);
        }
    }

    private void backlogEnded(Flow flow) {
        if (flow.state == Flow.State.LINGERING) {
            end(flow);
            return;
        }
        if (!flow.guestSends() && flow.hostReceives()) {
            flow.host.endOutput();
        }
        endIfDone(flow);
    }

    /** The host takes nothing more: what waits for it is dropped, and the guest is told. */
    private void hostTakesNoMore(Flow flow) {
        flow.hostShutdown |= VIRTIO_VSOCK_SHUTDOWN_F_RECEIVE;
        flow.credit.forwarded(flow.backlog.bytes());
        flow.backlog.clear();
        flow.watchWrite(false);
        backlogEnded(flow);
    }

    // What the receive queue does.

    /** The host's end has nothing to read now. */
    void drained(Flow flow) {
        if (!flow.hungUp) {
            flow.readable = false;
            flow.watchRead(true);
        }
    }

    /** Nothing more comes from the host's end. */
    void hostSentAll(Flow flow, boolean broken) {
        flow.readable = false;
        flow.watchRead(false);
        flow.hostShutdown |= VIRTIO_VSOCK_SHUTDOWN_F_SEND;
        if (broken) {
            hostTakesNoMore(flow);
        }
    }

    /**
     * Prepares the next packet without data that is to be sent to the guest.
     *
     * @return whether there is one
     */
    boolean nextControl(Flow flow, PacketHeader header) {
        int op = controlOp(flow);
        if (op == VirtioVsockProtocol.VIRTIO_VSOCK_OP_INVALID) {
            return false;
        }
        begin(flow, header, op);
        switch (op) {
            case VIRTIO_VSOCK_OP_RST -> end(flow);
            case VIRTIO_VSOCK_OP_SHUTDOWN -> {
                header.setFlags(flow.hostShutdown);
                flow.toldShutdown = flow.hostShutdown;
                if (flow.toldAllShutdown()) {
                    setDeadline(flow, CLOSE_TIMEOUT_NANOS);
                }
            }
            case VIRTIO_VSOCK_OP_CREDIT_UPDATE -> flow.creditAsked = false;
            case VIRTIO_VSOCK_OP_CREDIT_REQUEST -> flow.creditRequested = true;
            default -> flow.openingOp = 0;
        }
        return true;
    }

    private static int controlOp(Flow flow) {
        if (flow.state == Flow.State.RESET) {
            return VIRTIO_VSOCK_OP_RST;
        }
        if (flow.openingOp != 0) {
            return flow.openingOp;
        }
        if (!flow.isOpen()) {
            return VirtioVsockProtocol.VIRTIO_VSOCK_OP_INVALID;
        }
        if (flow.hostShutdown != flow.toldShutdown) {
            return VIRTIO_VSOCK_OP_SHUTDOWN;
        }
        if (flow.creditAsked || flow.credit.updateDue()) {
            return VIRTIO_VSOCK_OP_CREDIT_UPDATE;
        }
        boolean wantsCredit = flow.readable && flow.carriesToGuest() && flow.credit.peerFree() == 0;
        return wantsCredit && !flow.creditRequested
                ? VIRTIO_VSOCK_OP_CREDIT_REQUEST
                : VirtioVsockProtocol.VIRTIO_VSOCK_OP_INVALID;
    }

    /** Prepares the header of a packet of data. */
    void beginData(Flow flow, PacketHeader header) {
        begin(flow, header, VIRTIO_VSOCK_OP_RW);
        // It tells what was asked for.
        flow.creditAsked = false;
    }

    private void begin(Flow flow, PacketHeader header, int op) {
        header.begin(
                VirtioVsockProtocol.VMADDR_CID_HOST, flow.hostPort, session.guestCid, flow.guestPort, op);
        flow.credit.tell(header);
    }

    // Ends.

    /** Ends a connection for the host at once, and for the guest with a RST once there is a buffer. */
    private void reset(Flow flow) {
        release(flow);
        flow.state = Flow.State.RESET;
        flow.timed = false;
        ready.add(flow);
    }

    /** Ends a connection; the guest knows, or does not matter. */
    private void end(Flow flow) {
        if (flow.state != Flow.State.RESET) {
            release(flow);
        }
        flow.state = Flow.State.GONE;
        flow.timed = false;
        flows.remove(flow);
    }

    private void release(Flow flow) {
        flow.host.close();
        flow.backlog.clear();
        pool.takeBack(flow.credit.bufAlloc());
        session.statistics.connectionsEnded.increment();
    }

    /** Ends all connections without a word to the guest. */
    void endAll() {
        while (flows.count() > 0) {
            end(flows.at(flows.count() - 1));
        }
        ready.clear();
        resets.clear();
        timer.cancel();
        ticking = false;
    }

    // Deadlines.

    private void setDeadline(Flow flow, long inNanos) {
        flow.setDeadline(session.activation.loop().nanoTime() + inNanos);
        if (!ticking) {
            arm();
        }
    }

    private void arm() {
        ticking = true;
        timer.arm(session.activation.loop().nanoTime() + TICK_NANOS);
    }

    private void tick() {
        long now = session.activation.loop().nanoTime();
        boolean more = false;
        // From the end, because what ends is replaced by the last one.
        for (int i = flows.count() - 1; i >= 0; i--) {
            Flow flow = flows.at(i);
            if (flow.timed && now - flow.deadlineNanos >= 0) {
                timedOut(flow);
            }
            more |= flow.timed;
        }
        ticking = false;
        if (more) {
            arm();
        }
        packetsForGuest.run();
    }

    private void timedOut(Flow flow) {
        session.statistics.connectionsTimedOut.increment();
        if (flow.state == Flow.State.LINGERING) {
            end(flow);
        } else {
            reset(flow);
        }
    }

    /** Returns a connection, for tests. */
    @Nullable Flow find(long guestPort, long hostPort) {
        return flows.find(guestPort, hostPort);
    }
}

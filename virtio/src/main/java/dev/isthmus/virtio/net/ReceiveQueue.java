// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.virtio.net;

import java.lang.foreign.MemorySegment;

import dev.isthmus.memory.ScatterList;
import dev.isthmus.virtio.queue.Virtqueue;

/**
 * A running receive queue (virtio 1.2, sections 5.1.6.3 and 5.1.6.4): has the backend write packets straight into the
 * driver's buffers.
 *
 * <pre>
 *  given to the backend:   [ buffer | buffer | … ][ spare: the largest packet ]
 *                            the window             host memory
 * </pre>
 *
 * <p>How long a packet is shows when it has been received. The window has room for a usual frame at first and, once a
 * packet was larger, for the largest, until packets have been small for a while; a small one uses up one buffer, and the
 * others stay for the next. What does not fit into the window lands in the spare memory, for which buffers are taken
 * then. Where the driver has none just now, the packet is held for a moment; otherwise it is dropped and counted.
 *
 * <pre>
 *  state      in                                       out
 *  receiving  buffers, link and rate allow it          as below
 *  starved    no buffers                               notification
 *  holding    a packet is larger than the buffers      notification, {@value #HOLD_NANOS} ns
 *  limited    over the rate                            timer
 * </pre>
 *
 * <p>Loop thread only; allocates nothing once it is warm.
 */
final class ReceiveQueue {
    /** A frame of the usual MTU, with its header. */
    private static final int SMALL_BYTES = 2048;

    /** Small packets in a row after which the window is made for small ones again. */
    private static final int SMALL_RUN = 256;

    /**
     * How often in a row the device looks for packets by itself without finding any, before it waits to be told of one: a
     * look is a system call to some backends.
     */
    static final int VAIN_LOOKS_MAX = 256;

    /** How long a packet waits for buffers: some turns of a driver that is about to refill its queue. */
    static final long HOLD_NANOS = 5_000_000;

    /** Flags of drivers that take partial checksums. */
    private static final int FLAGS_OF_CSUM =
            VirtioNetProtocol.VIRTIO_NET_HDR_F_NEEDS_CSUM | VirtioNetProtocol.VIRTIO_NET_HDR_F_DATA_VALID;

    private final int index;
    private final int pair;
    private final Virtqueue queue;
    private final NetSession session;
    private final ReceiveWindow window;
    private final PacketHead head = new PacketHead();
    private final ScatterList target = new ScatterList();
    private final MemorySegment spare;

    /** Bytes of the window in {@link #target}; the spare memory is behind them. */
    private long roomBytes;

    private long windowBytesWanted = SMALL_BYTES;
    private int smallRun;

    /** Size of the packet that is held; 0 where none is. */
    private int heldBytes;

    /** Waits for buffers. */
    private boolean starved;

    private boolean receiving = true;

    /** Rounds in a row that found no packet. */
    private int vainLooks;

    private boolean broken;

    ReceiveQueue(int index, Virtqueue queue, NetSession session) {
        this.index = index;
        this.pair = index / 2;
        this.queue = queue;
        this.session = session;
        this.spare = session.memory.spare(pair);
        this.window = new ReceiveWindow(queue, session.has(VirtioNetProtocol.VIRTIO_NET_F_MRG_RXBUF));
        session.backend.setReceiving(pair, true);
    }

    /**
     * Receives what the backend has, at most as many packets as the queue has descriptors.
     *
     * @param polled whether the loop looks by itself, so that the driver need not notify
     * @return whether there may be more, for a later call
     */
    boolean process(boolean polled) {
        int budget = queue.size();
        queue.disableNotifications();
        starved = false;
        vainLooks = Math.min(vainLooks + 1, VAIN_LOOKS_MAX);
        boolean more = true;
        while (more && !broken && budget > 0) {
            budget--;
            more = step(polled);
        }
        if (queue.needsNotification()) {
            session.activation.driver().usedBuffers(index);
        }
        return more && !broken;
    }

    /** Does one packet, or finds out why it can't; tells whether to go on. */
    private boolean step(boolean polled) {
        if (!session.linkUp() || pair >= session.activePairs()) {
            return discard();
        }
        if (heldBytes != 0) {
            return deliverHeld() || starve(polled);
        }
        if (!session.pacing.receive.admits()) {
            session.statistics.receiveThrottled.increment();
            setReceiving(false);
            return false;
        }
        if (!window.fill(windowBytesWanted)) {
            fail(window.fault());
            return false;
        }
        if (window.isEmpty()) {
            return starve(polled);
        }
        target.clear();
        roomBytes = window.addTo(target);
        target.add(spare, 0, spare.byteSize());
        int packetBytes = session.backend.receive(pair, target);
        if (packetBytes == NetBackend.NOTHING) {
            setReceiving(true);
            return false;
        }
        vainLooks = 0;
        return accept(packetBytes) || starve(polled);
    }

    /** Receives a packet for nobody, so that none is delivered when the link is up again. */
    private boolean discard() {
        heldBytes = 0;
        target.clear();
        target.add(spare, 0, spare.byteSize());
        boolean any = session.backend.receive(pair, target) != NetBackend.NOTHING;
        if (any) {
            session.statistics.receiveLinkDown.increment();
        } else {
            setReceiving(true);
        }
        return any;
    }

    /** Waits for buffers; tells whether there are some already. */
    private boolean starve(boolean polled) {
        starved = true;
        setReceiving(false);
        boolean came = polled ? queue.hasAvailable() : queue.enableNotifications();
        if (came) {
            queue.disableNotifications();
            starved = false;
        }
        return came;
    }

    private void setReceiving(boolean on) {
        if (receiving != on) {
            receiving = on;
            session.backend.setReceiving(pair, on);
        }
    }

    /** Checks a packet and hands it to the driver; tells whether it is done with, and not held. */
    private boolean accept(int packetBytes) {
        NetStatistics statistics = session.statistics;
        if (packetBytes < PacketHead.BYTES_MIN || packetBytes > VirtioNetProtocol.PACKET_BYTES_MAX) {
            statistics.receiveInvalid.increment();
            return true;
        }
        head.read(target, packetBytes);
        if (!session.filter.accepts(head)) {
            statistics.receiveFiltered.increment();
            return true;
        }
        if (session.exceedsMtu(head, packetBytes - VirtioNetProtocol.HEADER_BYTES) || !completeHeader(packetBytes)) {
            statistics.receiveInvalid.increment();
            return true;
        }
        heldBytes = packetBytes;
        if (deliverHeld()) {
            return true;
        }
        if (!window.mergeable()) {
            dropHeld();
            return true;
        }
        session.pacing.armHold(HOLD_NANOS);
        return false;
    }

    /** Makes the header what the driver may get (5.1.6.4.1); tells whether that is possible. */
    private boolean completeHeader(int packetBytes) {
        if (!HeaderCheck.receivable(head, session.guestOffloads())) {
            return false;
        }
        if (head.flags() == 0) {
            return true;
        }
        if ((session.guestOffloads() & VirtioNetProtocol.VIRTIO_NET_F_GUEST_CSUM) != 0) {
            // What else there may be was not negotiated.
            target.setByte(PacketHead.FLAGS, (byte) (head.flags() & FLAGS_OF_CSUM));
            return true;
        }
        boolean partial = (head.flags() & VirtioNetProtocol.VIRTIO_NET_HDR_F_NEEDS_CSUM) != 0;
        for (int i = 0; i < PacketHead.NUM_BUFFERS; i++) {
            target.setByte(i, (byte) 0);
        }
        return !partial || PartialChecksum.complete(target, packetBytes, head.csumStart(), head.csumOffset());
    }

    /** Hands the packet that is held to the driver, if there are buffers enough. */
    private boolean deliverHeld() {
        int packetBytes = heldBytes;
        if (!window.fill(packetBytes)) {
            fail(window.fault());
            return true;
        }
        if (window.bytes() < packetBytes) {
            return false;
        }
        heldBytes = 0;
        if (packetBytes > roomBytes) {
            window.copyIn(spare, roomBytes, packetBytes - roomBytes);
        }
        window.deliver(packetBytes);
        adapt(packetBytes);
        int frameBytes = packetBytes - VirtioNetProtocol.HEADER_BYTES;
        session.statistics.receivePackets.increment();
        session.statistics.receiveBytes.add(frameBytes);
        session.pacing.receive.account(frameBytes);
        return true;
    }

    private void adapt(int packetBytes) {
        if (packetBytes > SMALL_BYTES) {
            windowBytesWanted = VirtioNetProtocol.PACKET_BYTES_MAX;
            smallRun = 0;
        } else if (++smallRun == SMALL_RUN) {
            windowBytesWanted = SMALL_BYTES;
            smallRun = 0;
        }
    }

    /** Gives up a packet that has been held long enough; what comes next may fit. */
    void dropHeld() {
        if (heldBytes != 0) {
            heldBytes = 0;
            session.statistics.receiveNoRoom.increment();
        }
    }

    private void fail(String reason) {
        takeNoMore();
        session.activation.driver().needsReset(index, reason);
    }

    /** Tells whether {@link #process} would find buffers that it waits for. */
    boolean buffersCame() {
        return !broken && starved && queue.hasAvailable();
    }

    /**
     * Tells whether {@link #process} may find a packet that nobody has told of: the loop, while it looks for work by itself,
     * does not hear of descriptors.
     */
    boolean looks() {
        return !broken && receiving && vainLooks < VAIN_LOOKS_MAX && pair < session.activePairs();
    }

    /** Tells whether the last {@link #process} found a packet. */
    boolean found() {
        return vainLooks == 0;
    }

    /** Tells whether it waits for buffers. */
    boolean starved() {
        return starved;
    }

    void disableNotifications() {
        queue.disableNotifications();
    }

    void takeNoMore() {
        broken = true;
        heldBytes = 0;
        setReceiving(false);
    }
}

// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.virtio.net;

import java.lang.foreign.MemorySegment;

import org.jspecify.annotations.Nullable;

import dev.isthmus.memory.ScatterList;
import dev.isthmus.memory.ScatterView;
import dev.isthmus.virtio.queue.DescriptorChain;
import dev.isthmus.virtio.queue.Malformed;
import dev.isthmus.virtio.queue.PopOutcome;
import dev.isthmus.virtio.queue.Virtqueue;

/**
 * A running transmit queue (virtio 1.2, section 5.1.6.2): gives the driver's packets to the backend, in order.
 *
 * <pre>
 *  driver → pop → check ──(sound)──→ pending ──(link up, within the rate)──→ backend ──(taken)──→ push → driver
 *                   │                   ↑                                       │
 *                   │                   └──── writable, timer ←────(full)───────┘
 *                   └──(against the rules: dropped, counted)──────────────────────────────────→ push → driver
 * </pre>
 *
 * <p>The frame goes from the guest's memory to the backend as it is. The header is copied first, so that the backend sees
 * the one that was checked. Loop thread only; allocates nothing once it is warm.
 */
final class TransmitQueue {
    private final int index;
    private final int pair;
    private final Virtqueue queue;
    private final NetSession session;
    private final PacketHead head = new PacketHead();
    private final MemorySegment header;
    private final ScatterList packet = new ScatterList();

    /** The packet that is next to go, in {@link #packet}; null where there is none. */
    private @Nullable DescriptorChain pending;

    private boolean broken;

    TransmitQueue(int index, Virtqueue queue, NetSession session) {
        this.index = index;
        this.pair = index / 2;
        this.queue = queue;
        this.session = session;
        this.header = session.memory.header(pair);
    }

    /**
     * Sends what the driver has made available, at most one round of the queue.
     *
     * @param polled whether the loop looks by itself, so that the driver need not notify
     * @return whether more may be available, for a later call
     */
    boolean process(boolean polled) {
        if (pair >= session.activePairs()) {
            // 5.1.6.5.5.1: the driver must not use it; what it left there goes when it may.
            return false;
        }
        int budget = queue.size();
        boolean waits = false;
        queue.disableNotifications();
        do {
            boolean more = true;
            while (more && !waits && !broken && budget > 0) {
                if (pending == null) {
                    more = take();
                    budget--;
                }
                waits = pending != null && !pass();
            }
        } while (!broken && !waits && budget > 0 && !polled && queue.enableNotifications());
        if (queue.needsNotification()) {
            session.activation.driver().usedBuffers(index);
        }
        return !broken && !waits && budget == 0;
    }

    /** Tells whether {@link #process} would find something that it does not know of. */
    boolean hasAvailable() {
        return !broken && pending == null && pair < session.activePairs() && queue.hasAvailable();
    }

    void disableNotifications() {
        queue.disableNotifications();
    }

    void takeNoMore() {
        broken = true;
        pending = null;
    }

    /** Takes the next packet, which is {@link #pending} then unless it is dropped; tells whether there was one. */
    private boolean take() {
        PopOutcome outcome = queue.pop();
        if (outcome instanceof DescriptorChain chain) {
            String fault = prepare(chain.readable());
            if (fault == null) {
                pending = chain;
            } else if (!broken) {
                session.faults.report(fault);
                session.statistics.transmitInvalid.increment();
                queue.push(chain, 0);
            }
            return true;
        }
        if (outcome instanceof Malformed malformed) {
            fail(malformed.reason().description());
        }
        return false;
    }

    private void fail(String reason) {
        takeNoMore();
        session.activation.driver().needsReset(index, reason);
    }

    /** Checks a packet and lays it out for the backend; returns null, or what is wrong. */
    private @Nullable String prepare(ScatterView readable) {
        long packetBytes = readable.totalBytes();
        if (packetBytes < VirtioNetProtocol.HEADER_BYTES) {
            fail("packet without a header");
            return "";
        }
        if (packetBytes < PacketHead.BYTES_MIN) {
            return "packet that is shorter than an Ethernet header";
        }
        if (packetBytes > VirtioNetProtocol.PACKET_BYTES_MAX) {
            return "packet that is too long";
        }
        head.read(readable, packetBytes);
        long frameBytes = packetBytes - VirtioNetProtocol.HEADER_BYTES;
        String fault = HeaderCheck.transmitted(head, session.activation.features(), frameBytes);
        if (fault != null) {
            return fault;
        }
        head.writeHeader(header);
        packet.clear();
        packet.add(header, 0, VirtioNetProtocol.HEADER_BYTES);
        packet.addSlice(readable, VirtioNetProtocol.HEADER_BYTES, frameBytes);
        return packet.count() > NetBackend.ELEMENTS_MAX ? "packet of too many pieces" : null;
    }

    /** Sends the pending packet or drops it; tells whether it is gone. */
    private boolean pass() {
        NetStatistics statistics = session.statistics;
        if (!session.linkUp()) {
            statistics.transmitLinkDown.increment();
            end();
            return true;
        }
        if (!session.pacing.transmit.admits()) {
            statistics.transmitThrottled.increment();
            return false;
        }
        SendOutcome outcome = session.backend.send(pair, packet);
        switch (outcome) {
            case TAKEN -> {
                long frameBytes = packet.totalBytes() - VirtioNetProtocol.HEADER_BYTES;
                statistics.transmitPackets.increment();
                statistics.transmitBytes.add(frameBytes);
                session.pacing.transmit.account(frameBytes);
            }
            case FULL -> {
                statistics.transmitFull.increment();
                return false;
            }
            case REFUSED -> statistics.transmitRefused.increment();
            case GONE -> statistics.transmitLinkDown.increment();
        }
        end();
        return true;
    }

    private void end() {
        DescriptorChain chain = pending;
        pending = null;
        if (chain != null) {
            queue.push(chain, 0);
        }
    }
}

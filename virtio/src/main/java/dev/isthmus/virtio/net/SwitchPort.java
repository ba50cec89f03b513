// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.virtio.net;

import java.util.Objects;

import org.jspecify.annotations.Nullable;

import dev.isthmus.device.BottomHalf;
import dev.isthmus.device.EventLoop;
import dev.isthmus.memory.ScatterView;
import dev.isthmus.virtio.Counter;
import dev.isthmus.virtio.Statistics;
import dev.isthmus.virtio.StatisticsSink;

/**
 * A port of a {@link VirtualSwitch}: the backend of one network device. Has one queue pair and all
 * offloads: a packet to be segmented passes as it is to a guest that takes such, and is cut up for one that does not.
 *
 * <p>Frames come to it from the loops of other ports; all else is by the contract of {@link NetBackend}.
 */
public final class SwitchPort implements NetBackend, Statistics {
    /** Room for frames on their way to this port: some large ones, or several hundred of the usual size. */
    private static final int RING_BYTES = 1 << 20;

    /** Addresses that no switch passes on: 01-80-c2-00-00-00 to -0f (IEEE 802.1Q, table 8-1). */
    private static final long RESERVED = 0x0180_c200_0000L;

    private static final long RESERVED_MASK = ~0xfL;

    private final VirtualSwitch network;
    private final int number;
    private final boolean isolated;
    private final FrameRing ring = new FrameRing(RING_BYTES);
    private final PacketHead head = new PacketHead();
    private final Segmenter segmenter = new Segmenter();
    private final Counter forwarded = new Counter();
    private final Counter flooded = new Counter();
    private final Counter dropped = new Counter();
    private final Counter filtered = new Counter();
    private @Nullable Listener listener;
    private @Nullable EventLoop loop;
    private boolean receiving;

    /** Has the loop look at the ring; null while no driver runs, when frames are dropped. Read by other ports' loops. */
    private volatile @Nullable BottomHalf arrivals;

    /** What this port's guest takes. Read by other ports' loops. */
    private volatile long guestOffloads;

    private volatile boolean closed;

    SwitchPort(VirtualSwitch network, int number, boolean isolated) {
        this.network = network;
        this.number = number;
        this.isolated = isolated;
    }

    @Override
    public int queuePairs() {
        return 1;
    }

    @Override
    public long offloads() {
        return VirtioNetProtocol.HOST_OFFLOADS | VirtioNetProtocol.GUEST_OFFLOADS;
    }

    @Override
    public boolean linkUp() {
        return !closed;
    }

    @Override
    public void attach(Listener newListener) {
        listener = newListener;
    }

    @Override
    public void start(EventLoop newLoop) {
        // What a sender was about to add when the last driver went.
        ring.clear();
        guestOffloads = 0;
        loop = newLoop;
        receiving = true;
        arrivals = newLoop.newBottomHalf(this::arrived);
    }

    @Override
    public void stop() {
        BottomHalf half = arrivals;
        arrivals = null;
        if (half != null) {
            half.cancel();
        }
        ring.clear();
    }

    private void arrived() {
        if (receiving && arrivals != null) {
            Objects.requireNonNull(listener).readable(0);
        }
    }

    @Override
    public void setGuestOffloads(long offloads) {
        guestOffloads = offloads;
    }

    @Override
    public void setActivePairs(int pairs) {
        // There is one.
    }

    @Override
    public void setReceiving(int pair, boolean on) {
        receiving = on;
    }

    @Override
    public int receive(int pair, ScatterView target) {
        return ring.poll(target);
    }

    @Override
    public SendOutcome send(int pair, ScatterView packet) {
        if (closed) {
            return SendOutcome.GONE;
        }
        head.read(packet, packet.totalBytes());
        long destination = head.destination();
        long source = head.source();
        if (MacAddress.isMulticast(source) || (destination & RESERVED_MASK) == RESERVED) {
            filtered.increment();
            return SendOutcome.TAKEN;
        }
        long now = Objects.requireNonNull(loop).nanoTime();
        network.table().learn(source, number, now);
        int known = MacAddress.isMulticast(destination)
                ? ForwardingTable.NONE
                : network.table().find(destination, now);
        @Nullable SwitchPort[] ports = network.ports();
        SwitchPort target = known != ForwardingTable.NONE && known < ports.length ? ports[known] : null;
        if (target == this) {
            // Whom it is for has it already, on the guest's side.
            filtered.increment();
        } else if (target != null) {
            forwarded.increment();
            deliver(target, packet);
        } else {
            flooded.increment();
            for (SwitchPort port : ports) {
                if (port != null && port != this) {
                    deliver(port, packet);
                }
            }
        }
        return SendOutcome.TAKEN;
    }

    private void deliver(SwitchPort target, ScatterView packet) {
        if (isolated && target.isolated) {
            filtered.increment();
            return;
        }
        BottomHalf half = target.arrivals;
        if (half == null) {
            dropped.increment();
        } else if (HeaderCheck.receivable(head, target.guestOffloads)) {
            add(packet, target.ring);
            half.schedule();
        } else {
            addSegments(packet, target.ring);
            half.schedule();
        }
    }

    private boolean add(ScatterView packet, FrameRing targetRing) {
        boolean room = targetRing.offer(packet);
        if (!room) {
            dropped.increment();
        }
        return room;
    }

    private void addSegments(ScatterView packet, FrameRing targetRing) {
        int segments = segmenter.begin(packet, head);
        if (segments == 0) {
            filtered.increment();
        }
        boolean room = true;
        for (int i = 0; i < segments && room; i++) {
            // Where one finds no room, the others would follow a gap.
            room = add(segmenter.segment(i), targetRing);
        }
    }

    /** Takes the port out of its switch: its link goes down for good. Loop thread, or where no device was ever attached. */
    public void close() {
        if (closed) {
            return;
        }
        closed = true;
        network.remove(number);
        if (listener != null) {
            listener.linkChanged();
        }
    }

    /** Reports frames that came from this port's guest. */
    @Override
    public void report(StatisticsSink sink) {
        sink.counter("switch_forwarded", forwarded.get());
        sink.counter("switch_flooded", flooded.get());
        sink.counter("switch_dropped", dropped.get());
        sink.counter("switch_filtered", filtered.get());
    }
}

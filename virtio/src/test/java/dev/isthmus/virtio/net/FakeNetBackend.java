// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.virtio.net;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Deque;
import java.util.List;
import java.util.Objects;

import org.jspecify.annotations.Nullable;

import dev.isthmus.device.EventLoop;
import dev.isthmus.memory.ScatterView;
import dev.isthmus.memory.Scatters;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

/** A network in the hands of a test, which sees to it that the device keeps the contract. */
final class FakeNetBackend implements NetBackend {
    private final int pairs;
    private final long offloads;
    private final List<Deque<byte[]>> waiting = new ArrayList<>();

    /** What was sent, header and frame, with the pair. */
    final List<byte[]> sent = new ArrayList<>();

    final List<Integer> sentPairs = new ArrayList<>();
    private @Nullable Listener listener;
    private final boolean[] receiving;
    SendOutcome answer = SendOutcome.TAKEN;
    boolean linkUp = true;
    boolean started;
    int starts;
    int receives;
    long guestOffloads;
    int activePairs;

    FakeNetBackend(int pairs, long offloads) {
        this.pairs = pairs;
        this.offloads = offloads;
        this.receiving = new boolean[pairs];
        for (int i = 0; i < pairs; i++) {
            waiting.add(new ArrayDeque<>());
        }
    }

    private Listener listener() {
        return Objects.requireNonNull(listener);
    }

    /** Has packets come that the device is not told of yet. */
    void arriveSilently(int pair, byte[]... packets) {
        waiting.get(pair).addAll(Arrays.asList(packets));
    }

    /** Has packets come, and tells the device if it wants to know. */
    void arrive(int pair, byte[]... packets) {
        arriveSilently(pair, packets);
        if (started && receiving[pair]) {
            listener().readable(pair);
        }
    }

    int waiting(int pair) {
        return waiting.get(pair).size();
    }

    boolean receiving(int pair) {
        return receiving[pair];
    }

    void tellWritable(int pair) {
        listener().writable(pair);
    }

    void setLink(boolean up) {
        linkUp = up;
        listener().linkChanged();
    }

    @Override
    public int queuePairs() {
        return pairs;
    }

    @Override
    public long offloads() {
        return offloads;
    }

    @Override
    public boolean linkUp() {
        return linkUp;
    }

    @Override
    public void attach(Listener newListener) {
        assertTrue(listener == null);
        listener = newListener;
    }

    @Override
    public void start(EventLoop loop) {
        assertFalse(started);
        started = true;
        starts++;
        guestOffloads = 0;
        activePairs = 1;
        Arrays.fill(receiving, true);
    }

    @Override
    public void stop() {
        assertTrue(started);
        started = false;
    }

    @Override
    public void setGuestOffloads(long newOffloads) {
        assertTrue(started);
        assertEquals(0, newOffloads & ~(offloads & VirtioNetProtocol.GUEST_OFFLOADS));
        guestOffloads = newOffloads;
    }

    @Override
    public void setActivePairs(int newPairs) {
        assertTrue(started && newPairs >= 1 && newPairs <= pairs);
        activePairs = newPairs;
    }

    @Override
    public SendOutcome send(int pair, ScatterView packet) {
        assertTrue(started && pair >= 0 && pair < activePairs);
        assertTrue(packet.count() <= ELEMENTS_MAX);
        assertTrue(packet.totalBytes() >= PacketHead.BYTES_MIN);
        assertTrue(packet.totalBytes() <= VirtioNetProtocol.PACKET_BYTES_MAX);
        assertEquals(VirtioNetProtocol.HEADER_BYTES, packet.lengthBytes(0));
        if (answer == SendOutcome.TAKEN) {
            sent.add(bytesOf(packet));
            sentPairs.add(pair);
        }
        return answer;
    }

    static byte[] bytesOf(ScatterView packet) {
        byte[] bytes = new byte[(int) packet.totalBytes()];
        int done = 0;
        for (int i = 0; i < packet.count(); i++) {
            int count = (int) packet.lengthBytes(i);
            MemorySegment.copy(
                    packet.segment(i), ValueLayout.JAVA_BYTE, packet.offset(i), bytes, done, count);
            done += count;
        }
        return bytes;
    }

    @Override
    public int receive(int pair, ScatterView target) {
        assertTrue(started && pair >= 0 && pair < pairs);
        assertTrue(target.count() <= ELEMENTS_MAX);
        assertTrue(target.totalBytes() >= VirtioNetProtocol.PACKET_BYTES_MAX);
        receives++;
        byte[] packet = waiting.get(pair).poll();
        if (packet == null) {
            return NOTHING;
        }
        Scatters.copy(MemorySegment.ofArray(packet), 0, target, 0, packet.length);
        return packet.length;
    }

    @Override
    public void setReceiving(int pair, boolean on) {
        assertTrue(started);
        receiving[pair] = on;
    }
}

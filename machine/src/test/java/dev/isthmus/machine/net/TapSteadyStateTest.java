// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.machine.net;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.concurrent.atomic.AtomicLong;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

import dev.isthmus.machine.io.IoThread;
import dev.isthmus.memory.ScatterList;
import dev.isthmus.testing.jvm.Allocations;
import dev.isthmus.virtio.net.NetBackend;
import dev.isthmus.virtio.net.SendOutcome;
import dev.isthmus.virtio.net.VirtioNetProtocol;

import static org.junit.jupiter.api.Assertions.assertTrue;

/** Two taps on a bridge of a namespace: what one sends, the other receives on its loop, with nothing left to collect. */
@Timeout(300)
class TapSteadyStateTest {
    private static final String THREADS = "steadynet-";
    private static final int PACKETS = 2_000;
    private static final int FRAME_BYTES = 1514;

    /** Counts what comes. */
    private static final class Counting implements NetBackend.Listener {
        private final TapBackend tap;
        private final ScatterList room = new ScatterList();
        final AtomicLong received = new AtomicLong();

        Counting(TapBackend tap, Arena arena) {
            this.tap = tap;
            room.add(arena.allocate(VirtioNetProtocol.PACKET_BYTES_MAX), 0, VirtioNetProtocol.PACKET_BYTES_MAX);
            tap.attach(this);
        }

        @Override
        public void readable(int pair) {
            int bytes = tap.receive(pair, room);
            while (bytes != NetBackend.NOTHING) {
                if (bytes == VirtioNetProtocol.HEADER_BYTES + FRAME_BYTES) {
                    received.lazySet(received.get() + 1);
                }
                bytes = tap.receive(pair, room);
            }
        }

        @Override
        public void writable(int pair) {}

        @Override
        public void linkChanged() {}
    }

    @Test
    void packetAllocatesNothingOnAnyLoop() {
        NetNamespace.requireTaps();
        TapOptions options = new TapOptions(NetNamespace.uniqueName()).withUp(false);
        TapOptions others = new TapOptions(NetNamespace.uniqueName()).withUp(false);
        try (NetNamespace space = new NetNamespace();
                Arena arena = Arena.ofShared();
                IoThread loop = IoThread.start(THREADS + "sender", this::fail);
                IoThread otherLoop = IoThread.start(THREADS + "receiver", this::fail);
                TapBackend sender = TapBackend.open(options, "sender");
                TapBackend receiver = TapBackend.open(others, "receiver")) {
            new Counting(sender, arena);
            Counting counting = new Counting(receiver, arena);
            loop.call(() -> sender.start(loop));
            otherLoop.call(() -> receiver.start(otherLoop));
            space.bridge(sender, receiver);
            Traffic traffic = new Traffic(sender, arena);

            Allocations.assertNoneOnceWarm(
                    PACKETS,
                    () -> {
                        long before = counting.received.get();
                        traffic.begin(PACKETS);
                        while (counting.received.get() - before < PACKETS) {
                            loop.call(traffic);
                        }
                    },
                    thread -> thread.getName().equals(THREADS + "receiver"));
            assertTrue(counting.received.get() >= PACKETS);
        }
    }

    private void fail(Throwable thrown) {
        throw new AssertionError(thrown);
    }

    @Test
    void sendingAllocatesNothing() {
        NetNamespace.requireTaps();
        TapOptions options = new TapOptions(NetNamespace.uniqueName());
        try (Arena arena = Arena.ofConfined();
                TapBackend tap = TapBackend.open(options, "sender")) {
            Traffic traffic = new Traffic(tap, arena);

            Allocations.assertNoneOnceWarm(PACKETS, () -> {
                traffic.begin(PACKETS);
                while (traffic.left > 0) {
                    traffic.run();
                }
            });
        }
    }

    /** Sends broadcasts, some at a time. */
    private static final class Traffic implements Runnable {
        private final TapBackend tap;
        private final ScatterList packet = new ScatterList();
        int left;

        Traffic(TapBackend tap, Arena arena) {
            this.tap = tap;
            MemorySegment memory = arena.allocate(VirtioNetProtocol.HEADER_BYTES + FRAME_BYTES);
            memory.asSlice(VirtioNetProtocol.HEADER_BYTES, 6).fill((byte) -1);
            memory.asSlice(VirtioNetProtocol.HEADER_BYTES + 6, 6).fill((byte) 2);
            packet.add(memory, 0, VirtioNetProtocol.HEADER_BYTES);
            packet.add(memory, VirtioNetProtocol.HEADER_BYTES, FRAME_BYTES);
        }

        void begin(int packets) {
            left = packets;
        }

        @Override
        public void run() {
            // What finds no room in the other's queue is sent again until enough have come.
            for (int i = 0; i < 50; i++) {
                if (tap.send(0, packet) == SendOutcome.TAKEN) {
                    left--;
                }
            }
        }
    }
}

// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.virtio.net;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

import dev.isthmus.memory.ScatterList;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

/** The queue of packets between loops: order, bounds, and many senders at once. */
class FrameRingTest {
    private static final int CAPACITY = 1 << 18;
    private static final int SENDERS = 3;
    private static final int PACKETS = 40_000;

    private final FrameRing ring = new FrameRing(CAPACITY);
    private final MemorySegment received =
            MemorySegment.ofArray(new byte[VirtioNetProtocol.PACKET_BYTES_MAX]);

    private static ScatterList list(MemorySegment segment, long lengthBytes) {
        ScatterList list = new ScatterList();
        list.add(segment, 0, lengthBytes);
        return list;
    }

    /** Makes a packet whose bytes follow from its sender, number and length. */
    private static void fill(MemorySegment segment, int sender, int number, int lengthBytes) {
        segment.set(ValueLayout.JAVA_INT_UNALIGNED, 0, sender);
        segment.set(ValueLayout.JAVA_INT_UNALIGNED, 4, number);
        for (int i = 8; i < lengthBytes; i++) {
            segment.set(ValueLayout.JAVA_BYTE, i, (byte) (sender * 31 + number + i));
        }
    }

    /** Checks a packet and returns its sender. */
    private int checkReceived(int lengthBytes, int[] nextOfSender) {
        int sender = received.get(ValueLayout.JAVA_INT_UNALIGNED, 0);
        int number = received.get(ValueLayout.JAVA_INT_UNALIGNED, 4);
        assertEquals(nextOfSender[sender], number, "packets of a sender stay in order");
        nextOfSender[sender]++;
        for (int i = 8; i < lengthBytes; i++) {
            assertEquals((byte) (sender * 31 + number + i), received.get(ValueLayout.JAVA_BYTE, i));
        }
        return sender;
    }

    @ParameterizedTest
    @ValueSource(longs = {1, 2, 3, 4})
    void packetsComeOutAsTheyWentInWhereverTheyWrap(long seed) {
        Random random = new Random(seed);
        MemorySegment packet = MemorySegment.ofArray(new byte[VirtioNetProtocol.PACKET_BYTES_MAX]);
        ScatterList target = list(received, received.byteSize());
        List<Integer> lengths = new ArrayList<>();
        int[] next = new int[1];
        int added = 0;
        for (int i = 0; i < 5000; i++) {
            int lengthBytes = random.nextInt(20) == 0
                    ? 8 + random.nextInt(VirtioNetProtocol.PACKET_BYTES_MAX - 7)
                    : 8 + random.nextInt(1500);
            fill(packet, 0, added, lengthBytes);
            if (random.nextBoolean() && ring.offer(list(packet, lengthBytes))) {
                added++;
                lengths.add(lengthBytes);
            }
            if (random.nextBoolean()) {
                int got = ring.poll(target);
                assertEquals(lengths.isEmpty() ? NetBackend.NOTHING : lengths.removeFirst(), got);
                if (got != NetBackend.NOTHING) {
                    checkReceived(got, next);
                }
            }
        }
        assertTrue(added > 1000);
    }

    @Test
    void fullRingRefusesAndTakesAgainWhenThereIsRoom() {
        MemorySegment packet = MemorySegment.ofArray(new byte[1000]);
        int added = 0;
        while (ring.offer(list(packet, 1000))) {
            added++;
        }
        assertEquals(CAPACITY / 1024, added);

        assertEquals(1000, ring.poll(list(received, received.byteSize())));
        assertTrue(ring.offer(list(packet, 1000)));
        assertFalse(ring.offer(list(packet, 1)));
        ring.clear();

        assertEquals(NetBackend.NOTHING, ring.poll(list(received, received.byteSize())));
        assertTrue(ring.offer(list(packet, 1)));
    }

    @Test
    void sizesThatDoNotFitTheLargestPacketTwiceAreRefused() {
        assertThrows(IllegalArgumentException.class, () -> new FrameRing(1 << 16));
        assertThrows(IllegalArgumentException.class, () -> new FrameRing((1 << 18) + 64));
    }

    @ParameterizedTest
    @ValueSource(longs = {11, 12, 13})
    void packetsOfManySendersArriveWholeAndInOrder(long seed) throws InterruptedException {
        List<Thread> senders = new ArrayList<>();
        for (int sender = 0; sender < SENDERS; sender++) {
            int name = sender;
            senders.add(Thread.ofPlatform().start(() -> sendAll(name, new Random(seed * 31 + name))));
        }
        ScatterList target = list(received, received.byteSize());
        int[] next = new int[SENDERS];
        int got = 0;
        while (got < SENDERS * PACKETS) {
            int lengthBytes = ring.poll(target);
            if (lengthBytes == NetBackend.NOTHING) {
                Thread.onSpinWait();
            } else {
                checkReceived(lengthBytes, next);
                got++;
            }
        }
        for (Thread sender : senders) {
            sender.join();
        }
        assertEquals(NetBackend.NOTHING, ring.poll(target));
    }

    private void sendAll(int sender, Random random) {
        MemorySegment packet = MemorySegment.ofArray(new byte[20_000]);
        for (int number = 0; number < PACKETS; number++) {
            int lengthBytes = random.nextInt(200) == 0 ? 20_000 : 8 + random.nextInt(200);
            fill(packet, sender, number, lengthBytes);
            ScatterList list = list(packet, lengthBytes);
            while (!ring.offer(list)) {
                Thread.onSpinWait();
            }
        }
    }
}

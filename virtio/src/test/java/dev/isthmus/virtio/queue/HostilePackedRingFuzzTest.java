// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.virtio.queue;

import java.util.ArrayDeque;
import java.util.Random;

import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

import dev.isthmus.memory.GuestMemory;
import dev.isthmus.memory.MemoryRegion;
import dev.isthmus.memory.ScatterView;
import dev.isthmus.testing.memory.FakeGuestMemory;
import dev.isthmus.testing.virtio.PackedQueueDriver;
import dev.isthmus.testing.virtio.RingDriver;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

/**
 * A driver that writes anything anywhere in its packed queue. Whatever it writes, the device side throws nothing, does
 * bounded work, and hands out only chains that keep every promise of {@link DescriptorChain}.
 */
class HostilePackedRingFuzzTest {
    private static final int SIZE = 13;
    private static final int CHAIN_MAX = 32;
    private static final int ROUNDS = 20_000;
    private static final long LOW_BYTES = 0x8000;
    private static final long HIGH_GPA = 0x1_0000_0000L;
    private static final long TABLE_GPA = 0x4000;
    private static final long[] INTERESTING = {
        0, 1, 15, 16, 17, LOW_BYTES - 1, LOW_BYTES, HIGH_GPA - 1, HIGH_GPA, HIGH_GPA + 0xfff, Long.MAX_VALUE, -1, -16,
        Long.MIN_VALUE, 1L << 32, (1L << 32) - 16
    };

    private final GuestMemory memory = FakeGuestMemory.withHole(LOW_BYTES, HIGH_GPA, 0x1000);

    @ParameterizedTest
    @ValueSource(longs = {21, 22, 23, 24, 25, 26, 27, 28})
    void anyRingContentsAreHandled(long seed) {
        Random random = new Random(seed);
        int chains = 0;
        int faults = 0;
        for (int round = 0; round < ROUNDS; round++) {
            PackedQueueDriver driver = new PackedQueueDriver(memory, 0x1000, SIZE, random.nextBoolean());
            PackedQueue queue = open(driver, random);
            boolean lap = queue.position().availableWrap();
            for (int i = 0; i < SIZE; i++) {
                randomDescriptor(driver, random, -1, i, (i >= queue.position().nextAvailable()) == lap);
                randomDescriptor(driver, random, TABLE_GPA, i, lap);
            }
            driver.writeDriverEvent(random.nextInt(), random.nextInt(), random.nextBoolean());

            ArrayDeque<DescriptorChain> out = new ArrayDeque<>();
            PopOutcome outcome = queue.pop();
            int pops = 0;
            while (outcome instanceof DescriptorChain chain) {
                assertPromises(chain);
                chains++;
                // A driver that makes everything available again and again is served as long as it does.
                assertTrue(++pops <= 4 * SIZE);
                out.add(chain);
                if (random.nextBoolean()) {
                    pushOne(queue, out, random);
                }
                if (random.nextInt(4) == 0) {
                    randomDescriptor(driver, random, -1, random.nextInt(SIZE), random.nextBoolean());
                }
                queue.enableNotifications();
                queue.needsNotification();
                outcome = pops == 4 * SIZE ? null : queue.pop();
            }
            if (outcome instanceof Malformed) {
                faults++;
            }
            assertEquals(out.size(), queue.inFlight());
            while (!out.isEmpty()) {
                pushOne(queue, out, random);
            }
            queue.needsNotification();
        }
        // The fuzzer is of use only if it reaches both sides often.
        assertTrue(chains > ROUNDS / 10, "chains: " + chains);
        assertTrue(faults > ROUNDS / 10, "faults: " + faults);
    }

    private PackedQueue open(PackedQueueDriver driver, Random random) {
        boolean wrap = random.nextBoolean();
        int at = random.nextInt(SIZE);
        return new PackedQueue(
                memory,
                driver.layout(),
                CHAIN_MAX,
                random.nextBoolean(),
                random.nextInt(4) != 0,
                new PackedPosition(at, wrap, at, wrap));
    }

    private static void pushOne(PackedQueue queue, ArrayDeque<DescriptorChain> out, Random random) {
        DescriptorChain chain = random.nextBoolean() ? out.removeFirst() : out.removeLast();
        queue.push(chain, (long) (random.nextDouble() * chain.writable().totalBytes()));
    }

    private static void randomDescriptor(
            PackedQueueDriver driver, Random random, long tableGpa, int index, boolean wrap) {
        boolean wild = random.nextInt(12) == 0;
        boolean indirect = tableGpa < 0 && random.nextInt(8) == 0;
        long addr = wild ? wildValue(random) : indirect ? TABLE_GPA : 0x6000 + random.nextInt(0x1000);
        long len = wild
                ? wildValue(random) & 0xffff_ffffL
                : indirect ? 16L * (1 + random.nextInt(SIZE)) : random.nextInt(0x800);
        int flags = (random.nextInt(3) == 0 ? RingDriver.VIRTQ_DESC_F_NEXT : 0)
                | (index >= SIZE / 2 ? RingDriver.VIRTQ_DESC_F_WRITE : 0);
        if (indirect) {
            flags = RingDriver.VIRTQ_DESC_F_INDIRECT | (wild ? RingDriver.VIRTQ_DESC_F_NEXT : 0);
        }
        flags |= wrap ? PackedQueueDriver.VIRTQ_DESC_F_AVAIL : PackedQueueDriver.VIRTQ_DESC_F_USED;
        if (wild && !indirect) {
            flags = random.nextInt();
        }
        if (tableGpa < 0) {
            driver.writeDescriptor(index, addr, len, random.nextInt(), flags);
        } else {
            driver.writeTableEntry(tableGpa, index, addr, len, random.nextInt(), flags);
        }
    }

    private static long wildValue(Random random) {
        return random.nextBoolean() ? random.nextLong() : INTERESTING[random.nextInt(INTERESTING.length)];
    }

    private void assertPromises(DescriptorChain chain) {
        long total = assertInRam(chain.readable()) + assertInRam(chain.writable());
        assertTrue(total <= 1L << 32);
        assertTrue(chain.readable().count() + chain.writable().count() <= CHAIN_MAX);
        assertTrue(chain.head() >= 0 && chain.head() <= 0xffff);
    }

    private long assertInRam(ScatterView view) {
        long total = 0;
        for (int i = 0; i < view.count(); i++) {
            long length = view.lengthBytes(i);
            boolean found = false;
            for (MemoryRegion region : memory.regions()) {
                found |= region.segment().equals(view.segment(i))
                        && region.contains(region.startGpa() + view.offset(i), length);
            }
            assertTrue(found && length > 0);
            total += length;
        }
        assertEquals(total, view.totalBytes());
        return total;
    }
}

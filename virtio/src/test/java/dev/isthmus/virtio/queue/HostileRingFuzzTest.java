// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.virtio.queue;

import java.util.ArrayDeque;
import java.util.Random;

import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

import dev.isthmus.memory.GuestMemory;
import dev.isthmus.testing.memory.FakeGuestMemory;
import dev.isthmus.testing.virtio.QueueDriver;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

/**
 * A driver that writes anything anywhere in its queue. Whatever it writes, the device side throws nothing, does
 * bounded work, and hands out only chains that keep every promise of {@link DescriptorChain}.
 */
class HostileRingFuzzTest {
    private static final int SIZE = 16;
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
    @ValueSource(longs = {11, 12, 13, 14, 15, 16, 17, 18})
    void anyRingContentsAreHandled(long seed) {
        Random random = new Random(seed);
        int chains = 0;
        int faults = 0;
        for (int round = 0; round < ROUNDS; round++) {
            QueueDriver driver = new QueueDriver(memory, 0x1000, SIZE, random.nextBoolean());
            SplitQueue queue = open(driver, random);
            for (int i = 0; i < SIZE; i++) {
                randomDescriptor(driver, random, -1, i);
                randomDescriptor(driver, random, TABLE_GPA, i);
                driver.writeAvailableEntry(i, random.nextInt(20) == 0 ? random.nextInt() : random.nextInt(SIZE));
            }
            int available = random.nextInt(10) == 0 ? random.nextInt() : random.nextInt(SIZE + 1);
            driver.writeAvailableIdx(available);

            ArrayDeque<DescriptorChain> out = new ArrayDeque<>();
            PopOutcome outcome = queue.pop();
            int pops = 0;
            while (outcome instanceof DescriptorChain chain) {
                ChainPromises.assertKept(chain, memory, SIZE, CHAIN_MAX);
                chains++;
                assertTrue(++pops <= SIZE);
                out.add(chain);
                if (random.nextBoolean()) {
                    pushOne(queue, out, random);
                }
                if (random.nextInt(4) == 0) {
                    randomDescriptor(driver, random, -1, random.nextInt(SIZE));
                }
                queue.enableNotifications();
                outcome = queue.pop();
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

    private SplitQueue open(QueueDriver driver, Random random) {
        return new SplitQueue(
                memory, driver.layout(), CHAIN_MAX, random.nextBoolean(), random.nextInt(4) != 0, RingPosition.START);
    }

    private static void pushOne(SplitQueue queue, ArrayDeque<DescriptorChain> out, Random random) {
        DescriptorChain chain = random.nextBoolean() ? out.removeFirst() : out.removeLast();
        queue.push(chain, (long) (random.nextDouble() * chain.writable().totalBytes()));
    }

    private static void randomDescriptor(QueueDriver driver, Random random, long tableGpa, int index) {
        boolean wild = random.nextInt(12) == 0;
        boolean indirect = tableGpa < 0 && random.nextInt(8) == 0;
        long addr = wild ? wildValue(random) : indirect ? TABLE_GPA : 0x6000 + random.nextInt(0x1000);
        long len = wild
                ? wildValue(random) & 0xffff_ffffL
                : indirect ? 16L * (1 + random.nextInt(SIZE)) : random.nextInt(0x800);
        int flags = (random.nextInt(3) == 0 ? QueueDriver.VIRTQ_DESC_F_NEXT : 0)
                | (index >= SIZE / 2 ? QueueDriver.VIRTQ_DESC_F_WRITE : 0);
        if (indirect) {
            flags = QueueDriver.VIRTQ_DESC_F_INDIRECT | (wild ? QueueDriver.VIRTQ_DESC_F_NEXT : 0);
        } else if (wild) {
            flags = random.nextInt();
        }
        int next = wild ? random.nextInt() : Math.min(SIZE - 1, index + 1 + random.nextInt(4));
        if (tableGpa < 0) {
            driver.writeDescriptor(index, addr, len, flags, next);
        } else {
            driver.writeTableEntry(tableGpa, index, addr, len, flags, next);
        }
    }

    private static long wildValue(Random random) {
        return random.nextBoolean() ? random.nextLong() : INTERESTING[random.nextInt(INTERESTING.length)];
    }
}

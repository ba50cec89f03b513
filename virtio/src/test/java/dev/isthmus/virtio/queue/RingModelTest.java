// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.virtio.queue;

import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Random;
import java.util.Set;

import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

import dev.isthmus.memory.GuestMemory;
import dev.isthmus.testing.memory.FakeGuestMemory;
import dev.isthmus.testing.virtio.Buffer;
import dev.isthmus.testing.virtio.PackedQueueDriver;
import dev.isthmus.testing.virtio.QueueDriver;
import dev.isthmus.testing.virtio.RingDriver;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

/**
 * Driver and device, interleaved at random, against a model of what a virtqueue is: buffers come in the order in which
 * they were published, go back in the order in which they were pushed, and whoever asked to be notified is notified.
 */
class RingModelTest {
    private static final int STEPS = 60_000;
    private static final int CHAIN_MAX = 32;
    private static final int LIST_MAX = 5;
    private static final long DATA_GPA = 0x1_0000;
    private static final long TABLES_GPA = 0x8000;

    /** A buffer as the driver knows it. */
    private record Sent(int id, int number, int elements, long readableBytes, long writableBytes) {}

    /** A buffer that the device has. */
    private record Taken(Sent sent, DescriptorChain chain) {}

    /** A buffer that the device handed back. */
    private record Pushed(int id, long writtenBytes) {}

    private final GuestMemory memory = FakeGuestMemory.ofBytes(0x4_0000);
    private RingDriver driver = new QueueDriver(memory, 0x1000, 1, false);
    private Virtqueue queue = driver.openDevice(1, true);

    // The model.
    private final List<Sent> hidden = new ArrayList<>();
    private final ArrayDeque<Sent> available = new ArrayDeque<>();
    private final List<Taken> taken = new ArrayList<>();
    private final ArrayDeque<Pushed> used = new ArrayDeque<>();
    private final Set<Integer> outside = new HashSet<>();
    private int nextNumber;

    /** Whether the device sleeps: it asked for a notification, and there was nothing. */
    private boolean deviceSleeps;

    /** Whether the driver does. */
    private boolean driverSleeps;

    @ParameterizedTest
    @CsvSource({
        "false, false, 1, 1", "false, true,  1, 2", "false, false, 8, 3", "false, true,  8, 4", "false, true,  64, 5",
        "true,  false, 1, 1", "true,  true,  1, 2", "true,  false, 8, 3", "true,  true,  8, 4", "true,  true,  64, 5",
        "true,  false, 3, 6", "true,  true,  3, 7", "true,  true, 13, 8", "true,  true, 50, 9",
    })
    void randomInterleavingsAgreeWithTheModel(boolean packed, boolean eventIdx, int size, long seed) {
        driver = packed
                ? new PackedQueueDriver(memory, 0x1000, size, eventIdx)
                : new QueueDriver(memory, 0x1000, size, eventIdx);
        queue = driver.openDevice(CHAIN_MAX, true);
        Random random = new Random(seed);
        int completed = 0;
        for (int i = 0; i < STEPS; i++) {
            switch (random.nextInt(9)) {
                case 0, 1 -> add(random);
                case 2 -> publish();
                case 3, 4 -> pop();
                case 5, 6 -> push(random);
                case 7 -> completed += receive(random);
                default -> rest(random);
            }
            assertEquals(taken.size(), queue.inFlight());
            assertEquals(!available.isEmpty(), queue.hasAvailable());
        }
        assertTrue(completed > STEPS / 100, "completed: " + completed);
    }

    private void add(Random random) {
        int elements = 1 + random.nextInt(LIST_MAX);
        boolean indirect = random.nextInt(3) == 0;
        if (driver.freeDescriptors() < (indirect ? 1 : elements)) {
            return;
        }
        int readable = random.nextInt(elements + 1);
        Buffer[] buffers = new Buffer[elements];
        long readableBytes = 0;
        long writableBytes = 0;
        for (int i = 0; i < elements; i++) {
            int length = 1 + random.nextInt(64);
            long gpa = DATA_GPA + random.nextInt(0x1000);
            buffers[i] = new Buffer(gpa, length, i >= readable);
            readableBytes += i < readable ? length : 0;
            writableBytes += i < readable ? 0 : length;
        }
        // A table of its own for each buffer that may be outside: their numbers modulo the largest queue.
        long table = TABLES_GPA + 16L * LIST_MAX * (nextNumber % 64);
        int id = indirect ? driver.addIndirect(table, buffers) : driver.add(buffers);
        assertTrue(outside.add(id), "one name for two buffers");
        hidden.add(new Sent(id, nextNumber++, elements, readableBytes, writableBytes));
    }

    private void publish() {
        boolean any = !hidden.isEmpty();
        available.addAll(hidden);
        hidden.clear();
        driver.publish();
        boolean kick = driver.needsKick();
        if (any && deviceSleeps) {
            assertTrue(kick, "the device sleeps and is not woken");
        }
        if (kick) {
            assertTrue(any, "a notification for nothing");
            deviceSleeps = false;
        }
    }

    private void pop() {
        if (deviceSleeps) {
            return;
        }
        PopOutcome outcome = queue.pop();
        Sent expected = available.poll();
        if (expected == null) {
            assertNull(outcome);
            return;
        }
        DescriptorChain chain = assertInstanceOf(DescriptorChain.class, outcome);
        assertEquals(expected.id(), chain.head());
        assertEquals(expected.elements(), chain.readable().count() + chain.writable().count());
        assertEquals(expected.readableBytes(), chain.readable().totalBytes());
        assertEquals(expected.writableBytes(), chain.writable().totalBytes());
        taken.add(new Taken(expected, chain));
    }

    /** Pushes one to a few buffers in any order, then asks whether to notify, as a device does after a batch. */
    private void push(Random random) {
        int batch = random.nextInt(4);
        boolean any = false;
        for (int i = 0; i < batch && !taken.isEmpty(); i++) {
            Taken one = taken.remove(random.nextInt(taken.size()));
            long written = (long) (random.nextDouble() * (one.sent().writableBytes() + 1));
            queue.push(one.chain(), written);
            used.add(new Pushed(one.sent().id(), written));
            any = true;
        }
        boolean interrupt = queue.needsNotification();
        if (any && driverSleeps) {
            assertTrue(interrupt, "the driver sleeps and is not woken");
        }
        if (interrupt) {
            assertTrue(any, "a notification for nothing");
            driverSleeps = false;
        }
    }

    private int receive(Random random) {
        if (driverSleeps) {
            return 0;
        }
        int count = 1 + random.nextInt(4);
        int received = 0;
        for (int i = 0; i < count; i++) {
            boolean polled = driver.pollUsed();
            Pushed expected = used.poll();
            if (expected == null) {
                assertFalse(polled);
                return received;
            }
            assertTrue(polled);
            assertEquals(expected.id(), driver.usedId());
            assertEquals(expected.writtenBytes(), driver.usedLengthBytes());
            assertTrue(outside.remove(expected.id()));
            received++;
        }
        return received;
    }

    /** One side says that it needs no notifications, or asks for one and sleeps where there is nothing. */
    private void rest(Random random) {
        switch (random.nextInt(4)) {
            case 0 -> {
                if (!deviceSleeps) {
                    queue.disableNotifications();
                }
            }
            case 1 -> {
                boolean more = queue.enableNotifications();
                assertEquals(!available.isEmpty(), more);
                deviceSleeps = !more;
            }
            case 2 -> {
                if (!driverSleeps) {
                    driver.disableInterrupts();
                }
            }
            default -> {
                boolean more = driver.enableInterrupts();
                assertEquals(!used.isEmpty(), more);
                driverSleeps = !more;
            }
        }
    }
}

// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.virtio.queue;

import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;

import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

import dev.isthmus.memory.GuestMemory;
import dev.isthmus.testing.memory.FakeGuestMemory;
import dev.isthmus.testing.virtio.Buffer;
import dev.isthmus.testing.virtio.PackedQueueDriver;
import dev.isthmus.testing.virtio.QueueDriver;
import dev.isthmus.testing.virtio.RingDriver;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertTrue;

/**
 * Driver and device on two threads that sleep unless the queue's own notifications wake them: a notification that gets
 * lost stops both, and data that is seen before it is complete is a wrong number.
 */
@Timeout(120)
class VirtqueueThreadsTest {
    private static final int SIZE = 8;
    private static final int BUFFERS = 150_000;
    private static final int DEADLINE_SECONDS = 60;
    private static final long DATA_GPA = 0x4000;
    private static final int SLOT_BYTES = 16;

    private final GuestMemory memory = FakeGuestMemory.ofBytes(0x1_0000);
    private final Semaphore kicks = new Semaphore(0);
    private final Semaphore interrupts = new Semaphore(0);
    private volatile @Nullable Throwable deviceFailure;

    @ParameterizedTest
    @CsvSource({"false, false, 8", "false, true, 8", "true, false, 8", "true, true, 8", "true, true, 7"})
    void noBufferAndNoNotificationIsLost(boolean packed, boolean eventIdx, int size) throws InterruptedException {
        RingDriver driver = packed
                ? new PackedQueueDriver(memory, 0x1000, size, eventIdx)
                : new QueueDriver(memory, 0x1000, size, eventIdx);
        Virtqueue queue = driver.openDevice(size, false);
        Thread device = new Thread(() -> {
            try {
                serve(queue);
            } catch (Throwable t) {
                deviceFailure = t;
                interrupts.release(BUFFERS);
            }
        });
        device.start();

        try {
            drive(driver);
        } finally {
            device.interrupt();
            device.join();
        }

        assertEquals(null, deviceFailure);
    }

    /** Sends numbers, two descriptors each, keeps the queue as full as it can, and checks what comes back. */
    private void drive(RingDriver driver) throws InterruptedException {
        int sent = 0;
        int received = 0;
        int[] expected = new int[SIZE];
        while (received < BUFFERS) {
            // Batches of changing size, so that both the full and the empty queue occur.
            int batch = 1 + sent % SIZE;
            while (batch-- > 0 && sent < BUFFERS && driver.freeDescriptors() >= 2) {
                long slot = DATA_GPA + (long) SLOT_BYTES * (sent % SIZE);
                memory.writeU32(slot, sent);
                int head = driver.add(Buffer.readable(slot, 4), Buffer.writable(slot + 8, 4));
                expected[head] = sent++;
            }
            driver.publish();
            if (driver.needsKick()) {
                kicks.release();
            }
            driver.disableInterrupts();
            boolean any = false;
            while (driver.pollUsed()) {
                any = true;
                int number = expected[driver.usedId()];
                assertEquals(4, driver.usedLengthBytes());
                assertEquals(~number, (int) memory.readU32(DATA_GPA + (long) SLOT_BYTES * (number % SIZE) + 8));
                received++;
            }
            if (!any && !driver.enableInterrupts()) {
                assertTrue(interrupts.tryAcquire(DEADLINE_SECONDS, TimeUnit.SECONDS), "lost at " + received);
                if (deviceFailure != null) {
                    throw new AssertionError(deviceFailure);
                }
            }
        }
    }

    /** Answers each number with its complement; sleeps where the queue says that it may. */
    private void serve(Virtqueue queue) {
        ChainReader reader = new ChainReader();
        ChainWriter writer = new ChainWriter();
        while (true) {
            queue.disableNotifications();
            do {
                PopOutcome outcome = queue.pop();
                while (outcome != null) {
                    DescriptorChain chain = assertInstanceOf(DescriptorChain.class, outcome);
                    reader.reset(chain);
                    writer.reset(chain);
                    writer.writeU32(~reader.readU32());
                    queue.push(chain, writer.writtenBytes());
                    outcome = queue.pop();
                }
                if (queue.needsNotification()) {
                    interrupts.release();
                }
            } while (queue.enableNotifications());
            try {
                kicks.acquire();
            } catch (InterruptedException e) {
                return;
            }
        }
    }
}

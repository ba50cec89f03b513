// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.virtio.queue;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedClass;
import org.junit.jupiter.params.provider.ValueSource;

import dev.isthmus.memory.GuestMemory;
import dev.isthmus.testing.memory.FakeGuestMemory;
import dev.isthmus.testing.virtio.Buffer;
import dev.isthmus.testing.virtio.PackedQueueDriver;
import dev.isthmus.testing.virtio.QueueDriver;
import dev.isthmus.testing.virtio.RingDriver;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

/** Buffers that the driver must see together, in both ring formats (virtio 1.2, sections 2.7.8 and 2.8.6). */
@ParameterizedClass
@ValueSource(booleans = {false, true})
class FillAndShowTest {
    private static final int SIZE = 8;
    private static final long DATA_GPA = 0x1000;

    private final GuestMemory memory = FakeGuestMemory.ofBytes(0x4000);
    private final RingDriver driver;
    private final Virtqueue queue;

    FillAndShowTest(boolean packed) {
        driver = packed ? new PackedQueueDriver(memory, 0, SIZE, false) : new QueueDriver(memory, 0, SIZE, false);
        queue = driver.openDevice(SIZE, false);
    }

    private DescriptorChain take() {
        if (queue.pop() instanceof DescriptorChain chain) {
            return chain;
        }
        throw new AssertionError("no buffer");
    }

    @Test
    void buffersAreHiddenUntilTheyAreShownAllAtOnce() {
        // Around the ring some times, so that batches wrap.
        for (int round = 0; round < 20; round++) {
            int first = driver.add(Buffer.writable(DATA_GPA, 10), Buffer.writable(DATA_GPA + 100, 10));
            int second = driver.add(Buffer.writable(DATA_GPA, 20));
            int third = driver.add(Buffer.writable(DATA_GPA, 30));
            driver.publish();
            DescriptorChain[] chains = {take(), take(), take()};

            for (DescriptorChain chain : chains) {
                queue.fill(chain, chain.writable().totalBytes());
                assertFalse(driver.pollUsed());
            }
            queue.show();

            assertUsed(first, 20);
            assertUsed(second, 20);
            assertUsed(third, 30);
            assertFalse(driver.pollUsed());
            assertEquals(0, queue.inFlight());
            assertTrue(queue.needsNotification());
        }
    }

    private void assertUsed(int id, long lengthBytes) {
        assertTrue(driver.pollUsed());
        assertEquals(id, driver.usedId());
        assertEquals(lengthBytes, driver.usedLengthBytes());
    }

    @Test
    void showingNothingChangesNothing() {
        queue.show();
        assertFalse(driver.pollUsed());

        driver.offer(Buffer.writable(DATA_GPA, 10));
        queue.push(take(), 5);
        queue.show();

        assertTrue(driver.pollUsed());
        assertFalse(driver.pollUsed());
    }

    @Test
    void bufferThatIsHiddenCannotBeFilledAgain() {
        driver.offer(Buffer.writable(DATA_GPA, 10));
        DescriptorChain chain = take();
        queue.fill(chain, 10);

        assertThrows(IllegalStateException.class, () -> queue.fill(chain, 10));
    }
}

// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.virtio.queue;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

import dev.isthmus.memory.GuestMemory;
import dev.isthmus.testing.memory.FakeGuestMemory;
import dev.isthmus.testing.virtio.Buffer;
import dev.isthmus.testing.virtio.PackedQueueDriver;

import static dev.isthmus.testing.virtio.PackedQueueDriver.RING_EVENT_FLAGS_DESC;
import static dev.isthmus.testing.virtio.PackedQueueDriver.RING_EVENT_FLAGS_DISABLE;
import static dev.isthmus.testing.virtio.PackedQueueDriver.RING_EVENT_FLAGS_ENABLE;
import static dev.isthmus.testing.virtio.PackedQueueDriver.VIRTQ_DESC_F_AVAIL;
import static dev.isthmus.testing.virtio.PackedQueueDriver.VIRTQ_DESC_F_USED;
import static dev.isthmus.testing.virtio.PackedQueueDriver.VIRTQ_DESC_F_WRITE;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

/** The ring, its wrap counters and its notifications, by the clauses of virtio 1.2, section 2.8. */
class PackedQueueTest {
    /** No power of 2, which the packed format does not ask for (2.8.10.1). */
    private static final int SIZE = 7;

    private static final int RESERVED_FLAGS = 3;
    private static final long DATA_GPA = 0x8000;

    private final GuestMemory memory = FakeGuestMemory.ofBytes(0x1_0000);
    private final PackedQueueDriver driver = new PackedQueueDriver(memory, 0x1000, SIZE, false);
    private final PackedQueue queue = open(driver, false, PackedPosition.START);
    private final PackedQueueDriver eventDriver = new PackedQueueDriver(memory, 0x3000, SIZE, true);
    private final PackedQueue eventQueue = open(eventDriver, true, PackedPosition.START);

    private PackedQueue open(PackedQueueDriver of, boolean eventIdx, PackedPosition start) {
        return new PackedQueue(memory, of.layout(), of.size(), eventIdx, true, start);
    }

    private static DescriptorChain popChain(Virtqueue queue) {
        return assertInstanceOf(DescriptorChain.class, queue.pop());
    }

    private static QueueFault popFault(Virtqueue queue) {
        return assertInstanceOf(Malformed.class, queue.pop()).reason();
    }

    private static void offerAndUse(PackedQueueDriver driver, PackedQueue queue) {
        driver.offer(Buffer.readable(DATA_GPA, 4));
        queue.push(popChain(queue), 0);
        assertTrue(driver.pollUsed());
    }

    // 2.8.1: wrap counters.

    @Test
    void zeroedRingGivesNothing() {
        assertNull(queue.pop());
        assertFalse(queue.hasAvailable());
        assertEquals(0, queue.inFlight());
    }

    @Test
    void descriptorWhoseFlagsBothMatchTheCounterIsNotAvailable() {
        driver.writeDescriptor(0, DATA_GPA, 4, 0, VIRTQ_DESC_F_AVAIL | VIRTQ_DESC_F_USED);

        assertNull(queue.pop());
    }

    @Test
    void descriptorOfTheLapBeforeIsNotAvailable() {
        driver.writeDescriptor(0, DATA_GPA, 4, 0, VIRTQ_DESC_F_USED);

        assertNull(queue.pop());
    }

    @ParameterizedTest
    @CsvSource({"0, true", "3, true", "6, true", "0, false", "3, false", "6, false"})
    void countersWrapAtTheEndOfTheRing(int start, boolean wrap) {
        driver.startAt(start, wrap);
        PackedQueue wrapping = open(driver, false, new PackedPosition(start, wrap, start, wrap));

        for (int i = 0; i < 3 * SIZE; i++) {
            int id = driver.offer(Buffer.writable(DATA_GPA, 4));
            wrapping.push(popChain(wrapping), i % 4);
            assertTrue(driver.pollUsed());
            assertEquals(id, driver.usedId());
            assertEquals(i % 4, driver.usedLengthBytes());
        }
        assertNull(wrapping.pop());
        // Three laps: an odd number, so the counters have changed.
        assertEquals(new PackedPosition(start, !wrap, start, !wrap), wrapping.position());
    }

    @ParameterizedTest
    @ValueSource(ints = {1, 2, 3, 5, 7})
    void listsOfAnyLengthCrossTheEndOfTheRing(int length) {
        Buffer[] buffers = new Buffer[length];
        for (int i = 0; i < length; i++) {
            buffers[i] = Buffer.readable(DATA_GPA + i, 1);
        }
        for (int i = 0; i < 4 * SIZE; i++) {
            int id = driver.offer(buffers);
            DescriptorChain chain = popChain(queue);
            assertEquals(id, chain.head());
            assertEquals(length, chain.readable().count());
            queue.push(chain, 0);
            assertTrue(driver.pollUsed());
            assertEquals(id, driver.usedId());
        }
        assertFalse(driver.pollUsed());
        assertEquals(SIZE, driver.freeDescriptors());
    }

    @Test
    void queueOfOneDescriptorWorks() {
        PackedQueueDriver one = new PackedQueueDriver(memory, 0x4000, 1, true);
        PackedQueue ofOne = open(one, true, PackedPosition.START);

        for (int i = 0; i < 5; i++) {
            offerAndUse(one, ofOne);
            assertNull(ofOne.pop());
            assertFalse(one.pollUsed());
        }
    }

    @Test
    void positionMustLieWithinTheRing() {
        assertThrows(
                IllegalArgumentException.class, () -> open(driver, false, new PackedPosition(SIZE, true, 0, true)));
        assertThrows(
                IllegalArgumentException.class, () -> open(driver, false, new PackedPosition(0, true, SIZE, true)));
        assertThrows(IllegalArgumentException.class, () -> new PackedPosition(-1, true, 0, true));
        assertThrows(IllegalArgumentException.class, () -> new PackedPosition(0, true, 32768, true));
    }

    // 2.8.12, 2.8.21: available descriptors.

    @Test
    void buffersComeInTheOrderOfTheRing() {
        int first = driver.add(Buffer.readable(DATA_GPA, 1), Buffer.readable(DATA_GPA, 1));
        int second = driver.add(Buffer.writable(DATA_GPA, 2));
        driver.publish();

        assertEquals(first, popChain(queue).head());
        assertEquals(second, popChain(queue).head());
        assertNull(queue.pop());
        assertEquals(2, queue.inFlight());
    }

    @Test
    void nothingIsTakenBeforeTheFirstDescriptorIsAvailable() {
        // 2.8.17: the first descriptor of a list becomes available last.
        driver.add(Buffer.readable(DATA_GPA, 1), Buffer.readable(DATA_GPA, 1));
        driver.add(Buffer.readable(DATA_GPA, 1));

        assertNull(queue.pop());
    }

    @Test
    void wholeRingCanBeInFlight() {
        for (int i = 0; i < SIZE; i++) {
            driver.add(Buffer.readable(DATA_GPA, 1));
        }
        driver.publish();

        for (int i = 0; i < SIZE; i++) {
            popChain(queue);
        }
        assertNull(queue.pop());
        assertFalse(queue.hasAvailable());
        assertEquals(SIZE, queue.inFlight());
    }

    @Test
    void descriptorMadeAvailableWhileTheWholeRingIsInFlightIsMalformed() {
        // 2.8.16: a driver must not change a descriptor that is not used.
        for (int i = 0; i < SIZE; i++) {
            driver.offer(Buffer.readable(DATA_GPA, 1));
            popChain(queue);
        }
        driver.writeDescriptor(0, DATA_GPA, 1, 0, VIRTQ_DESC_F_USED);

        assertEquals(QueueFault.RING_OVERRUN, popFault(queue));
    }

    @Test
    void brokenQueueStaysBrokenEvenIfTheDriverRepairsIt() {
        driver.addMalformed();
        driver.publish();
        PopOutcome fault = queue.pop();
        driver.writeDescriptor(0, DATA_GPA, 1, 0, VIRTQ_DESC_F_AVAIL);

        assertSame(fault, queue.pop());
        assertTrue(queue.hasAvailable());
        assertFalse(queue.enableNotifications());
    }

    @Test
    void lookingDoesNotTake() {
        driver.offer(Buffer.readable(DATA_GPA, 1));

        assertTrue(queue.hasAvailable());
        assertTrue(queue.hasAvailable());
        popChain(queue);
        assertFalse(queue.hasAvailable());
    }

    // 2.8.6, 2.8.12, 2.8.22: used descriptors.

    @ParameterizedTest
    @ValueSource(ints = {0, SIZE, 0x7fff, 0x8000, 0xfffe})
    void anyBufferIdIsHandedBack(int base) {
        driver.startIdsAt(base);
        for (int i = 0; i < 3 * SIZE; i++) {
            int id = driver.offer(Buffer.readable(DATA_GPA, 1), Buffer.readable(DATA_GPA, 1));
            queue.push(popChain(queue), 0);
            assertTrue(driver.pollUsed());
            assertEquals(id, driver.usedId());
        }
    }

    @Test
    void buffersCanBeUsedInAnyOrderAndAreWrittenInTheOrderInWhichTheyEnd() {
        int first = driver.add(Buffer.writable(DATA_GPA, 4), Buffer.writable(DATA_GPA, 4));
        int second = driver.add(Buffer.writable(DATA_GPA, 4));
        int third = driver.add(Buffer.writable(DATA_GPA, 4), Buffer.writable(DATA_GPA, 4));
        driver.publish();
        DescriptorChain firstChain = popChain(queue);
        DescriptorChain secondChain = popChain(queue);
        DescriptorChain thirdChain = popChain(queue);

        queue.push(thirdChain, 3);
        queue.push(firstChain, 1);
        queue.push(secondChain, 2);

        int[] order = {third, first, second};
        int[] lengths = {3, 1, 2};
        for (int i = 0; i < order.length; i++) {
            assertTrue(driver.pollUsed());
            assertEquals(order[i], driver.usedId());
            assertEquals(lengths[i], driver.usedLengthBytes());
        }
        assertFalse(driver.pollUsed());
        assertEquals(SIZE, driver.freeDescriptors());
    }

    @Test
    void usedFlagsSayWhetherTheDeviceCouldWrite() {
        // 2.8.3
        driver.offer(Buffer.readable(DATA_GPA, 4));
        queue.push(popChain(queue), 0);
        assertTrue(driver.pollUsed());
        assertEquals(VIRTQ_DESC_F_AVAIL | VIRTQ_DESC_F_USED, driver.usedFlags());

        driver.offer(Buffer.writable(DATA_GPA, 4));
        queue.push(popChain(queue), 4);
        assertTrue(driver.pollUsed());
        assertEquals(VIRTQ_DESC_F_AVAIL | VIRTQ_DESC_F_USED | VIRTQ_DESC_F_WRITE, driver.usedFlags());
    }

    @Test
    void onlyOneDescriptorOfAListIsWritten() {
        // 2.8.6
        driver.offer(Buffer.readable(DATA_GPA, 4), Buffer.writable(DATA_GPA, 4));
        int before = driver.descriptorFlags(1);

        queue.push(popChain(queue), 4);

        assertEquals(before, driver.descriptorFlags(1));
    }

    @Test
    void pushingTwiceIsABug() {
        driver.offer(Buffer.writable(DATA_GPA, 4));
        DescriptorChain chain = popChain(queue);
        queue.push(chain, 0);

        assertThrows(IllegalStateException.class, () -> queue.push(chain, 0));
        assertEquals(1, queue.position().nextUsed());
    }

    @Test
    void pushingToAnotherQueueIsABug() {
        driver.offer(Buffer.writable(DATA_GPA, 4));
        DescriptorChain chain = popChain(queue);

        assertThrows(IllegalStateException.class, () -> eventQueue.push(chain, 0));
    }

    @Test
    void usedLengthBeyondTheWritablePartIsABug() {
        driver.offer(Buffer.readable(DATA_GPA, 8), Buffer.writable(DATA_GPA, 4));
        DescriptorChain chain = popChain(queue);

        assertThrows(IllegalStateException.class, () -> queue.push(chain, 5));
        assertThrows(IllegalStateException.class, () -> queue.push(chain, -1));
    }

    @Test
    void chainsAreReused() {
        driver.offer(Buffer.readable(DATA_GPA, 4));
        DescriptorChain chain = popChain(queue);
        queue.push(chain, 0);
        driver.offer(Buffer.writable(DATA_GPA, 8));

        assertSame(chain, popChain(queue));
        assertEquals(0, chain.readable().totalBytes());
        assertEquals(8, chain.writable().totalBytes());
    }

    // 2.8.10, 2.8.14: used buffer notifications, which the Driver Event Suppression governs.

    @Test
    void zeroedStructureEnablesNotifications() {
        offerAndUse(driver, queue);

        assertTrue(queue.needsNotification());
        assertFalse(queue.needsNotification());
    }

    @Test
    void disabledMeansNone() {
        driver.disableInterrupts();
        eventDriver.disableInterrupts();
        offerAndUse(driver, queue);
        offerAndUse(eventDriver, eventQueue);

        assertFalse(queue.needsNotification());
        assertFalse(eventQueue.needsNotification());
    }

    @Test
    void enabledNotifiesWithEventIdxToo() {
        eventDriver.writeDriverEvent(RING_EVENT_FLAGS_ENABLE, 5, true);
        offerAndUse(eventDriver, eventQueue);

        assertTrue(eventQueue.needsNotification());
    }

    @Test
    void nothingUsedMeansNoNotification() {
        assertFalse(queue.needsNotification());
        assertFalse(eventQueue.needsNotification());
    }

    @Test
    void reservedFlagsAndADescriptorWithoutEventIdxNotifyRatherThanHang() {
        driver.writeDriverEvent(RING_EVENT_FLAGS_DESC, 5, true);
        offerAndUse(driver, queue);
        assertTrue(queue.needsNotification());

        eventDriver.writeDriverEvent(RESERVED_FLAGS, 5, true);
        offerAndUse(eventDriver, eventQueue);
        assertTrue(eventQueue.needsNotification());

        // An offset beyond the ring would never be reached.
        eventDriver.writeDriverEvent(RING_EVENT_FLAGS_DESC, SIZE, true);
        offerAndUse(eventDriver, eventQueue);
        assertTrue(eventQueue.needsNotification());
    }

    @Test
    void descriptorEventNotifiesOnceItIsReached() {
        eventDriver.writeDriverEvent(RING_EVENT_FLAGS_DESC, 2, true);
        offerAndUse(eventDriver, eventQueue);
        offerAndUse(eventDriver, eventQueue);
        assertFalse(eventQueue.needsNotification());

        offerAndUse(eventDriver, eventQueue);
        assertTrue(eventQueue.needsNotification());
        offerAndUse(eventDriver, eventQueue);
        assertFalse(eventQueue.needsNotification());
    }

    @Test
    void descriptorEventWithinAListThatIsSkippedNotifies() {
        eventDriver.writeDriverEvent(RING_EVENT_FLAGS_DESC, 1, true);
        eventDriver.offer(Buffer.readable(DATA_GPA, 1), Buffer.readable(DATA_GPA, 1), Buffer.readable(DATA_GPA, 1));
        eventQueue.push(popChain(eventQueue), 0);

        assertTrue(eventQueue.needsNotification());
    }

    @Test
    void descriptorEventCountsOnlyInTheLapOfItsWrapCounter() {
        eventDriver.writeDriverEvent(RING_EVENT_FLAGS_DESC, 2, false);
        for (int i = 0; i < SIZE + 2; i++) {
            offerAndUse(eventDriver, eventQueue);
            assertFalse(eventQueue.needsNotification());
        }

        offerAndUse(eventDriver, eventQueue);
        assertTrue(eventQueue.needsNotification());
    }

    @Test
    void batchOverTwoLapsHasEveryDescriptor() {
        eventDriver.writeDriverEvent(RING_EVENT_FLAGS_DESC, 3, true);
        for (int i = 0; i < 5 * SIZE; i++) {
            offerAndUse(eventDriver, eventQueue);
        }

        assertTrue(eventQueue.needsNotification());
    }

    // 2.8.10, 2.8.21.2: available buffer notifications, which the Device Event Suppression governs.

    @Test
    void flagsTellTheDriverWhetherToNotify() {
        queue.disableNotifications();
        driver.offer(Buffer.readable(DATA_GPA, 4));
        assertEquals(RING_EVENT_FLAGS_DISABLE, driver.deviceEvent() >>> 16);
        assertFalse(driver.needsKick());
        popChain(queue);

        assertFalse(queue.enableNotifications());
        driver.offer(Buffer.readable(DATA_GPA, 4));
        assertEquals(RING_EVENT_FLAGS_ENABLE, driver.deviceEvent() >>> 16);
        assertTrue(driver.needsKick());
    }

    @Test
    void descriptorEventFollowsWhatWasTaken() {
        for (int i = 0; i < SIZE; i++) {
            offerAndUse(eventDriver, eventQueue);
        }
        assertFalse(eventQueue.enableNotifications());
        assertEquals(RING_EVENT_FLAGS_DESC << 16, eventDriver.deviceEvent());
        eventDriver.needsKick();

        eventDriver.offer(Buffer.readable(DATA_GPA, 4));
        assertTrue(eventDriver.needsKick());
        eventDriver.offer(Buffer.readable(DATA_GPA, 4));
        assertFalse(eventDriver.needsKick());
    }

    @Test
    void bufferThatCameWhileNotificationsWereOffIsReported() {
        queue.disableNotifications();
        eventQueue.disableNotifications();
        driver.offer(Buffer.readable(DATA_GPA, 4));
        eventDriver.offer(Buffer.readable(DATA_GPA, 4));

        assertTrue(queue.enableNotifications());
        assertTrue(eventQueue.enableNotifications());
    }
}

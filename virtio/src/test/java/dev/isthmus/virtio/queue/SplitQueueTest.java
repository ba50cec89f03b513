// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.virtio.queue;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

import dev.isthmus.memory.GuestMemory;
import dev.isthmus.testing.memory.FakeGuestMemory;
import dev.isthmus.testing.virtio.Buffer;
import dev.isthmus.testing.virtio.QueueDriver;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

/** Rings and notifications, by the clauses of virtio 1.2, section 2.7. */
class SplitQueueTest {
    private static final int SIZE = 8;
    private static final long DATA_GPA = 0x8000;

    private final GuestMemory memory = FakeGuestMemory.ofBytes(0x1_0000);
    private final QueueDriver driver = new QueueDriver(memory, 0x1000, SIZE, false);
    private final SplitQueue queue = open(driver, false, RingPosition.START);
    private final QueueDriver eventDriver = new QueueDriver(memory, 0x3000, SIZE, true);
    private final SplitQueue eventQueue = open(eventDriver, true, RingPosition.START);

    private SplitQueue open(QueueDriver of, boolean eventIdx, RingPosition start) {
        return new SplitQueue(memory, of.layout(), of.size(), eventIdx, true, start);
    }

    private static DescriptorChain popChain(SplitQueue queue) {
        return assertInstanceOf(DescriptorChain.class, queue.pop());
    }

    private static QueueFault popFault(SplitQueue queue) {
        return assertInstanceOf(Malformed.class, queue.pop()).reason();
    }

    private static void offerAndUse(QueueDriver driver, SplitQueue queue) {
        driver.offer(Buffer.readable(DATA_GPA, 4));
        queue.push(popChain(queue), 0);
        assertTrue(driver.pollUsed());
    }

    // 2.7.6: the available ring.

    @Test
    void emptyRingGivesNothing() {
        assertNull(queue.pop());
        assertEquals(0, queue.inFlight());
    }

    @Test
    void buffersComeInTheOrderInWhichTheyWereMadeAvailable() {
        int first = driver.add(Buffer.readable(DATA_GPA, 1));
        int second = driver.add(Buffer.writable(DATA_GPA, 2));
        driver.publish();

        assertEquals(first, popChain(queue).head());
        assertEquals(second, popChain(queue).head());
        assertNull(queue.pop());
        assertEquals(2, queue.inFlight());
    }

    @Test
    void entryBehindTheIdxIsNotTaken() {
        driver.add(Buffer.readable(DATA_GPA, 1));

        assertNull(queue.pop());
    }

    @ParameterizedTest
    @ValueSource(ints = {0, SIZE - 1, 0x7ffe, 0xfffe, 0xffff})
    void indicesWrapNaturallyAt65536(int start) {
        driver.startAt(start);
        SplitQueue wrapping = open(driver, false, new RingPosition(start, start));

        for (int i = 0; i < 3 * SIZE; i++) {
            int head = driver.offer(Buffer.writable(DATA_GPA, 4));
            wrapping.push(popChain(wrapping), i % 4);
            assertTrue(driver.pollUsed());
            assertEquals(head, driver.usedId());
            assertEquals(i % 4, driver.usedLengthBytes());
        }
        assertEquals((start + 3 * SIZE) & 0xffff, driver.usedIdx());
        assertEquals(new RingPosition(driver.usedIdx(), driver.usedIdx()), wrapping.position());
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
        assertEquals(SIZE, queue.inFlight());
    }

    @Test
    void idxFurtherAheadThanTheQueueIsLongIsMalformed() {
        driver.writeAvailableIdx(SIZE + 1);

        assertEquals(QueueFault.AVAILABLE_INDEX, popFault(queue));
    }

    @Test
    void idxThatWentBackIsMalformed() {
        // 2.7.6.1: a driver must not decrement the idx.
        offerAndUse(driver, queue);
        driver.writeAvailableIdx(0);

        assertEquals(QueueFault.AVAILABLE_INDEX, popFault(queue));
    }

    @ParameterizedTest
    @ValueSource(ints = {SIZE, 0x7fff, 0x8000, 0xffff})
    void headOutsideTheTableIsMalformed(int head) {
        driver.addHead(head);
        driver.publish();

        assertEquals(QueueFault.HEAD_INDEX, popFault(queue));
    }

    @Test
    void headThatIsStillInFlightIsMalformed() {
        int head = driver.offer(Buffer.readable(DATA_GPA, 1));
        popChain(queue);
        driver.addHead(head);
        driver.publish();

        assertEquals(QueueFault.HEAD_IN_FLIGHT, popFault(queue));
    }

    @Test
    void brokenQueueStaysBrokenEvenIfTheDriverRepairsIt() {
        driver.writeAvailableIdx(SIZE + 1);
        PopOutcome fault = queue.pop();
        driver.writeAvailableIdx(0);

        assertSame(fault, queue.pop());
        assertFalse(queue.enableNotifications());
    }

    // 2.7.8: the used ring.

    @Test
    void buffersCanBeUsedInAnyOrder() {
        int first = driver.add(Buffer.writable(DATA_GPA, 4));
        int second = driver.add(Buffer.writable(DATA_GPA, 4));
        driver.publish();
        DescriptorChain firstChain = popChain(queue);
        DescriptorChain secondChain = popChain(queue);

        queue.push(secondChain, 2);
        queue.push(firstChain, 1);

        assertTrue(driver.pollUsed());
        assertEquals(second, driver.usedId());
        assertEquals(2, driver.usedLengthBytes());
        assertTrue(driver.pollUsed());
        assertEquals(first, driver.usedId());
        assertEquals(1, driver.usedLengthBytes());
        assertFalse(driver.pollUsed());
    }

    @Test
    void descriptorTableIsNeverWritten() {
        // 2.7.5.1
        driver.offer(Buffer.readable(DATA_GPA, 16), Buffer.writable(DATA_GPA + 16, 16));
        byte[] before = driver.descriptorTable();

        queue.push(popChain(queue), 16);

        assertArrayEquals(before, driver.descriptorTable());
    }

    @Test
    void pushingTwiceIsABug() {
        driver.offer(Buffer.writable(DATA_GPA, 4));
        DescriptorChain chain = popChain(queue);
        queue.push(chain, 0);

        assertThrows(IllegalStateException.class, () -> queue.push(chain, 0));
        assertEquals(1, driver.usedIdx());
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

    // 2.7.7: used buffer notification suppression, without VIRTIO_F_EVENT_IDX.

    @Test
    void driverIsNotifiedWhereItsFlagIsClear() {
        offerAndUse(driver, queue);

        assertTrue(queue.needsNotification());
        assertFalse(queue.needsNotification());
    }

    @Test
    void driverIsNotNotifiedWhereItsFlagIsSet() {
        driver.disableInterrupts();
        offerAndUse(driver, queue);

        assertFalse(queue.needsNotification());
    }

    @Test
    void usedEventIsIgnoredWithoutEventIdx() {
        driver.writeUsedEvent(1000);
        offerAndUse(driver, queue);

        assertTrue(queue.needsNotification());
    }

    @Test
    void nothingUsedMeansNoNotification() {
        assertFalse(queue.needsNotification());
        assertFalse(eventQueue.needsNotification());
    }

    // 2.7.7 with VIRTIO_F_EVENT_IDX.

    @Test
    void usedEventOfZeroNotifiesAfterTheFirstBufferOnly() {
        offerAndUse(eventDriver, eventQueue);
        assertTrue(eventQueue.needsNotification());

        offerAndUse(eventDriver, eventQueue);
        assertFalse(eventQueue.needsNotification());
    }

    @Test
    void usedEventWithinABatchNotifies() {
        eventDriver.writeUsedEvent(2);
        offerAndUse(eventDriver, eventQueue);
        offerAndUse(eventDriver, eventQueue);
        assertFalse(eventQueue.needsNotification());

        offerAndUse(eventDriver, eventQueue);
        offerAndUse(eventDriver, eventQueue);
        assertTrue(eventQueue.needsNotification());
    }

    @Test
    void availableFlagIsIgnoredWithEventIdx() {
        eventDriver.writeAvailableFlags(1);
        offerAndUse(eventDriver, eventQueue);

        assertTrue(eventQueue.needsNotification());
    }

    @Test
    void usedEventIsMetAcrossTheWrapOfTheIndex() {
        eventDriver.startAt(0xfffe);
        SplitQueue wrapping = open(eventDriver, true, new RingPosition(0xfffe, 0xfffe));
        eventDriver.writeUsedEvent(0);
        offerAndUse(eventDriver, wrapping);
        assertFalse(wrapping.needsNotification());

        offerAndUse(eventDriver, wrapping);
        offerAndUse(eventDriver, wrapping);
        assertTrue(wrapping.needsNotification());
    }

    @Test
    void batchThatGoesAllTheWayRoundNotifies() {
        eventDriver.writeUsedEvent(40_000);
        for (int i = 0; i < 0x1_0000; i++) {
            offerAndUse(eventDriver, eventQueue);
        }

        assertTrue(eventQueue.needsNotification());
    }

    // 2.7.10: available buffer notification suppression.

    @Test
    void flagTellsTheDriverWhetherToNotify() {
        queue.disableNotifications();
        assertEquals(1, driver.usedFlags());

        assertFalse(queue.enableNotifications());
        assertEquals(0, driver.usedFlags());
    }

    @Test
    void flagsStayZeroWithEventIdx() {
        eventQueue.disableNotifications();

        assertEquals(0, eventDriver.usedFlags());
    }

    @Test
    void availEventFollowsWhatWasTaken() {
        eventDriver.offer(Buffer.readable(DATA_GPA, 4));
        assertTrue(eventDriver.needsKick());
        popChain(eventQueue);
        eventQueue.disableNotifications();
        eventDriver.offer(Buffer.readable(DATA_GPA, 4));
        assertFalse(eventDriver.needsKick());
        popChain(eventQueue);

        assertFalse(eventQueue.enableNotifications());

        assertEquals(2, eventDriver.availEvent());
        eventDriver.offer(Buffer.readable(DATA_GPA, 4));
        assertTrue(eventDriver.needsKick());
    }

    @Test
    void bufferThatCameWhileNotificationsWereOffIsReported() {
        queue.disableNotifications();
        driver.offer(Buffer.readable(DATA_GPA, 4));
        eventDriver.offer(Buffer.readable(DATA_GPA, 4));

        assertTrue(queue.enableNotifications());
        assertTrue(eventQueue.enableNotifications());
    }

    @Test
    void faultSeenWhileEnablingIsReportedByTheNextPop() {
        driver.writeAvailableIdx(SIZE + 5);

        assertTrue(queue.enableNotifications());
        assertEquals(QueueFault.AVAILABLE_INDEX, popFault(queue));
    }

    @Test
    void indexIsNotReadAgainWhileEntriesAreLeft() {
        driver.add(Buffer.readable(DATA_GPA, 1));
        driver.add(Buffer.readable(DATA_GPA, 1));
        driver.publish();
        popChain(queue);
        driver.writeAvailableIdx(SIZE + 5);

        popChain(queue);
        assertEquals(QueueFault.AVAILABLE_INDEX, popFault(queue));
    }

    @Test
    void ringPositionIsSixteenBitsWide() {
        assertThrows(IllegalArgumentException.class, () -> new RingPosition(0x1_0000, 0));
        assertThrows(IllegalArgumentException.class, () -> new RingPosition(0, -1));
    }
}

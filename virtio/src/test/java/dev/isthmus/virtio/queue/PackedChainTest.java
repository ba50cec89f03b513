// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.virtio.queue;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

import dev.isthmus.memory.GuestMemory;
import dev.isthmus.memory.ScatterView;
import dev.isthmus.testing.memory.FakeGuestMemory;
import dev.isthmus.testing.virtio.Buffer;
import dev.isthmus.testing.virtio.PackedQueueDriver;

import static dev.isthmus.testing.virtio.RingDriver.VIRTQ_DESC_F_INDIRECT;
import static dev.isthmus.testing.virtio.RingDriver.VIRTQ_DESC_F_NEXT;
import static dev.isthmus.testing.virtio.RingDriver.VIRTQ_DESC_F_WRITE;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;

/** Lists of descriptors in the ring and indirect ones, by the clauses of virtio 1.2, sections 2.8.5 to 2.8.7. */
class PackedChainTest {
    private static final int SIZE = 6;
    private static final int CHAIN_MAX = 16;
    private static final long LOW_RAM_BYTES = 0x1_0000;
    private static final long HIGH_RAM_GPA = 0x1_0000_0000L;
    private static final long DATA_GPA = 0x8000;
    private static final long TABLE_GPA = 0x4000;
    private static final int ID = 4711;

    private final GuestMemory memory = FakeGuestMemory.withHole(LOW_RAM_BYTES, HIGH_RAM_GPA, 0x1000);
    private final PackedQueueDriver driver = new PackedQueueDriver(memory, 0x1000, SIZE, false);
    private final PackedQueue queue = open(true);

    private PackedQueue open(boolean indirectDesc) {
        return new PackedQueue(memory, driver.layout(), CHAIN_MAX, false, indirectDesc, PackedPosition.START);
    }

    private DescriptorChain popChain() {
        driver.publish();
        return assertInstanceOf(DescriptorChain.class, queue.pop());
    }

    private void assertFault(QueueFault expected) {
        assertFault(expected, queue);
    }

    private void assertFault(QueueFault expected, PackedQueue from) {
        driver.publish();
        assertEquals(expected, assertInstanceOf(Malformed.class, from.pop()).reason());
    }

    private static void assertElement(ScatterView view, int index, long offset, long lengthBytes) {
        assertEquals(offset, view.offset(index));
        assertEquals(lengthBytes, view.lengthBytes(index));
    }

    // 2.8.5, 2.8.6, 2.8.17: lists in the ring.

    @Test
    void readableAndWritablePartsAreToldApart() {
        driver.add(
                Buffer.readable(DATA_GPA, 16),
                Buffer.readable(DATA_GPA + 0x100, 32),
                Buffer.writable(HIGH_RAM_GPA + 0x10, 512),
                Buffer.writable(DATA_GPA + 0x200, 1));

        DescriptorChain chain = popChain();

        assertEquals(2, chain.readable().count());
        assertElement(chain.readable(), 0, DATA_GPA, 16);
        assertElement(chain.readable(), 1, DATA_GPA + 0x100, 32);
        assertEquals(2, chain.writable().count());
        assertElement(chain.writable(), 0, 0x10, 512);
        assertElement(chain.writable(), 1, DATA_GPA + 0x200, 1);
    }

    @Test
    void idIsThatOfTheLastDescriptor() {
        // 2.8.6
        driver.place(DATA_GPA, 1, 1, VIRTQ_DESC_F_NEXT);
        driver.place(DATA_GPA, 1, 2, VIRTQ_DESC_F_NEXT);
        driver.place(DATA_GPA, 1, ID, 0);

        assertEquals(ID, popChain().head());
    }

    @Test
    void chainIsASnapshotThatLaterWritesDoNotChange() {
        driver.add(Buffer.readable(DATA_GPA, 16));
        DescriptorChain chain = popChain();

        driver.writeDescriptor(0, 0, 0xffff_ffffL, 0, VIRTQ_DESC_F_WRITE);

        assertElement(chain.readable(), 0, DATA_GPA, 16);
        assertEquals(0, chain.writable().count());
    }

    @ParameterizedTest
    @ValueSource(longs = {LOW_RAM_BYTES - 1, LOW_RAM_BYTES, HIGH_RAM_GPA - 1, Long.MIN_VALUE, -1, Long.MAX_VALUE})
    void bufferOutsideRamIsMalformed(long gpa) {
        driver.place(gpa, 2, ID, VIRTQ_DESC_F_WRITE);

        assertFault(QueueFault.BUFFER_OUTSIDE_RAM);
    }

    @Test
    void emptyBuffersAreLeftOutWhereverTheyPoint() {
        driver.add(Buffer.readable(-1, 0), Buffer.readable(DATA_GPA, 4), Buffer.writable(LOW_RAM_BYTES, 0));

        DescriptorChain chain = popChain();

        assertEquals(1, chain.readable().count());
        assertEquals(0, chain.writable().count());
    }

    @Test
    void readableAfterWritableIsMalformed() {
        // 2.8.17
        driver.place(DATA_GPA, 4, ID, VIRTQ_DESC_F_WRITE | VIRTQ_DESC_F_NEXT);
        driver.place(DATA_GPA, 4, ID, 0);

        assertFault(QueueFault.READABLE_AFTER_WRITABLE);
    }

    @Test
    void listOfAllDescriptorsIsSound() {
        for (int i = 0; i < SIZE; i++) {
            driver.place(DATA_GPA + i, 1, ID, i + 1 < SIZE ? VIRTQ_DESC_F_NEXT : 0);
        }

        assertEquals(SIZE, popChain().readable().count());
    }

    @ParameterizedTest
    @ValueSource(ints = {0, 1})
    void listThatGoesAllTheWayRoundIsMalformed(int lengthBytes) {
        // 2.8.17: no longer than the queue, and so no loops.
        for (int i = 0; i < SIZE; i++) {
            driver.place(DATA_GPA, lengthBytes, ID, VIRTQ_DESC_F_NEXT);
        }

        assertFault(QueueFault.CHAIN_LENGTH);
    }

    @Test
    void listThatReachesIntoDescriptorsInFlightIsMalformed() {
        // 2.8.17: there must be room for the whole list.
        driver.add(Buffer.readable(DATA_GPA, 1), Buffer.readable(DATA_GPA, 1));
        popChain();
        for (int i = 0; i < SIZE - 1; i++) {
            driver.place(DATA_GPA, 1, ID, VIRTQ_DESC_F_NEXT);
        }

        assertFault(QueueFault.CHAIN_LENGTH);
    }

    @Test
    void reservedFlagsAreIgnored() {
        driver.place(DATA_GPA, 4, ID, 0x7f78);

        assertEquals(4, popChain().readable().totalBytes());
    }

    // 2.8.7, 2.8.19: indirect descriptors.

    @Test
    void indirectTableIsTakenInItsOrderAndNeedsOneDescriptor() {
        int id = driver.addIndirect(TABLE_GPA, Buffer.readable(DATA_GPA, 16), Buffer.writable(DATA_GPA + 16, 8));

        DescriptorChain chain = popChain();

        assertEquals(id, chain.head());
        assertElement(chain.readable(), 0, DATA_GPA, 16);
        assertElement(chain.writable(), 0, DATA_GPA + 16, 8);
        assertEquals(1, queue.position().nextAvailable());
    }

    @Test
    void indirectTableMayHaveAnyAlignment() {
        driver.addIndirect(TABLE_GPA + 3, Buffer.readable(DATA_GPA, 16));

        assertEquals(16, popChain().readable().totalBytes());
    }

    @Test
    void directAndIndirectListsMayBeMixedInARing() {
        // 2.8.5
        driver.add(Buffer.readable(DATA_GPA, 1), Buffer.readable(DATA_GPA, 1));
        driver.addIndirect(TABLE_GPA, Buffer.readable(DATA_GPA, 2));
        driver.add(Buffer.readable(DATA_GPA, 3));

        assertEquals(2, popChain().readable().totalBytes());
        assertEquals(2, popChain().readable().totalBytes());
        assertEquals(3, popChain().readable().totalBytes());
    }

    @Test
    void flagsOtherThanWriteAreIgnoredWithinATable() {
        // 2.8.7
        driver.writeTableEntry(TABLE_GPA, 0, DATA_GPA, 4, 9, ~VIRTQ_DESC_F_WRITE);
        driver.writeTableEntry(TABLE_GPA, 1, DATA_GPA, 5, 9, VIRTQ_DESC_F_WRITE);
        driver.place(TABLE_GPA, 32, ID, VIRTQ_DESC_F_INDIRECT);

        DescriptorChain chain = popChain();

        assertEquals(ID, chain.head());
        assertEquals(4, chain.readable().totalBytes());
        assertEquals(5, chain.writable().totalBytes());
    }

    @Test
    void writeFlagOfTheDescriptorThatRefersToATableIsIgnored() {
        // 2.8.7
        driver.writeTableEntry(TABLE_GPA, 0, DATA_GPA, 4, 0, 0);
        driver.place(TABLE_GPA, 16, ID, VIRTQ_DESC_F_INDIRECT | VIRTQ_DESC_F_WRITE);

        assertEquals(4, popChain().readable().totalBytes());
    }

    @Test
    void indirectListMayBeLongerThanTheQueueUpToTheDevicesMaximum() {
        Buffer[] buffers = new Buffer[CHAIN_MAX];
        for (int i = 0; i < CHAIN_MAX; i++) {
            buffers[i] = Buffer.writable(DATA_GPA + i, 1);
        }
        driver.addIndirect(TABLE_GPA, buffers);

        assertEquals(CHAIN_MAX, popChain().writable().count());
    }

    @ParameterizedTest
    @ValueSource(longs = {16 * (CHAIN_MAX + 1), 0x8000})
    void indirectListBeyondTheDevicesMaximumIsMalformed(long len) {
        // 2.8.19
        driver.place(TABLE_GPA, len, ID, VIRTQ_DESC_F_INDIRECT);

        assertFault(QueueFault.CHAIN_LENGTH);
    }

    @Test
    void faultWithinATableIsFound() {
        driver.writeTableEntry(TABLE_GPA, 0, DATA_GPA, 4, 0, VIRTQ_DESC_F_WRITE);
        driver.writeTableEntry(TABLE_GPA, 1, DATA_GPA, 4, 0, 0);
        driver.writeTableEntry(TABLE_GPA, 2, DATA_GPA, 4, 0, VIRTQ_DESC_F_WRITE);
        driver.place(TABLE_GPA, 48, ID, VIRTQ_DESC_F_INDIRECT);

        assertFault(QueueFault.READABLE_AFTER_WRITABLE);
    }

    @Test
    void indirectWithoutTheFeatureIsMalformed() {
        // 2.8.19
        driver.place(TABLE_GPA, 16, ID, VIRTQ_DESC_F_INDIRECT);

        assertFault(QueueFault.INDIRECT_NOT_NEGOTIATED, open(false));
    }

    @Test
    void indirectWithNextIsMalformed() {
        // 2.8.19
        driver.place(TABLE_GPA, 16, ID, VIRTQ_DESC_F_INDIRECT | VIRTQ_DESC_F_NEXT);

        assertFault(QueueFault.INDIRECT_WITH_NEXT);
    }

    @Test
    void indirectWithinAListIsMalformed() {
        // 2.8.5, 2.8.19: a list has descriptors of one kind.
        driver.place(DATA_GPA, 16, ID, VIRTQ_DESC_F_NEXT);
        driver.place(TABLE_GPA, 16, ID, VIRTQ_DESC_F_INDIRECT);

        assertFault(QueueFault.INDIRECT_WITH_NEXT);
    }

    @ParameterizedTest
    @ValueSource(longs = {0, 1, 15, 17, 0xffff_ffffL})
    void indirectTableOfBrokenDescriptorsIsMalformed(long len) {
        driver.place(TABLE_GPA, len, ID, VIRTQ_DESC_F_INDIRECT);

        assertFault(QueueFault.INDIRECT_LENGTH);
    }

    @ParameterizedTest
    @ValueSource(longs = {LOW_RAM_BYTES - 15, LOW_RAM_BYTES, -16, Long.MAX_VALUE - 15})
    void indirectTableOutsideRamIsMalformed(long gpa) {
        driver.place(gpa, 16, ID, VIRTQ_DESC_F_INDIRECT);

        assertFault(QueueFault.INDIRECT_OUTSIDE_RAM);
    }
}

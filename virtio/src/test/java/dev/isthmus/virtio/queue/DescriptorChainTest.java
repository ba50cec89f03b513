// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.virtio.queue;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

import dev.isthmus.memory.GuestMemory;
import dev.isthmus.memory.ScatterView;
import dev.isthmus.testing.memory.FakeGuestMemory;
import dev.isthmus.testing.virtio.Buffer;
import dev.isthmus.testing.virtio.QueueDriver;

import static dev.isthmus.testing.virtio.QueueDriver.VIRTQ_DESC_F_INDIRECT;
import static dev.isthmus.testing.virtio.QueueDriver.VIRTQ_DESC_F_NEXT;
import static dev.isthmus.testing.virtio.QueueDriver.VIRTQ_DESC_F_WRITE;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertNotNull;

/** Descriptor tables, direct and indirect, by the clauses of virtio 1.2, section 2.7.5. */
class DescriptorChainTest {
    private static final int SIZE = 8;
    private static final int CHAIN_MAX = 16;
    private static final long LOW_RAM_BYTES = 0x1_0000;
    private static final long HIGH_RAM_GPA = 0x1_0000_0000L;
    private static final long DATA_GPA = 0x8000;
    private static final long TABLE_GPA = 0x4000;

    private final GuestMemory memory = FakeGuestMemory.withHole(LOW_RAM_BYTES, HIGH_RAM_GPA, 0x1000);
    private final QueueDriver driver = new QueueDriver(memory, 0x1000, SIZE, false);
    private final SplitQueue queue = open(true);

    private SplitQueue open(boolean indirectDesc) {
        return new SplitQueue(memory, driver.layout(), CHAIN_MAX, false, indirectDesc, RingPosition.START);
    }

    private DescriptorChain popChain() {
        return assertInstanceOf(DescriptorChain.class, queue.pop());
    }

    private void assertFault(QueueFault expected) {
        assertFault(expected, queue);
    }

    private void assertFault(QueueFault expected, SplitQueue from) {
        driver.addHead(0);
        driver.publish();
        Malformed malformed = assertInstanceOf(Malformed.class, from.pop());
        assertEquals(expected, malformed.reason());
        assertNotNull(malformed.reason().description());
    }

    private static void assertElement(ScatterView view, int index, long offset, long lengthBytes) {
        assertEquals(offset, view.offset(index));
        assertEquals(lengthBytes, view.lengthBytes(index));
    }

    // 2.7.5: the table.

    @Test
    void readableAndWritablePartsAreToldApart() {
        driver.offer(
                Buffer.readable(DATA_GPA, 16),
                Buffer.readable(DATA_GPA + 0x100, 32),
                Buffer.writable(HIGH_RAM_GPA + 0x10, 512),
                Buffer.writable(DATA_GPA + 0x200, 1));

        DescriptorChain chain = popChain();

        assertEquals(2, chain.readable().count());
        assertElement(chain.readable(), 0, DATA_GPA, 16);
        assertElement(chain.readable(), 1, DATA_GPA + 0x100, 32);
        assertEquals(48, chain.readable().totalBytes());
        assertEquals(2, chain.writable().count());
        assertElement(chain.writable(), 0, 0x10, 512);
        assertElement(chain.writable(), 1, DATA_GPA + 0x200, 1);
        assertEquals(513, chain.writable().totalBytes());
    }

    @Test
    void chainIsASnapshotThatLaterWritesDoNotChange() {
        int head = driver.offer(Buffer.readable(DATA_GPA, 16));
        DescriptorChain chain = popChain();

        driver.writeDescriptor(head, 0, 0xffff_ffffL, VIRTQ_DESC_F_WRITE, 0);

        assertElement(chain.readable(), 0, DATA_GPA, 16);
        assertEquals(0, chain.writable().count());
    }

    @Test
    void bufferThatEndsWithRamIsSound() {
        driver.offer(Buffer.readable(LOW_RAM_BYTES - 4, 4), Buffer.writable(HIGH_RAM_GPA + 0xffc, 4));

        assertEquals(4, popChain().writable().totalBytes());
    }

    @Test
    void bufferThatCrossesTheEndOfRamIsMalformed() {
        driver.writeDescriptor(0, LOW_RAM_BYTES - 4, 5, 0, 0);

        assertFault(QueueFault.BUFFER_OUTSIDE_RAM);
    }

    @ParameterizedTest
    @ValueSource(longs = {LOW_RAM_BYTES, HIGH_RAM_GPA - 1, Long.MIN_VALUE, -1, Long.MAX_VALUE})
    void bufferOutsideRamIsMalformed(long gpa) {
        driver.writeDescriptor(0, gpa, 1, VIRTQ_DESC_F_WRITE, 0);

        assertFault(QueueFault.BUFFER_OUTSIDE_RAM);
    }

    @Test
    void emptyBuffersAreLeftOutWhereverTheyPoint() {
        driver.offer(Buffer.readable(-1, 0), Buffer.readable(DATA_GPA, 4), Buffer.writable(LOW_RAM_BYTES, 0));

        DescriptorChain chain = popChain();

        assertEquals(1, chain.readable().count());
        assertEquals(0, chain.writable().count());
    }

    @Test
    void readableAfterWritableIsMalformed() {
        // 2.7.4.2
        driver.writeDescriptor(0, DATA_GPA, 4, VIRTQ_DESC_F_WRITE | VIRTQ_DESC_F_NEXT, 1);
        driver.writeDescriptor(1, DATA_GPA, 4, 0, 0);

        assertFault(QueueFault.READABLE_AFTER_WRITABLE);
    }

    @Test
    void loopIsMalformed() {
        // 2.7.5.2
        driver.writeDescriptor(0, DATA_GPA, 4, VIRTQ_DESC_F_NEXT, 1);
        driver.writeDescriptor(1, DATA_GPA, 4, VIRTQ_DESC_F_NEXT, 0);

        assertFault(QueueFault.CHAIN_LENGTH);
    }

    @Test
    void loopOfEmptyBuffersIsMalformed() {
        driver.writeDescriptor(0, DATA_GPA, 0, VIRTQ_DESC_F_NEXT, 0);

        assertFault(QueueFault.CHAIN_LENGTH);
    }

    @Test
    void chainOfAllDescriptorsIsSound() {
        Buffer[] buffers = new Buffer[SIZE];
        for (int i = 0; i < SIZE; i++) {
            buffers[i] = Buffer.readable(DATA_GPA + i, 1);
        }
        driver.offer(buffers);

        assertEquals(SIZE, popChain().readable().count());
    }

    @ParameterizedTest
    @ValueSource(ints = {SIZE, 0x8000, 0xffff})
    void nextOutsideTheTableIsMalformed(int next) {
        driver.writeDescriptor(0, DATA_GPA, 4, VIRTQ_DESC_F_NEXT, next);

        assertFault(QueueFault.NEXT_INDEX);
    }

    @Test
    void nextIsIgnoredWithoutItsFlag() {
        driver.writeDescriptor(0, DATA_GPA, 4, 0, 0xffff);
        driver.addHead(0);
        driver.publish();

        assertEquals(4, popChain().readable().totalBytes());
    }

    @Test
    void reservedFlagsAreIgnored() {
        driver.writeDescriptor(0, DATA_GPA, 4, 0xfff8, 0);
        driver.addHead(0);
        driver.publish();

        assertEquals(4, popChain().readable().totalBytes());
    }

    // 2.7.5.3: indirect descriptors.

    @Test
    void indirectTableIsFollowedFromItsFirstEntry() {
        driver.addIndirect(TABLE_GPA, Buffer.readable(DATA_GPA, 16), Buffer.writable(DATA_GPA + 16, 8));
        driver.publish();

        DescriptorChain chain = popChain();

        assertElement(chain.readable(), 0, DATA_GPA, 16);
        assertElement(chain.writable(), 0, DATA_GPA + 16, 8);
    }

    @Test
    void indirectTableMayHaveAnyAlignment() {
        driver.addIndirect(TABLE_GPA + 3, Buffer.readable(DATA_GPA, 16));
        driver.publish();

        assertEquals(16, popChain().readable().totalBytes());
    }

    @Test
    void writeFlagOfTheDescriptorThatRefersToATableIsIgnored() {
        // 2.7.5.3.2
        driver.writeTableEntry(TABLE_GPA, 0, DATA_GPA, 4, 0, 0);
        driver.writeDescriptor(0, TABLE_GPA, 16, VIRTQ_DESC_F_INDIRECT | VIRTQ_DESC_F_WRITE, 0);
        driver.addHead(0);
        driver.publish();

        assertEquals(4, popChain().readable().totalBytes());
    }

    @Test
    void normalDescriptorsMayComeBeforeAnIndirectOne() {
        // 2.7.5.3.2
        driver.writeDescriptor(0, DATA_GPA, 16, VIRTQ_DESC_F_NEXT, 5);
        driver.writeDescriptor(5, TABLE_GPA, 32, VIRTQ_DESC_F_INDIRECT, 0);
        driver.writeTableEntry(TABLE_GPA, 0, DATA_GPA + 16, 8, VIRTQ_DESC_F_NEXT, 1);
        driver.writeTableEntry(TABLE_GPA, 1, DATA_GPA + 24, 4, VIRTQ_DESC_F_WRITE, 0);
        driver.addHead(0);
        driver.publish();

        DescriptorChain chain = popChain();

        assertEquals(24, chain.readable().totalBytes());
        assertEquals(4, chain.writable().totalBytes());
    }

    @Test
    void indirectChainMayBeLongerThanTheQueueUpToTheDevicesMaximum() {
        Buffer[] buffers = new Buffer[CHAIN_MAX];
        for (int i = 0; i < CHAIN_MAX; i++) {
            buffers[i] = Buffer.writable(DATA_GPA + i, 1);
        }
        driver.addIndirect(TABLE_GPA, buffers);
        driver.publish();

        assertEquals(CHAIN_MAX, popChain().writable().count());
    }

    @Test
    void indirectChainBeyondTheDevicesMaximumIsMalformed() {
        // 2.7.5.3.1
        for (int i = 0; i <= CHAIN_MAX; i++) {
            driver.writeTableEntry(TABLE_GPA, i, DATA_GPA, 1, i < CHAIN_MAX ? VIRTQ_DESC_F_NEXT : 0, i + 1);
        }
        driver.writeDescriptor(0, TABLE_GPA, 16 * (CHAIN_MAX + 1), VIRTQ_DESC_F_INDIRECT, 0);

        assertFault(QueueFault.CHAIN_LENGTH);
    }

    @Test
    void loopWithinAnIndirectTableIsMalformed() {
        driver.writeTableEntry(TABLE_GPA, 0, DATA_GPA, 1, VIRTQ_DESC_F_NEXT, 0);
        driver.writeDescriptor(0, TABLE_GPA, 16, VIRTQ_DESC_F_INDIRECT, 0);

        assertFault(QueueFault.CHAIN_LENGTH);
    }

    @Test
    void indirectWithoutTheFeatureIsMalformed() {
        // 2.7.5.3.1
        driver.writeDescriptor(0, TABLE_GPA, 16, VIRTQ_DESC_F_INDIRECT, 0);

        assertFault(QueueFault.INDIRECT_NOT_NEGOTIATED, open(false));
    }

    @Test
    void indirectWithinIndirectIsMalformed() {
        // 2.7.5.3.1
        driver.writeTableEntry(TABLE_GPA, 0, TABLE_GPA, 16, VIRTQ_DESC_F_INDIRECT, 0);
        driver.writeDescriptor(0, TABLE_GPA, 16, VIRTQ_DESC_F_INDIRECT, 0);

        assertFault(QueueFault.INDIRECT_NESTED);
    }

    @Test
    void indirectWithNextIsMalformed() {
        // 2.7.5.3.1
        driver.writeDescriptor(0, TABLE_GPA, 16, VIRTQ_DESC_F_INDIRECT | VIRTQ_DESC_F_NEXT, 1);

        assertFault(QueueFault.INDIRECT_WITH_NEXT);
    }

    @ParameterizedTest
    @ValueSource(longs = {0, 1, 15, 17, 0xffff_ffffL})
    void indirectTableOfBrokenDescriptorsIsMalformed(long len) {
        driver.writeDescriptor(0, TABLE_GPA, len, VIRTQ_DESC_F_INDIRECT, 0);

        assertFault(QueueFault.INDIRECT_LENGTH);
    }

    @ParameterizedTest
    @ValueSource(longs = {LOW_RAM_BYTES - 15, LOW_RAM_BYTES, -16, Long.MAX_VALUE - 15})
    void indirectTableOutsideRamIsMalformed(long gpa) {
        driver.writeDescriptor(0, gpa, 16, VIRTQ_DESC_F_INDIRECT, 0);

        assertFault(QueueFault.INDIRECT_OUTSIDE_RAM);
    }

    @Test
    void nextOutsideTheIndirectTableIsMalformed() {
        driver.writeTableEntry(TABLE_GPA, 0, DATA_GPA, 4, VIRTQ_DESC_F_NEXT, 1);
        driver.writeDescriptor(0, TABLE_GPA, 16, VIRTQ_DESC_F_INDIRECT, 0);

        assertFault(QueueFault.NEXT_INDEX);
    }
}

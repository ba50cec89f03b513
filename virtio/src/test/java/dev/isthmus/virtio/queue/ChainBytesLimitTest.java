// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.virtio.queue;

import java.lang.foreign.Arena;

import org.junit.jupiter.api.Test;

import dev.isthmus.memory.GuestMemory;
import dev.isthmus.memory.MemoryRegion;
import dev.isthmus.testing.virtio.Buffer;
import dev.isthmus.testing.virtio.QueueDriver;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;

/** The limit of 2^32 bytes a chain (virtio 1.2, 2.7.5.2), reached by naming the same memory many times. */
class ChainBytesLimitTest {
    private static final int SIZE = 64;
    private static final int REGION_BYTES = 1 << 26;

    // REGION_BYTES * SIZE = 2^32: one chain of all descriptors reaches the limit exactly.
    private final GuestMemory memory =
            GuestMemory.of(new MemoryRegion(0, Arena.ofAuto().allocate(REGION_BYTES, 4096)));
    private final QueueDriver driver = new QueueDriver(memory, 0, SIZE, false);
    private final SplitQueue queue = new SplitQueue(
            memory,
            driver.layout(),
            2 * SIZE,
            false,
            true,
            RingPosition.START);

    private static Buffer[] wholeRegion(int count) {
        Buffer[] buffers = new Buffer[count];
        for (int i = 0; i < count; i++) {
            buffers[i] = Buffer.writable(0, REGION_BYTES);
        }
        return buffers;
    }

    @Test
    void chainOfExactlyTheLimitIsSoundAndItsUsedLengthIsUnderstated() {
        driver.offer(wholeRegion(SIZE));
        DescriptorChain chain = assertInstanceOf(DescriptorChain.class, queue.pop());
        assertEquals(1L << 32, chain.writable().totalBytes());

        queue.push(chain, 1L << 32);

        driver.pollUsed();
        assertEquals(0xffff_ffffL, driver.usedLengthBytes());
    }

    @Test
    void chainBeyondTheLimitIsMalformed() {
        Buffer[] buffers = wholeRegion(SIZE + 1);
        buffers[SIZE] = Buffer.writable(0, 1);
        driver.addIndirect(0x10_0000, buffers);
        driver.publish();

        assertEquals(QueueFault.CHAIN_BYTES, assertInstanceOf(Malformed.class, queue.pop()).reason());
    }
}
